"""Roles: AssumeRole, what their policies permit, and the least privilege of our templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fc2
import pytest
import yaml
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from hypothesis import given
from hypothesis import strategies as st
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta

import localcloud
from localcloud.fleet import FleetError
from localcloud.handle import Handle
from localcloud.ram import PolicyError, RolePolicy, matches, statements_of
from tests.support.clouds import group, instances

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "1234567890", "cn-hangzhou"
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]},
        }
    ]
}
NOT_OURS = {"Statement": [{"Effect": "Allow", "Principal": {"RAM": ["acs:ram::9:root"]}}]}
STACK = "scalein"
PARAMETERS = {
    "ScalingGroupArns": [f"acs:ess:{REGION}:{ACCOUNT}:scalinggroup/asg-1"],
    "ALIYUN::Region": REGION,
    "ALIYUN::TenantId": ACCOUNT,
    "ALIYUN::StackName": STACK,
}
Keys = tuple[str, str, str]


def resolved(value: Any) -> Any:
    """The value with the stack's parameters; what other resources have is as their names."""
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return PARAMETERS[value["Ref"]]
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        text = text[0] if isinstance(text, list) else text
        return re.sub(r"\$\{([^}]+)\}", lambda m: str(PARAMETERS.get(m[1], m[1])), text)
    return {name: resolved(inner) for name, inner in value.items()}


def function_policies(template: str) -> list[dict[str, Any]]:
    """The policy documents of the function's role."""
    document = yaml.safe_load((ROOT / template).read_text(encoding="utf-8"))
    [role] = [
        resource["Properties"]
        for resource in document["Resources"].values()
        if resource["Type"] == "ALIYUN::RAM::Role"
        and "ess:RemoveInstances" in json.dumps(resource["Properties"])
    ]
    return [resolved(policy["PolicyDocument"]) for policy in role["Policies"]]


def fleet(*policies: Mapping[str, Any]) -> dict[str, Any]:
    policies_of_role = list(policies) or function_policies("template.yml")
    return {
        "accountId": ACCOUNT,
        "groups": [group(*instances(3)), group(*instances(3, "j"), scalingGroupId="asg-2")],
        "roles": [
            {
                "roleName": "function",
                "assumeRolePolicyDocument": TRUST,
                "policies": policies_of_role,
            },
            {"roleName": "long", "assumeRolePolicyDocument": TRUST, "maxSessionDuration": 7_200},
            {"roleName": "foreign", "assumeRolePolicyDocument": NOT_OURS},
        ],
        "accounts": [
            {
                "accountId": ACCOUNT,
                "accessKeyId": "poor",
                "accessKeySecret": "poor-secret",
                "policies": [],
            }
        ],
    }


def call(
    key: tuple[str, ...], host: str, version: str, action: str, **params: str
) -> dict[str, Any]:
    """Through the official SDK, with a key of two or three parts."""
    request = CommonRequest(host, version, action)
    for name, value in params.items():
        request.add_query_param(name.replace("_", "."), value)
    if len(key) == 3:
        request.add_query_param("SecurityToken", key[2])
    client = AcsClient(key[0], key[1], REGION, auto_retry=False)
    return dict(json.loads(client.do_action_with_exception(request)))


def assume(cloud: Handle, **params: str) -> Keys:
    given = {
        "RoleArn": f"acs:ram::{ACCOUNT}:role/function",
        "RoleSessionName": "alice",
        **params,
    }
    own = (cloud.access_key_id, cloud.access_key_secret)
    made = call(own, "sts.aliyuncs.com", "2015-04-01", "AssumeRole", **given)["Credentials"]
    return made["AccessKeyId"], made["AccessKeySecret"], made["SecurityToken"]


def ess(key: tuple[str, ...], action: str, **params: str) -> dict[str, Any]:
    return call(key, "ess.aliyuncs.com", "2014-08-28", action, **params)


def code_of(caught: pytest.ExceptionInfo[ServerException]) -> tuple[int, str]:
    return caught.value.get_http_status(), caught.value.get_error_code()


@pytest.fixture
def cloud() -> Iterator[Handle]:
    with localcloud.mocked(fleet()) as made:
        yield made


def test_the_keys_of_a_role_are_a_session_s_and_say_so(cloud: Handle) -> None:
    key = assume(cloud)
    described = call(key, "sts.aliyuncs.com", "2015-04-01", "GetCallerIdentity")

    assert key[0].startswith("STS.")
    assert (described["IdentityType"], described["AccountId"]) == ("AssumedRoleUser", ACCOUNT)
    assert described["Arn"] == f"acs:ram::{ACCOUNT}:assumed-role/function/alice"


def test_a_session_ends_by_the_cloud_s_clock(cloud: Handle) -> None:
    key = assume(cloud, DurationSeconds="900")
    cloud.advance(899)
    ess(key, "DescribeScalingGroups")
    cloud.advance(1)
    with pytest.raises(ServerException) as caught:
        ess(key, "DescribeScalingGroups")

    assert code_of(caught) == (400, "InvalidSecurityToken.Expired")


def test_a_permanent_key_of_another_account_takes_no_token(cloud: Handle) -> None:
    with pytest.raises(ServerException) as caught:
        ess(("poor", "poor-secret", assume(cloud)[2]), "DescribeScalingGroups")

    assert code_of(caught) == (400, "InvalidSecurityToken.MismatchWithAccessKey")


def test_a_role_limits_how_long_its_sessions_last(cloud: Handle) -> None:
    long = f"acs:ram::{ACCOUNT}:role/long"
    assume(cloud, RoleArn=long, DurationSeconds="7200")
    with pytest.raises(ServerException, match="15min/2hr") as caught:
        assume(cloud, RoleArn=long, DurationSeconds="7201")

    assert code_of(caught) == (400, "InvalidParameter.DurationSeconds")


def test_a_session_s_key_needs_its_token(cloud: Handle) -> None:
    one, other = assume(cloud), assume(cloud)
    wrong: tuple[str, ...] = (*one[:2], other[2])
    for key, code in ((one[:2], "MissingSecurityToken"), (wrong, "InvalidSecurityToken.Malformed")):
        with pytest.raises(ServerException) as caught:
            ess(key, "DescribeScalingGroups")
        assert code_of(caught) == (400, code)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"RoleArn": f"acs:ram::{ACCOUNT}:role/none"}, (404, "EntityNotExist.Role")),
        ({"RoleArn": f"acs:ram::{ACCOUNT}:role/foreign"}, (403, "NoPermission")),
        ({"RoleArn": "acs:ram::x"}, (400, "InvalidParameter.RoleArn")),
        ({"RoleSessionName": "a"}, (400, "InvalidParameter.RoleSessionName")),
        ({"DurationSeconds": "899"}, (400, "InvalidParameter.DurationSeconds")),
        ({"DurationSeconds": "3601"}, (400, "InvalidParameter.DurationSeconds")),
        ({"Policy": "{"}, (400, "InvalidParameter.PolicyGrammar")),
        ({"Policy": '{"Statement": [{}]}'}, (400, "InvalidParameter.PolicyGrammar")),
    ],
)
def test_a_role_that_may_not_be_assumed_is_refused(
    cloud: Handle, params: dict[str, str], expected: tuple[int, str]
) -> None:
    with pytest.raises(ServerException) as caught:
        assume(cloud, **params)

    assert code_of(caught) == expected


def test_a_session_s_key_needs_its_token_at_queues_too(cloud: Handle) -> None:
    key, secret, token = assume(cloud)

    def create(token: str) -> None:
        account = Account(f"http://{cloud.endpoint}", key, secret, token)
        account.get_queue("q").create(QueueMeta())

    create(token)
    for wrong in ("", "another"):
        with pytest.raises(MNSServerException, match="InvalidAccessKeyId"):
            create(wrong)
    cloud.advance(3_600)
    with pytest.raises(MNSServerException, match="InvalidAccessKeyId"):
        create(token)


def test_a_user_without_policies_may_do_nothing(cloud: Handle) -> None:
    poor = ("poor", "poor-secret")
    with pytest.raises(ServerException) as caught:
        ess(poor, "DescribeScalingGroups")
    assert code_of(caught) == (403, "Forbidden.RAM")
    arn = f"acs:ram::{ACCOUNT}:role/function"
    with pytest.raises(ServerException) as caught:
        call(
            poor,
            "sts.aliyuncs.com",
            "2015-04-01",
            "AssumeRole",
            RoleArn=arn,
            RoleSessionName="alice",
        )
    assert code_of(caught) == (403, "NoPermission")


def test_a_session_s_policy_narrows_the_role_and_never_widens_it(cloud: Handle) -> None:
    statement = {"Effect": "Allow", "Action": ["ess:DescribeScalingGroups", "ess:Del*"]}
    policy = {"Version": "1", "Statement": [{**statement, "Resource": "*"}]}
    key = assume(cloud, Policy=json.dumps(policy))

    ess(key, "DescribeScalingGroups")
    for action in ("RemoveInstances", "DescribeRegions"):
        with pytest.raises(ServerException) as caught:
            ess(key, action, ScalingGroupId="asg-1", InstanceId_1="i-0001")
        assert code_of(caught) == (403, "Forbidden.RAM")


READS = {
    "DescribeScalingGroups": {},
    "DescribeScalingInstances": {"ScalingGroupId": "asg-2"},
    "DescribeScalingActivities": {"ScalingGroupId": "asg-2"},
}
BEYOND = {
    "DeleteScalingGroup": {"ScalingGroupId": "asg-1"},
    "ModifyScalingGroup": {"ScalingGroupId": "asg-1"},
    "SetInstancesProtection": {
        "ScalingGroupId": "asg-1",
        "InstanceId.1": "i-0001",
        "ProtectedFromScaleIn": "true",
    },
    "AttachInstances": {"ScalingGroupId": "asg-1", "InstanceId.1": "i-9"},
    "CreateScalingRule": {"ScalingGroupId": "asg-1"},
    "DescribeLifecycleHooks": {"ScalingGroupId": "asg-1"},
}


@pytest.mark.parametrize("template", ["template.yml", "template-fc2.yml"])
def test_the_role_of_our_template_may_do_what_the_function_does_and_nothing_beyond(
    template: str,
) -> None:
    with localcloud.mocked(fleet(*function_policies(template))) as cloud:
        key = assume(cloud)
        for action, params in READS.items():
            ess(key, action, **params)
        ess(key, "RemoveInstances", ScalingGroupId="asg-1", InstanceId_1="i-0001")
        metric = {"Namespace": "acs_ecs_dashboard", "MetricName": "CPUUtilization"}
        call(key, "metrics.aliyuncs.com", "2019-01-01", "DescribeMetricLast", **metric)
        refused = {
            **BEYOND,
            "RemoveInstances": {"ScalingGroupId": "asg-2", "InstanceId.1": "j-0001"},
        }
        for action, params in refused.items():
            named = {name.replace(".", "_"): value for name, value in params.items()}
            with pytest.raises(ServerException) as caught:
                ess(key, action, **named)
            assert code_of(caught) == (403, "Forbidden.RAM"), action
        with pytest.raises(ServerException) as caught:
            call(key, "ecs.aliyuncs.com", "2014-05-26", "DescribeInstances")
        assert code_of(caught) == (403, "Forbidden.RAM")

        assert sorted(cloud.service.groups["asg-2"].instances) == ["j-0001", "j-0002", "j-0003"]


@pytest.mark.parametrize(
    ("action", "params"),
    [
        (
            "CompleteLifecycleAction",
            {"LifecycleHookId": "{hook}", "LifecycleActionToken": "{token}"},
        ),
        (
            "RecordLifecycleActionHeartbeat",
            {"lifecycleHookId": "{hook}", "lifecycleActionToken": "{token}"},
        ),
        ("ExecuteScalingRule", {"ScalingRuleAri": "{ari}"}),
        ("ModifyScalingRule", {"ScalingRuleId": "{rule}", "Cooldown": "1"}),
        ("SetInstanceHealth", {"InstanceId": "{instance}", "HealthStatus": "Unhealthy"}),
    ],
)
def test_a_call_that_names_no_group_is_judged_by_the_group_that_it_changes(
    action: str, params: dict[str, str]
) -> None:
    arn = f"acs:ess:{REGION}:{ACCOUNT}:scalinggroup/asg-1"
    allowed = {"Statement": [{"Effect": "Allow", "Action": "ess:*", "Resource": arn}]}
    with localcloud.mocked(fleet(allowed)) as cloud:
        key, own = assume(cloud), (cloud.access_key_id, cloud.access_key_secret)

        def made(group_id: str, instance_id: str) -> dict[str, str]:
            mine = {"ScalingGroupId": group_id}
            hook = ess(own, "CreateLifecycleHook", LifecycleTransition="SCALE_IN", **mine)
            adjustment = {"AdjustmentType": "TotalCapacity", "AdjustmentValue": "1"}
            rule = ess(own, "CreateScalingRule", **adjustment, **mine)
            if action != "ExecuteScalingRule":
                ess(own, "RemoveInstances", InstanceId_1=instance_id, **mine)
            tokens = cloud.service.lifecycle_actions
            names = {"hook": hook["LifecycleHookId"], "token": list(tokens)[-1] if tokens else ""}
            names.update(ari=rule["ScalingRuleAri"], rule=rule["ScalingRuleId"])
            names["instance"] = instance_id
            return {name: value.format(**names) for name, value in params.items()}

        ess(key, action, **made("asg-1", "i-0001"))
        with pytest.raises(ServerException) as caught:
            ess(key, action, ScalingGroupId="asg-1", **made("asg-2", "j-0001"))
        assert code_of(caught) == (403, "Forbidden.RAM")


@pytest.mark.parametrize("version", ["2014-08-28", "2022-02-22"])
def test_tags_are_judged_by_every_group_that_they_are_put_on(version: str) -> None:
    arn = f"acs:ess:{REGION}:{ACCOUNT}:scalinggroup/asg-1"
    allowed = {"Statement": [{"Effect": "Allow", "Action": "ess:*", "Resource": arn}]}
    plural = "s" if version == "2022-02-22" else ""
    tag = {"ResourceType": "scalinggroup", f"Tag{plural}_1_Key": "a", f"Tag{plural}_1_Value": "b"}
    one, two = f"ResourceId{plural}_1", f"ResourceId{plural}_2"
    with localcloud.mocked(fleet(allowed)) as cloud:
        call(assume(cloud), "ess.aliyuncs.com", version, "TagResources", **tag, **{one: "asg-1"})
        for ids in ({one: "asg-2"}, {one: "asg-1", two: "asg-2"}):
            params = {**tag, **ids, "ScalingGroupId": "asg-1"}
            with pytest.raises(ServerException) as caught:
                call(assume(cloud), "ess.aliyuncs.com", version, "TagResources", **params)
            assert code_of(caught) == (403, "Forbidden.RAM")

        assert [len(cloud.service.groups[f"asg-{n}"].tags) for n in (1, 2)] == [1, 0]


def test_a_group_that_an_action_does_not_take_permits_nothing() -> None:
    arn = f"acs:ess:{REGION}:{ACCOUNT}:scalinggroup/asg-1"
    allowed = {"Statement": [{"Effect": "Allow", "Action": "ess:*", "Resource": arn}]}
    wanted = {"ImageId": "m", "InstanceType": "ecs.g7.large", "SecurityGroupId": "sg"}
    with localcloud.mocked(fleet(allowed)) as cloud:
        own = (cloud.access_key_id, cloud.access_key_secret)
        made = ess(own, "CreateScalingConfiguration", ScalingGroupId="asg-2", **wanted)
        named = {"ScalingConfigurationId": made["ScalingConfigurationId"]}
        with pytest.raises(ServerException) as caught:
            ess(assume(cloud), "DeleteScalingConfiguration", ScalingGroupId="asg-1", **named)

        assert code_of(caught) == (403, "Forbidden.RAM")


def test_a_session_s_policy_is_of_the_role_s_account_whoever_assumed_it() -> None:
    theirs = {"Statement": [{"Effect": "Allow", "Action": "ess:*", "Resource": "*"}]}
    arn = f"acs:ess:{REGION}:2:scalinggroup/asg-1"
    narrow = {"Statement": [{"Effect": "Allow", "Action": "ess:*", "Resource": arn}]}
    document = {
        **fleet(),
        "regions": [{"accountId": "2", "groups": fleet()["groups"]}],
        "roles": [
            {
                "roleName": "theirs",
                "accountId": "2",
                "assumeRolePolicyDocument": TRUST,
                "policies": [theirs],
            }
        ],
    }
    with localcloud.mocked(document) as cloud:
        key = assume(cloud, RoleArn="acs:ram::2:role/theirs", Policy=json.dumps(narrow))
        ess(key, "RemoveInstances", ScalingGroupId="asg-1", InstanceId_1="i-0001")
        with pytest.raises(ServerException) as caught:
            ess(key, "RemoveInstances", ScalingGroupId="asg-2", InstanceId_1="j-0001")

        assert code_of(caught) == (403, "Forbidden.RAM")


def trust(effect: str, principal: str) -> dict[str, Any]:
    arn = f"acs:ram::{ACCOUNT}:{principal}"
    return {"Effect": effect, "Action": "sts:AssumeRole", "Principal": {"RAM": [arn]}}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([trust("Allow", "user/localcloud")], True),
        ([trust("Allow", "user/another")], False),
        ([trust("Allow", "root"), trust("Deny", "user/localcloud")], False),
        ([trust("Allow", "root"), trust("Deny", "user/another")], True),
    ],
)
def test_a_role_trusts_an_account_or_one_of_its_users_and_a_deny_outranks(
    statements: list[dict[str, Any]], expected: bool
) -> None:
    role = {"roleName": "function", "assumeRolePolicyDocument": {"Statement": statements}}
    with localcloud.mocked({**fleet(), "roles": [role]}) as cloud:
        try:
            assume(cloud)
        except ServerException as refused:
            assert (refused.get_error_code(), expected) == ("NoPermission", False)
        else:
            assert expected


def test_a_role_may_trust_another_role_alone() -> None:
    rights = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    document = {
        **fleet(rights),
        "roles": [
            *fleet(rights)["roles"],
            {
                "roleName": "next",
                "assumeRolePolicyDocument": {"Statement": [trust("Allow", "role/function")]},
            },
        ],
    }
    named = {"RoleArn": f"acs:ram::{ACCOUNT}:role/next", "RoleSessionName": "bob"}
    with localcloud.mocked(document) as cloud:
        own = (cloud.access_key_id, cloud.access_key_secret)
        with pytest.raises(ServerException):
            call(own, "sts.aliyuncs.com", "2015-04-01", "AssumeRole", **named)
        made = call(assume(cloud), "sts.aliyuncs.com", "2015-04-01", "AssumeRole", **named)

        assert made["AssumedRoleUser"]["Arn"] == f"acs:ram::{ACCOUNT}:role/next/bob"


def test_the_role_may_invoke_its_own_function_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("def handler(event, context):\n    return b'ok'\n")
    with localcloud.mocked(fleet(*function_policies("template-fc2.yml"))) as cloud:
        where = f"http://{ACCOUNT}.{REGION}.fc.aliyuncs.com"
        own = fc2.Client(
            endpoint=where,
            accessKeyID=cloud.access_key_id,
            accessKeySecret=cloud.access_key_secret,
        )
        for service, name in ((STACK, "scale-in"), (STACK, "other"), ("other", "scale-in")):
            if name == "scale-in":
                own.create_service(service)
            code = {"codeDir": str(tmp_path)}
            own.create_function(service, name, "python3.12", "index.handler", **code)
        own.publish_version(STACK)
        key_id, secret, token = assume(cloud)
        role = fc2.Client(
            endpoint=where, accessKeyID=key_id, accessKeySecret=secret, securityToken=token
        )

        assert role.invoke_function(STACK, "scale-in", b"").data == b"ok"
        assert role.invoke_function(STACK, "scale-in", b"", qualifier="1").data == b"ok"
        for service, name in ((STACK, "other"), ("other", "scale-in")):
            with pytest.raises(fc2.FcError) as caught:
                role.invoke_function(service, name, b"")
            assert (caught.value.status_code, caught.value.err_code) == (403, "AccessDenied")


def test_a_policy_that_is_wrong_is_named() -> None:
    wrong = {"Statement": [{"Effect": "Allow", "Action": "*"}]}
    with pytest.raises(FleetError, match="either Resource or NotResource"):
        localcloud.mocked(fleet(wrong)).__enter__()


@pytest.mark.parametrize(
    ("statement", "context", "expected"),
    [
        ({"Action": "ess:Remove*", "Resource": "*"}, {}, True),
        ({"Action": "ess:RemoveInstance?", "Resource": "*"}, {}, True),
        ({"Action": "ESS:removeinstances", "Resource": "*"}, {}, True),
        ({"Action": "ess:DetachInstances", "Resource": "*"}, {}, True),
        ({"Action": "ess:DetachInstances", "Resource": "acs:ess:*:*:*/asg-2"}, {}, False),
        ({"NotAction": "ESS:*", "Resource": "*"}, {}, False),
        ({"NotAction": "ess:Delete*", "Resource": "*"}, {}, True),
        ({"NotAction": "ess:*", "Resource": "*"}, {}, False),
        ({"Action": "*", "NotResource": "acs:ess:*"}, {}, False),
        ({"Action": "*", "Resource": "acs:ess:*:*:*/asg-2"}, {}, False),
    ],
)
def test_a_statement_names_actions_and_resources_or_all_but_these(
    statement: dict[str, Any], context: dict[str, str], expected: bool
) -> None:
    policy = RolePolicy(statements_of({"Statement": [{"Effect": "Allow", **statement}]}))
    arn = "acs:ess:cn-hangzhou:1:scalinggroup/asg-1"

    assert policy.permits_action("ess:RemoveInstances", arn, context) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "b", False),
        ("StringEquals", "a", None, False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringLike", "web-*", "web-1", True),
        ("Bool", "true", "True", True),
    ],
)
def test_a_condition_must_hold(
    operator: str, wanted: Any, value: str | None, expected: bool
) -> None:
    condition = {operator: {"acs:key": wanted}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    context = {} if value is None else {"acs:key": value}
    policy = RolePolicy(statements_of({"Statement": [statement]}))

    assert policy.permits_action("ess:X", "*", context) is expected


def test_a_condition_that_is_not_known_is_refused_rather_than_ignored() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {}}}
    with pytest.raises(PolicyError, match="IpAddress is not known"):
        statements_of({"Statement": [statement]})


EFFECTS = st.sampled_from(["Allow", "Deny"])
PATTERNS = st.sampled_from(["*", "ess:*", "ess:Remove*", "ess:RemoveInstances", "cms:*", "fc:?"])
STATEMENTS = st.lists(
    st.builds(
        lambda effect, action: {"Effect": effect, "Action": action, "Resource": "*"},
        EFFECTS,
        PATTERNS,
    ),
    max_size=6,
)


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_the_order_of_statements_decides_nothing_and_one_more_deny_never_permits(
    statements: list[dict[str, Any]], random: Any
) -> None:
    def permits(chosen: list[dict[str, Any]]) -> bool:
        return RolePolicy(chosen).permits_action("ess:RemoveInstances", "*")

    shuffled = random.sample(statements, len(statements))
    hit = [s["Effect"] for s in statements if matches(s["Action"], "ess:RemoveInstances")]
    assert permits(shuffled) is permits(statements) is ("Allow" in hit and "Deny" not in hit)
    for action in ("*", "ess:Remove*"):
        denied = [*statements, {"Effect": "Deny", "Action": action, "Resource": "*"}]
        assert not permits(denied)
