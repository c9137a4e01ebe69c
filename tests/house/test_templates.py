"""What is deployed has no more rights than it needs, and the settings of the documents."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as fc3

from scalein.settings import KNOWN, read_settings
from scalein_cli.ros_template import ACCOUNT_ID, REGION_ID, ResolvedTemplate, template_faults
from tests.support.deployment import KEY_VARIABLES, native_context
from tests.support.templates import (
    ROOT,
    each_resolved,
    granted,
    properties,
    read_template,
    resolved,
)
from tools.templates import COPIES, SOURCE, in_step, parts_of

FC3, FC2, SURROUNDINGS = "template.yml", "template-fc2.yml", "s-resources.yml"
STACKS = [FC3, FC2, SURROUNDINGS]
FUNCTIONS = [FC3, FC2]
S_YAML = read_template("s.yaml")
PROPS: dict[str, Any] = S_YAML["resources"]["scale-in"]["props"]
OWN_ARN = {  # of the function, in the form of its generation
    FC3: f"acs:fc:{REGION_ID}:{ACCOUNT_ID}:functions/scalein",
    FC2: f"acs:fc:{REGION_ID}:{ACCOUNT_ID}:services/scalein/functions/scale-in",
    SURROUNDINGS: f"acs:fc:{REGION_ID}:{ACCOUNT_ID}:functions/scalein",
}
ANY_QUALIFIER = {
    FC3: f"{OWN_ARN[FC3]}/*",
    FC2: OWN_ARN[FC2].replace("services/scalein/", "services/scalein.*/"),
    SURROUNDINGS: f"{OWN_ARN[FC3]}/*",
}
UNIQUE_IN_ACCOUNT = ("ALIYUN::RAM::Role", "ALIYUN::RAM::ManagedPolicy", "ALIYUN::CMS::EventRule")
UNIQUE_IN_REGION = (
    "ALIYUN::SLS::Project",
    "ALIYUN::MNS::Queue",
    "ALIYUN::FC3::Function",
    "ALIYUN::FC::Service",
)


def names(template: ResolvedTemplate, types: tuple[str, ...]) -> set[str]:
    """What the resources of these types are called in the cloud."""
    keys = ("Name", "QueueName", "RoleName", "PolicyName", "RuleName", "FunctionName")
    return {
        str(each[key])
        for type in types
        for each in properties(template, type)
        for key in (*keys, "ServiceName")
        if key in each
    }


def queue_arn(name: str) -> str:
    return f"acs:mns:{REGION_ID}:{ACCOUNT_ID}:/queues/scalein-{name}/messages"


def function_of(template: ResolvedTemplate) -> dict[str, Any]:
    """The properties of the function; with 2.0, those of its service too."""
    [function] = [
        *properties(template, "ALIYUN::FC3::Function"),
        *properties(template, "ALIYUN::FC::Function"),
    ]
    [service] = properties(template, "ALIYUN::FC::Service") or [{}]
    return {**service, **function}


@pytest.mark.parametrize("copy", COPIES, ids=lambda path: path.name)
def test_what_the_templates_share_is_the_same_in_all_of_them(copy: Any) -> None:
    source, text = (path.read_text(encoding="utf-8") for path in (SOURCE, copy))

    assert in_step(text, source) == text, "python -m tools.templates"


def test_each_part_of_the_first_template_is_shared_or_of_a_generation() -> None:
    first, second = (
        [heading for heading, _ in parts_of((ROOT / name).read_text(encoding="utf-8"))]
        for name in FUNCTIONS
    )
    own = [heading for heading in first if "(Function Compute 3.0)" in heading]

    assert len(own) == 5
    assert set(first) - set(own) == {each for each in second if "(Function Compute" not in each}
    headings = [heading for heading in first if heading]
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("name", [*STACKS, "alarms.yml"])
def test_each_reference_leads_to_something_and_each_condition_decides(name: str) -> None:
    assert template_faults(read_template(name)) == []


@pytest.mark.parametrize("name", [*STACKS, "alarms.yml"])
def test_every_parameter_is_in_a_group_and_explained(name: str) -> None:
    template = read_template(name)
    groups = template["Metadata"]["ALIYUN::ROS::Interface"]["ParameterGroups"]
    grouped = [parameter for group in groups for parameter in group["Parameters"]]

    assert sorted(grouped) == sorted(template["Parameters"])
    assert all(each["Description"] and each["Label"] for each in template["Parameters"].values())


@pytest.mark.parametrize("name", STACKS)
def test_what_changes_anything_is_bound_to_named_resources(name: str) -> None:
    """Only reading may be of everything. An ARN of OSS has no region, that of a bucket no path."""
    exact = re.compile(rf"acs:[a-z]+:({REGION_ID}|cn-hangzhou):({ACCOUNT_ID}|1234567890):[^*]+")
    in_bucket = re.compile(rf"acs:oss:\*:{ACCOUNT_ID}:samplePolicyBucket1(/scalein/\*)?")

    for template in each_resolved(name):
        for role in ("Role", "TriggerRole", "PolicyFileRights"):
            for action, resources in granted(template, role).items():
                assert "*" not in action
                if resources != ["*"]:
                    allowed = {ANY_QUALIFIER[name]}
                    assert all(
                        arn in allowed or exact.fullmatch(arn) or in_bucket.fullmatch(arn)
                        for arn in resources
                    ), resources
                else:
                    assert action.partition(":")[2].startswith("Describe")


@pytest.mark.parametrize("name", STACKS)
def test_the_function_may_remove_from_the_listed_groups_and_do_nothing_else_to_ess(
    name: str,
) -> None:
    groups = [f"acs:ess:{REGION_ID}:1234567890:scalinggroup/asg-{n}" for n in (1, 2)]
    rights = granted(resolved(name, ScalingGroupArns=groups), "Role")
    changing = {a for a in rights if a.startswith("ess:") and not a.startswith("ess:Describe")}

    assert changing == {"ess:RemoveInstances", "ess:DetachInstances"}
    assert all(rights[action] == groups for action in changing)


@pytest.mark.parametrize("name", STACKS)
def test_the_function_may_make_every_call_to_ess_that_it_knows(name: str) -> None:
    """The history too: without it, what became of a call whose answer was lost stays unknown."""
    source = (ROOT / "handler/scalein/cloud/ess_requests.py").read_text(encoding="utf-8")
    called = set(re.findall(r"aliyunsdkess\.request\.v20140828\.(\w+)Request import", source))

    assert len(called) == 4
    assert {f"ess:{action}" for action in called} <= granted(resolved(name), "Role").keys()


@pytest.mark.parametrize("name", STACKS)
def test_the_function_and_its_trigger_may_invoke_it_and_nothing_else(name: str) -> None:
    for role in ("Role", "TriggerRole"):
        rights = granted(resolved(name), role)
        assert rights["fc:InvokeFunction"] == [OWN_ARN[name], ANY_QUALIFIER[name]]
        assert [action for action in rights if action.startswith("fc:")] == ["fc:InvokeFunction"]


@pytest.mark.parametrize("name", STACKS)
def test_each_queue_is_read_and_written_by_the_role_that_needs_it(name: str) -> None:
    template = resolved(name)
    function, trigger = granted(template, "Role"), granted(template, "TriggerRole")

    assert function["mns:SendMessage"] == [queue_arn("outcomes"), queue_arn("failures")]
    assert trigger["mns:ReceiveMessage"] == [queue_arn("requests")]
    assert trigger["mns:DeleteMessage"] == [queue_arn("requests")]
    assert trigger["mns:SendMessage"] == [queue_arn("dead-letters")]


def test_both_generations_grant_the_same_but_for_the_form_of_the_functions_arn() -> None:
    for first, second in zip(each_resolved(FC3), each_resolved(FC2), strict=True):
        for role in ("Role", "TriggerRole", "PolicyFileRights"):
            rights = [granted(template, role) for template in (first, second)]
            for each in rights:
                each.pop("fc:InvokeFunction", None)
            assert rights[0] == rights[1]


@pytest.mark.parametrize("name", STACKS)
def test_two_stacks_and_two_regions_share_no_name(name: str) -> None:
    one = resolved(name, PolicyBucket="bucket")
    other = resolved(name, PolicyBucket="bucket", ALIYUN__StackName="other")
    elsewhere = resolved(name, PolicyBucket="bucket", ALIYUN__Region="cn-beijing")
    everywhere = UNIQUE_IN_ACCOUNT + UNIQUE_IN_REGION

    assert len(names(one, everywhere)) >= 9
    assert names(one, everywhere).isdisjoint(names(other, everywhere))
    assert names(one, UNIQUE_IN_ACCOUNT).isdisjoint(names(elsewhere, UNIQUE_IN_ACCOUNT))


@pytest.mark.parametrize("name", STACKS)
def test_the_longest_names_that_a_stack_may_have_fit(name: str) -> None:
    """Of log projects 63 characters, of roles 64: for the longest region and a stack of 30."""
    template = resolved(name, ALIYUN__StackName="s" * 30, ALIYUN__Region="ap-southeast-1")
    longest = max(len(each) for each in names(template, ("ALIYUN::SLS::Project",)))

    assert longest <= 63
    assert all(len(each) <= 64 for each in names(template, ("ALIYUN::RAM::Role",)))


@pytest.mark.parametrize("name", STACKS)
def test_the_audit_log_outlives_the_stack(name: str) -> None:
    kinds = ("ALIYUN::SLS::Project", "ALIYUN::SLS::Logstore", "ALIYUN::SLS::Index")
    logs = [each for each in resolved(name).resources.values() if each["Type"] in kinds]

    assert len(logs) == 3
    assert all(each["DeletionPolicy"] == "Retain" for each in logs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_acts_only_where_dry_run_is_switched_off(name: str) -> None:
    parameters = read_template(name)["Parameters"]

    assert parameters["DryRun"]["Default"] is True
    assert parameters["TimerEnabled"]["Default"] is False
    assert parameters["BatchSize"]["Default"] == 1
    for value, dry_run in ((True, "true"), (False, "false"), ("false", "true"), ("", "true")):
        function = function_of(resolved(name, DryRun=value))
        assert function["EnvironmentVariables"]["SCALEIN_DRY_RUN"] == dry_run


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_arrive_as_what_they_are(name: str) -> None:
    """Function Compute refuses a Boolean or a number that is text, and a variable that is none."""
    template = resolved(name, TimerEnabled=True, BatchSize=5)
    _, timer = (
        each["Properties"]["TriggerConfig"]
        for each in template.resources.values()
        if each["Type"].endswith("::Trigger")
    )
    variables = function_of(template)["EnvironmentVariables"]

    assert timer["enable"] is True
    queue = template.resources["QueueTrigger"]["Properties"]["TriggerConfig"]
    assert queue["runOptions"]["batchWindow"]["CountBasedWindow"] == 5
    assert all(isinstance(value, str) for value in variables.values())


def context_of(name: str) -> SimpleNamespace:
    """The context of the generation that a template deploys to, whose names say nothing here."""
    context = native_context("python3.10", region=REGION_ID, account_id=ACCOUNT_ID)
    context.function.name = "unknown"
    if name == FC2:
        context.service.name = "unknown"
    return context


@pytest.mark.parametrize("name", [FC3, FC2, "s.yaml"])
def test_follow_ups_call_the_function_that_is_deployed_whatever_its_context_says(name: str) -> None:
    if name == "s.yaml":
        variables, called = PROPS["environmentVariables"], PROPS["functionName"]
    else:
        function = function_of(resolved(name))
        variables, called = function["EnvironmentVariables"], function["FunctionName"]
    called_name = variables["SCALEIN_FC_FUNCTION"]
    assert called_name == (f"scalein/{called}" if name == FC2 else called)
    # Serverless Devs replaces the variable; the rest is of the environment.
    given = {"SCALEIN_FC_FUNCTION": called_name.replace("${vars.name}", "scalein")}
    given["SCALEIN_FOLLOW_UP_KEY"] = "k" * 32

    assert read_settings({**KEY_VARIABLES, **given}, context_of(name)).function_ref is not None


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("parameters", "part"),
    [
        ({}, ""),
        ({"CreateTair": False, "VpcId": ""}, ""),
        ({"VpcId": ""}, "VpcId"),
        ({"SecurityGroupId": ""}, "SecurityGroupId"),
        ({"TairPassword": ""}, "TairPassword"),
        ({"TairPassword": "", "TairPasswordSecret": "name"}, ""),
        ({"Ledger": "redis://h"}, "not both"),
        ({"LedgerSecret": "name"}, "not both"),
    ],
)
def test_a_tair_instance_that_could_not_be_the_ledger_is_refused_before_it_is_made(
    name: str, parameters: dict[str, Any], part: str
) -> None:
    tair = {"CreateTair": True, "VpcId": "vpc-1", "SecurityGroupId": "sg-1"}
    refusals = resolved(name, **{**tair, "TairPassword": "Abcdefg1", **parameters}).refusals

    assert part in " ".join(refusals)
    assert len(refusals) == bool(part)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_mount_waits_for_its_rights(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    mount = text.partition("OssMountConfig:")[2].partition("LogConfig:")[0]

    assert "'Fn::GetAtt': [PolicyFileRights, PolicyName]" in mount


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_function_reads_its_variables(name: str) -> None:
    key, url = "k" * 32, "redis://:secret@r-1.redis.rds.aliyuncs.com:6379/0"
    context = context_of(name)
    for parameters, dry_run, ledger_url in (
        ({}, True, ""),
        ({"DryRun": False, "FollowUpKey": key, "Ledger": url}, False, url),
        ({"PolicyBucket": "bucket"}, True, ""),
    ):
        variables = function_of(resolved(name, **parameters))["EnvironmentVariables"]
        settings = read_settings(variables, context)
        assert (settings.dry_run, settings.ledger_url) == (dry_run, ledger_url)
        assert {each for each in variables if each.startswith("SCALEIN_")} <= set(KNOWN)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_secret_is_hidden_or_comes_from_kms(name: str) -> None:
    parameters = read_template(name)["Parameters"]
    hidden = {key for key, parameter in parameters.items() if parameter.get("NoEcho")}
    assert hidden == {"FollowUpKey", "Ledger", "TairPassword"}
    assert all(f"{key}Secret" in parameters for key in hidden)

    template = resolved(name, **{f"{key}Secret": f"name-of-{key}" for key in hidden})
    variables = function_of(template)["EnvironmentVariables"]
    assert variables["SCALEIN_FOLLOW_UP_KEY"] == "Value-of-FollowUpKeyParameter"
    assert variables["SCALEIN_LEDGER"] == "Value-of-LedgerParameter"
    assert len(properties(template, "DATASOURCE::OOS::SecretParameter")) == 3
    with_tair = resolved(name, CreateTair=True, TairPasswordSecret="name")
    [tair] = properties(with_tair, "ALIYUN::REDIS::Instance")
    assert tair["Password"] == "Value-of-TairPasswordParameter"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tair_instance_is_the_ledger_and_evicts_nothing(name: str) -> None:
    template = resolved(
        name,
        CreateTair=True,
        TairPassword="Abcdefg1",
        VpcId="vpc-1",
        VSwitchIds=["vsw-1", "vsw-2"],
        SecurityGroupId="sg-1",
    )
    [tair] = properties(template, "ALIYUN::REDIS::Instance")
    function = function_of(template)

    assert tair["EvictionPolicy"] == "noeviction"
    assert (tair["VpcId"], tair["VSwitchId"]) == ("vpc-1", "vsw-1")
    assert function["VpcConfig"] == {
        "VpcId": "vpc-1",
        "VSwitchIds": ["vsw-1", "vsw-2"],
        "SecurityGroupId": "sg-1",
    }
    assert function["EnvironmentVariables"]["SCALEIN_LEDGER"] == (
        "redis://:Abcdefg1@ConnectionDomain-of-Tair:Port-of-Tair/0"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_without_a_vpc_and_a_bucket_the_function_has_neither(name: str) -> None:
    function = function_of(resolved(name))

    assert "VpcConfig" not in function
    assert "OssMountConfig" not in function
    assert function["EnvironmentVariables"]["SCALEIN_POLICY_FILE"] == "policy.json"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_policy_in_a_bucket_is_mounted_for_reading_only(name: str) -> None:
    template = resolved(name, PolicyBucket="bucket", PolicyPath="/team/scalein")
    function = function_of(template)
    [mount] = function["OssMountConfig"]["MountPoints"]

    assert mount["ReadOnly"] is True
    assert (mount["BucketName"], mount["BucketPath"]) == ("bucket", "/team/scalein")
    file = function["EnvironmentVariables"]["SCALEIN_POLICY_FILE"]
    assert file == f"{mount['MountDir']}/policy.json"
    assert granted(template, "PolicyFileRights") == {
        "oss:GetObject": [f"acs:oss:*:{ACCOUNT_ID}:bucket/team/scalein/*"],
        "oss:ListObjects": [f"acs:oss:*:{ACCOUNT_ID}:bucket"],
    }
    [policy] = properties(template, "ALIYUN::RAM::ManagedPolicy")
    assert policy["Roles"] == [f"scalein-function-{REGION_ID}"]


def test_without_a_ledger_one_invocation_runs_at_a_time() -> None:
    ledgers: list[dict[str, Any]] = [{"Ledger": "redis://r"}, {"LedgerSecret": "name"}]
    ledgers.append({"CreateTair": True})

    [limit] = properties(resolved(FC3), "ALIYUN::FC3::ConcurrencyConfig")
    assert limit == {"FunctionName": "scalein", "ReservedConcurrency": 1}
    assert "on-demand-config" in resolved(FC2).outputs["OneAtATime"]
    for parameters in ledgers:
        assert properties(resolved(FC3, **parameters), "ALIYUN::FC3::ConcurrencyConfig") == []
        assert "OneAtATime" not in resolved(FC2, **parameters).outputs
    assert PROPS["concurrencyConfig"] == {"reservedConcurrency": 1}


def test_asynchronous_invocations_have_task_ids_retries_and_both_destinations() -> None:
    [third] = properties(resolved(FC3), "ALIYUN::FC3::AsyncInvokeConfig")
    second = function_of(resolved(FC2))["AsyncConfiguration"]
    own = PROPS["asyncInvokeConfig"]

    assert third["AsyncTask"] is second["StatefulInvocation"] is own["asyncTask"] is True
    for key in ("MaxAsyncRetryAttempts", "MaxAsyncEventAgeInSeconds"):
        assert third[key] == second[key] == own[key[0].lower() + key[1:]]
    assert second["Destination"] == {
        key: value["Destination"] for key, value in third["DestinationConfig"].items()
    }
    assert second["Destination"] == {
        "OnSuccess": queue_arn("outcomes"),
        "OnFailure": queue_arn("failures"),
    }


@pytest.mark.parametrize(
    "config",
    [
        *(resolved(n).resources["QueueTrigger"]["Properties"]["TriggerConfig"] for n in FUNCTIONS),
        PROPS["triggers"][0]["triggerConfig"],
    ],
    ids=[*FUNCTIONS, "s.yaml"],
)
def test_the_queue_trigger_is_synchronous_goes_on_and_has_dead_letters(
    config: dict[str, Any],
) -> None:
    options = config["runOptions"]

    assert config["asyncInvocationType"] is False
    assert options["errorsTolerance"] == "ALL"
    assert options["retryStrategy"] == {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY"}
    assert options["deadLetterQueue"]["Arn"].endswith("-dead-letters/messages")


def test_all_ways_to_deploy_say_the_same_of_the_function() -> None:
    third, second = (function_of(resolved(name)) for name in FUNCTIONS)
    initializer = third["InstanceLifecycleConfig"]["Initializer"]

    for key in ("Runtime", "Handler", "Timeout", "MemorySize", "Description"):
        assert third[key] == second[key] == PROPS[key[0].lower() + key[1:]]
    assert (third["Cpu"], third["DiskSize"]) == (PROPS["cpu"], PROPS["diskSize"])
    assert initializer == {
        "Handler": second["Initializer"],
        "Timeout": second["InitializationTimeout"],
    }
    assert PROPS["instanceLifecycleConfig"]["initializer"]["handler"] == initializer["Handler"]
    assert third["EnvironmentVariables"].keys() == second["EnvironmentVariables"].keys()
    assert third["EnvironmentVariables"].keys() == PROPS["environmentVariables"].keys()
    [requests] = (
        queue
        for queue in properties(resolved(FC3), "ALIYUN::MNS::Queue")
        if queue["QueueName"] == "scalein-requests"
    )
    assert requests["VisibilityTimeout"] >= 2 * third["Timeout"]


def filled(text: Any, variables: dict[str, str]) -> Any:
    """What Serverless Devs makes of a value of s.yaml that names variables."""
    if isinstance(text, dict):
        return {key: filled(value, variables) for key, value in text.items()}
    if isinstance(text, list):
        return [filled(value, variables) for value in text]
    if not isinstance(text, str):
        return text
    return re.sub(r"\$\{vars\.(\w+)\}", lambda match: variables[match[1]], text)


def test_s_yaml_stands_by_itself() -> None:
    """It makes every queue, role and log store that it names; one function reads the queue."""
    variables = {**S_YAML["vars"], "account": ACCOUNT_ID, "region": REGION_ID}
    resources = S_YAML["resources"]["resources"]["props"]
    template = resolved(SURROUNDINGS, ALIYUN__StackName=variables["name"])
    function = filled(PROPS, variables)
    made = {
        *(each["QueueName"] for each in properties(template, "ALIYUN::MNS::Queue")),
        *(output for output in template.outputs.values()),
    }
    source = function["triggers"][0]["triggerConfig"]
    destinations = function["asyncInvokeConfig"]["destinationConfig"]

    assert resources["template"] == f"./{SURROUNDINGS}"
    assert filled(resources["name"], variables) == function["functionName"]
    assert resources["parameters"].keys() <= read_template(SURROUNDINGS)["Parameters"].keys()
    parameters = source["eventSourceConfig"]["eventSourceParameters"]
    assert parameters["sourceMNSParameters"]["QueueName"] in made
    assert source["runOptions"]["deadLetterQueue"]["Arn"] == queue_arn("dead-letters")
    assert {each["destination"] for each in destinations.values()} <= made
    assert function["logConfig"]["project"] == template.outputs["LogProject"]
    assert function["logConfig"]["logstore"] == template.outputs["Logstore"]
    used = re.findall(r"\$\{resources\.resources\.output\.(\w+)\}", str(PROPS))
    assert set(used) == {"RoleArn", "TriggerRoleArn"} <= template.outputs.keys()
    assert not any("::FC" in each["Type"] for each in template.resources.values())


def unknown(given: object, known: object, where: str = "") -> list[str]:
    """What of `given` did not survive a model that keeps the names it knows."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            name
            for key, value in given.items()
            for name in (
                [where + key] if key not in known else unknown(value, known[key], f"{where}{key}.")
            )
        ]
    return []


def test_every_name_of_s_yaml_is_one_of_function_computes_own_api() -> None:
    """As Alibaba's SDK of 3.0 has it; the component's own five are what it takes besides."""
    components_own = {"region", "code", "asyncInvokeConfig", "concurrencyConfig", "triggers"}
    function = {key: PROPS[key] for key in PROPS.keys() - components_own}
    queue, timer = PROPS["triggers"]

    for named, model in (
        (function, fc3.CreateFunctionInput),
        (PROPS["asyncInvokeConfig"], fc3.PutAsyncInvokeConfigInput),
        (PROPS["concurrencyConfig"], fc3.PutConcurrencyInput),
        (queue, fc3.CreateTriggerInput),
        (timer, fc3.CreateTriggerInput),
        (queue["triggerConfig"], fc3.EventBridgeTriggerConfig),
        (timer["triggerConfig"], fc3.TimerTriggerConfig),
    ):
        assert unknown(named, model().from_map(named).to_map()) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_name_in_a_triggers_configuration_is_one_of_function_computes_own_api(
    name: str,
) -> None:
    """ROS takes any dictionary there."""
    resources = resolved(name).resources
    for trigger, model in (
        ("QueueTrigger", fc3.EventBridgeTriggerConfig),
        ("Timer", fc3.TimerTriggerConfig),
    ):
        config = resources[trigger]["Properties"]["TriggerConfig"]
        assert unknown(config, model().from_map(config).to_map()) == []


@pytest.mark.parametrize(("name", "generation"), [(FC3, "3.0"), (FC2, "2.0")])
def test_the_alarms_are_of_the_stacks_queues_and_function(name: str, generation: str) -> None:
    alarms, stack = resolved("alarms.yml", Generation=generation), resolved(name)
    rules = properties(alarms, "ALIYUN::CMS::ResourceMetricRule")
    watched = [each for rule in rules for each in rule["Resources"]]
    [function] = [each for each in watched if "functionName" in each]

    queues = {each["queue"] for each in watched if "queue" in each}
    assert queues == {"scalein-requests", "scalein-dead-letters"}
    assert queues <= names(stack, ("ALIYUN::MNS::Queue",))
    assert function["functionName"] == function_of(stack)["FunctionName"]
    assert function.get("serviceName") == function_of(stack).get("ServiceName")
    for targets in properties(alarms, "ALIYUN::CMS::MetricRuleTargets"):
        # CloudMonitor's form of the ARN ends in /message (docs/unverified.md).
        assert f"{targets['Targets'][0]['Arn']}s" == stack.outputs["QueueArn"]
