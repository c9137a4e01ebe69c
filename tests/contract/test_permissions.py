"""A right that the role lacks: the error names the ARN, and with this ARN added the call passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.ram import RolePolicy
from scalein.cloud.gateway import Removal
from scalein.decision.model import Metric, ReadScope, RemoveOptions
from scalein.errors import Refused
from tests.support.clouds import Cloud, cloud_of, group, instances

ROOT = Path(__file__).parents[2]
REMOVAL = Removal("asg-1", ("i-0001",), "t-1", RemoveOptions())
ACCOUNT = "1234567890"


def statements_in(document: Any) -> Iterator[dict[str, Any]]:
    """Every statement of a policy in the template that allows calls to ESS or CloudMonitor."""
    if isinstance(document, list):
        for inner in document:
            yield from statements_in(inner)
    elif isinstance(document, dict):
        actions = document.get("Action")
        if isinstance(actions, list) and all(a.startswith(("ess:", "cms:")) for a in actions):
            yield document
        for inner in document.values():
            yield from statements_in(inner)


def role_statements(*scaling_group_arns: str) -> list[dict[str, Any]]:
    """The statements of the function's role in the template, with these ARNs as its parameter."""
    template = yaml.safe_load((ROOT / "template.yml").read_text(encoding="utf-8"))
    return [
        {**statement, "Resource": list(scaling_group_arns)}
        if statement["Resource"] == {"Ref": "ScalingGroupArns"}
        else statement
        for statement in statements_in(template["Resources"])
    ]


def may_with(cloud: Cloud, *scaling_group_arns: str) -> None:
    cloud.inside.role_policy = RolePolicy(role_statements(*scaling_group_arns), ACCOUNT)


def test_the_arn_that_an_error_names_is_the_one_that_makes_the_call_pass() -> None:
    with cloud_of(group(*instances(3))) as cloud:
        may_with(cloud, f"acs:ess:cn-hangzhou:{ACCOUNT}:scalinggroup/asg-2")
        gateway = cloud.gateway(account_id=ACCOUNT)
        gateway.snapshot("asg-1", ReadScope(60, Metric()))  # reads are of every group
        with pytest.raises(Refused) as caught:
            gateway.remove(REMOVAL)
        [arn] = [word for word in str(caught.value).split() if word.startswith("acs:ess:")]
        may_with(cloud, arn)

        assert gateway.remove(REMOVAL) in cloud.inside.service.activities
        assert arn == f"acs:ess:cn-hangzhou:{ACCOUNT}:scalinggroup/asg-1"
        assert (
            f"RemoveInstances: Forbidden.RAM: not permitted. Add {arn} to ScalingGroupArns of the"
            " template, or allow ess:RemoveInstances and ess:DetachInstances on this ARN in the RAM"
            " policy of the function's role. (ESS request id "
        ) in str(caught.value)


def test_an_account_that_the_context_does_not_name_is_said_to_be_missing() -> None:
    with cloud_of(group(*instances(3))) as cloud:
        may_with(cloud)
        with pytest.raises(Refused, match=r"scalinggroup/asg-1 \(ACCOUNT_ID stands for the acc"):
            cloud.gateway().remove(REMOVAL)


@pytest.mark.parametrize(
    ("right", "metric"),
    [
        ("ess:DescribeScalingGroups", None),
        ("ess:DescribeScalingInstances", None),
        ("ess:DescribeScalingActivities", None),
        ("cms:DescribeMetricLast", Metric()),
    ],
)
def test_a_right_to_read_is_named_with_its_product(right: str, metric: Metric | None) -> None:
    with cloud_of(group(*instances(3))) as cloud:
        others = [
            {**statement, "Action": [a for a in statement["Action"] if a != right]}
            for statement in role_statements()
        ]
        cloud.inside.role_policy = RolePolicy(others, ACCOUNT)
        with pytest.raises(Refused, match=rf"not permitted\. Allow {right} on \* in the RAM pol"):
            cloud.gateway().snapshot("asg-1", ReadScope(60, metric))


def test_a_deny_outranks_every_allow() -> None:
    statements = [
        {"Effect": "Allow", "Action": "ess:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ess:RemoveInstances", "Resource": "acs:ess:*:*:*/asg-1"},
    ]
    role = RolePolicy(statements, ACCOUNT)

    assert not role.permits({"Action": "RemoveInstances", "ScalingGroupId": "asg-1"})
    assert role.permits({"Action": "RemoveInstances", "ScalingGroupId": "asg-2"})
    assert not RolePolicy([], ACCOUNT).permits({"Action": "DescribeScalingGroups"})
