"""Function Compute 3.0 through the official SDKs of Python and Node.js, the same calls each."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.function_sdks import LANGUAGES, Answered, Refused, Sdk, node_sdk, sdk_of
from tests.support.native import zipped
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon

ECHO = b"def handler(event, context):\n    return event\n"
WHO = b"def handler(event, context):\n    return context.request_id\n"
SLEEP = b"import time\ndef handler(event, context):\n    time.sleep(float(event))\n"
ARN = "acs:fc:cn-hangzhou:1:functions/f"
TASK = {"x-fc-invocation-type": "Async", "x-fc-async-task-id": "task-1"}


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of() as found:
        yield found


@pytest.fixture(params=LANGUAGES)
def sdk(compute: Compute, request: pytest.FixtureRequest) -> Iterator[Sdk]:
    with sdk_of(request.param, compute.endpoint) as found:
        create(found, "f")
        yield found


def code_of(source: bytes) -> dict[str, str]:
    return {"zipFile": base64.b64encode(zipped(source)).decode()}


def create(sdk: Sdk, name: str, source: bytes = ECHO, **fields: Any) -> Any:
    known = {"functionName": name, "runtime": "python3.10", "handler": "index.handler"}
    body = {**known, "code": code_of(source), **fields}
    return body_of(sdk.call("CreateFunction", request={"body": body}))


def body_of(answer: Answered | Refused) -> Any:
    assert isinstance(answer, Answered), answer
    return answer.body


def invoke(
    sdk: Sdk, name: str, event: str = "", headers: dict[str, str] | None = None, **request: str
) -> Answered:
    answer = sdk.call("InvokeFunction", name, request=request, event=event, headers=headers or {})
    assert isinstance(answer, Answered), answer
    return answer


def test_a_function_is_created_described_changed_listed_and_deleted(sdk: Sdk) -> None:
    again = sdk.call("CreateFunction", request={"body": {"functionName": "f"}})
    changed = {"body": {"code": code_of(WHO), "timeout": 7, "environmentVariables": {"A": "b"}}}
    updated = body_of(sdk.call("UpdateFunction", "f", request=changed))
    described = body_of(sdk.call("GetFunction", "f"))
    create(sdk, "g", runtime="python3.12")

    assert again == Refused(409, "FunctionAlreadyExists")
    assert described == updated
    assert (described["functionArn"], described["state"], described["timeout"]) == (
        *(ARN, "Active"),
        7,
    )
    assert body_of(sdk.call("GetFunctionCode", "f"))["checksum"] == described["codeChecksum"]
    listed = body_of(sdk.call("ListFunctions", request={"limit": 1}))
    assert [found["functionName"] for found in listed["functions"]] == ["f"]
    rest = {"nextToken": listed["nextToken"], "runtime": "python3.12"}
    last = body_of(sdk.call("ListFunctions", request=rest))["functions"]
    assert [found["functionName"] for found in last] == ["g"]
    assert body_of(sdk.call("DeleteFunction", "f")) is None
    assert sdk.call("GetFunction", "f") == Refused(404, "FunctionNotFound")


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"memorySize": 100}, {"memorySize": 64}])
def test_a_function_out_of_bounds_is_refused(sdk: Sdk, wrong: dict[str, int]) -> None:
    refused = sdk.call("UpdateFunction", "f", request={"body": wrong})

    assert refused == Refused(400, "InvalidArgument")


def test_a_wrong_checksum_of_the_code_is_refused(sdk: Sdk) -> None:
    code = {**code_of(ECHO), "checksum": "1"}
    refused = sdk.call("UpdateFunction", "f", request={"body": {"code": code}})

    assert refused == Refused(400, "InvalidArgument")


def test_each_invocation_has_an_id_of_its_own_which_its_context_has_too(sdk: Sdk) -> None:
    create(sdk, "who", WHO)
    answers = [invoke(sdk, "who") for _ in range(3)]

    assert [answer.body for answer in answers] == [answer.request_id for answer in answers]
    assert len({answer.request_id for answer in answers}) == 3


def test_an_answer_says_where_and_how_long_the_function_ran(sdk: Sdk) -> None:
    body_of(sdk.call("PublishFunctionVersion", "f", request={"body": {"description": "first"}}))
    headers = invoke(sdk, "f", "x", qualifier="1").headers
    checksum = body_of(sdk.call("GetFunction", "f"))["codeChecksum"]

    assert headers["x-fc-code-checksum"] == checksum
    assert headers["x-fc-invocation-service-version"] == "1"
    assert headers["x-fc-instance-id"].startswith("c-")
    assert int(headers["x-fc-invocation-duration"]) >= 0
    assert float(headers["x-fc-max-memory-usage"]) > 1


def test_versions_stay_and_an_alias_moves_from_one_to_another(sdk: Sdk) -> None:
    first = body_of(sdk.call("PublishFunctionVersion", "f", request={"body": {}}))["versionId"]
    unchanged = sdk.call("PublishFunctionVersion", "f", request={"body": {}})
    body_of(sdk.call("UpdateFunction", "f", request={"body": {"code": code_of(WHO)}}))
    second = body_of(sdk.call("PublishFunctionVersion", "f", request={"body": {}}))["versionId"]
    alias = {"aliasName": "prod", "versionId": first}
    body_of(sdk.call("CreateAlias", "f", request={"body": alias}))
    old = invoke(sdk, "f", "x", qualifier="prod").body
    body_of(sdk.call("UpdateAlias", "f", "prod", request={"body": {"versionId": second}}))

    assert unchanged == Refused(400, "VersionPublishError")
    assert sdk.call("CreateAlias", "f", request={"body": alias}) == Refused(
        409, "AliasAlreadyExists"
    )
    own = {**alias, "aliasName": "LATEST"}  # a qualifier of Function Compute's own
    assert sdk.call("CreateAlias", "f", request={"body": own}) == Refused(400, "InvalidArgument")
    assert (old, invoke(sdk, "f", "x", qualifier="prod").body == "x") == ("x", False)
    for request, order in ({}, [second, first]), ({"direction": "FORWARD"}, [first, second]):
        listed = body_of(sdk.call("ListFunctionVersions", "f", request=request))["versions"]
        assert [version["versionId"] for version in listed] == order
    assert body_of(sdk.call("GetAlias", "f", "prod"))["versionId"] == second
    (found,) = body_of(sdk.call("ListAliases", "f"))["aliases"]
    assert found["aliasName"] == "prod"
    body_of(sdk.call("DeleteAlias", "f", "prod"))
    body_of(sdk.call("DeleteFunctionVersion", "f", first))
    assert sdk.call("GetAlias", "f", "prod") == Refused(404, "AliasNotFound")
    assert sdk.call("GetFunction", "f", request={"qualifier": first}) == Refused(
        404, "VersionNotFound"
    )


def test_an_asynchronous_configuration_is_put_read_and_makes_tasks(sdk: Sdk) -> None:
    absent = sdk.call("GetAsyncInvokeConfig", "f")
    config = {"maxAsyncRetryAttempts": 1, "asyncTask": True}
    put = body_of(sdk.call("PutAsyncInvokeConfig", "f", request={"body": config}))
    accepted = invoke(sdk, "f", "x", {"x-fc-invocation-type": "Async"})

    assert absent == Refused(404, "AsyncConfigNotExists")
    assert put["functionArn"] == f"{ARN}/LATEST"
    assert body_of(sdk.call("GetAsyncInvokeConfig", "f")) == put
    listed = {"functionName": "f"}
    assert body_of(sdk.call("ListAsyncInvokeConfigs", request=listed))["configs"] == [put]
    task_id = accepted.headers["x-fc-async-task-id"]
    assert body_of(sdk.call("GetAsyncTask", "f", task_id))["requestId"] == accepted.request_id
    body_of(sdk.call("DeleteAsyncInvokeConfig", "f"))
    assert sdk.call("GetAsyncInvokeConfig", "f") == absent


def test_a_reserved_concurrency_limits_how_many_run_at_a_time(compute: Compute, sdk: Sdk) -> None:
    create(sdk, "sleep", SLEEP, timeout=60)
    assert sdk.call("GetConcurrencyConfig", "sleep") == Refused(404, "OnDemandConfigNotFound")
    reserved = {"body": {"reservedConcurrency": 1}}
    put = body_of(sdk.call("PutConcurrencyConfig", "sleep", request=reserved))
    invoke(sdk, "sleep", "30", TASK)
    assert soon(lambda: compute.platform.pool.running)

    assert sdk.call("InvokeFunction", "sleep", event="0", headers={}) == Refused(
        429, "ResourceExhausted"
    )
    assert body_of(sdk.call("GetConcurrencyConfig", "sleep")) == put
    assert body_of(sdk.call("ListConcurrencyConfigs"))["configs"] == [put]
    body_of(sdk.call("DeleteConcurrencyConfig", "sleep"))
    assert invoke(sdk, "sleep", "0").status == 200
    body_of(sdk.call("StopAsyncTask", "sleep", "task-1"))


def test_triggers_are_created_changed_listed_and_deleted(sdk: Sdk) -> None:
    timer = {
        "triggerName": "each-minute",
        "triggerType": "timer",
        "triggerConfig": '{"cronExpression": "@every 1m", "enable": true}',
    }
    made = body_of(sdk.call("CreateTrigger", "f", request={"body": timer}))
    again = sdk.call("CreateTrigger", "f", request={"body": timer})
    http = {"triggerName": "http", "triggerType": "http", "triggerConfig": "{}"}
    body_of(sdk.call("CreateTrigger", "f", request={"body": http}))
    change = {"body": {"description": "often"}}
    body_of(sdk.call("UpdateTrigger", "f", "each-minute", request=change))
    found = body_of(sdk.call("GetTrigger", "f", "each-minute"))

    assert again == Refused(409, "TriggerAlreadyExists")
    assert (found["triggerConfig"], found["description"], found["triggerId"]) == (
        *(timer["triggerConfig"], "often"),
        made["triggerId"],
    )
    listed = body_of(sdk.call("ListTriggers", "f"))["triggers"]
    assert [trigger["triggerName"] for trigger in listed] == ["each-minute", "http"]
    assert listed[1]["httpTrigger"]["urlInternet"].endswith(".cn-hangzhou.fcapp.run")
    assert sdk.call("DeleteFunction", "f") == Refused(409, "FunctionNotEmpty")
    for name in ("each-minute", "http"):
        body_of(sdk.call("DeleteTrigger", "f", name))
    assert sdk.call("GetTrigger", "f", "http") == Refused(404, "TriggerNotFound")


@pytest.mark.parametrize(
    "wrong",
    [
        {"triggerName": "1st"},
        {"triggerType": "unknown"},
        {"triggerConfig": "no object"},
        {"qualifier": "9"},
    ],
)
def test_a_wrong_trigger_is_refused(sdk: Sdk, wrong: dict[str, str]) -> None:
    known = {"triggerName": "t", "triggerType": "timer", "triggerConfig": "{}"}
    refused = sdk.call("CreateTrigger", "f", request={"body": {**known, **wrong}})

    expected = (404, "VersionNotFound") if "qualifier" in wrong else (400, "InvalidArgument")
    assert refused == expected
    assert body_of(sdk.call("ListTriggers", "f"))["triggers"] == []


def test_tags_are_added_listed_found_and_taken_away(sdk: Sdk) -> None:
    create(sdk, "g", tags=[{"Key": "team", "Value": "a"}])
    resource = {"ResourceType": "function", "ResourceId": [ARN]}
    tag = [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "test"}]
    body_of(sdk.call("TagResources", request={"body": {**resource, "Tag": tag}}))
    rows = body_of(sdk.call("ListTagResources", request=resource))["TagResources"]

    assert [(row["ResourceId"], row["TagKey"], row["TagValue"]) for row in rows] == [
        (ARN, "stage", "test"),
        (ARN, "team", "a"),
    ]
    tags_of_f = body_of(sdk.call("GetFunction", "f"))["tags"]
    assert sorted(tag["Key"] for tag in tags_of_f) == ["stage", "team"]
    staged = {"tags": [{"Key": "stage", "Value": "test"}]}
    (found,) = body_of(sdk.call("ListFunctions", request=staged))["functions"]
    assert found["functionName"] == "f"
    both = body_of(
        sdk.call("ListTagResources", request={"ResourceType": "function", "Tag": [tag[0]]})
    )
    assert len({row["ResourceId"] for row in both["TagResources"]}) == 2
    body_of(sdk.call("UntagResources", request={**resource, "TagKey": ["team"]}))
    (left,) = body_of(sdk.call("ListTagResources", request=resource))["TagResources"]
    assert left["TagKey"] == "stage"


def test_tasks_are_listed_looked_up_and_counted_once(compute: Compute, sdk: Sdk) -> None:
    accepted = invoke(sdk, "f", "x", TASK)
    again = sdk.call("InvokeFunction", "f", event="x", headers=TASK)
    later = {**TASK, "x-fc-async-task-id": "_2", "x-fc-async-delay": "600"}
    invoke(sdk, "f", "y", later)
    assert soon(lambda: body_of(sdk.call("GetAsyncTask", "f", "task-1"))["status"] == "Succeeded")
    task = body_of(sdk.call("GetAsyncTask", "f", "task-1"))

    assert again == Refused(409, "StatefulAsyncInvocationAlreadyExists")
    assert (accepted.status, accepted.headers["x-fc-async-task-id"]) == (202, "task-1")
    assert task["requestId"] == accepted.request_id
    assert (task["taskPayload"], task["returnPayload"], task["functionArn"]) == ("x", "x", ARN)
    assert task["startedTime"] > 0
    assert task["endTime"] >= task["startedTime"]
    assert [event["status"] for event in task["events"]] == ["Enqueued", "Running", "Succeeded"]
    waiting = body_of(sdk.call("ListAsyncTasks", "f", request={"status": "Enqueued"}))["tasks"]
    assert [(found["taskId"], "taskPayload" in found) for found in waiting] == [("_2", False)]
    newest = body_of(sdk.call("ListAsyncTasks", "f", request={"limit": 1}))
    assert [found["taskId"] for found in newest["tasks"]] == ["_2"]
    body_of(sdk.call("StopAsyncTask", "f", "_2"))
    stopped = body_of(sdk.call("GetAsyncTask", "f", "_2"))
    assert (stopped["status"], stopped["durationMs"]) == ("Stopped", 0)
    missing = sdk.call("GetAsyncTask", "f", "task-9")
    assert missing == Refused(404, "StatefulAsyncInvocationNotFound")


def test_a_task_that_runs_is_stopped_and_not_repeated(compute: Compute, sdk: Sdk) -> None:
    create(sdk, "sleep", SLEEP, timeout=60)
    invoke(sdk, "sleep", "30", TASK)
    assert soon(lambda: compute.platform.pool.running)
    body_of(sdk.call("StopAsyncTask", "sleep", "task-1"))

    assert soon(lambda: body_of(sdk.call("GetAsyncTask", "sleep", "task-1"))["status"] == "Stopped")
    compute.clock.advance(3_600)
    assert body_of(sdk.call("GetAsyncTask", "sleep", "task-1"))["alreadyRetriedTimes"] == 0


@pytest.mark.parametrize("task_id", ["1st", "-a", "a.b", "a" * 129])
def test_a_task_id_begins_with_a_letter_or_an_underscore(sdk: Sdk, task_id: str) -> None:
    headers = {**TASK, "x-fc-async-task-id": task_id}
    refused = sdk.call("InvokeFunction", "f", event="x", headers=headers)

    assert refused == Refused(400, "InvalidArgument")
    assert body_of(sdk.call("ListAsyncTasks", "f"))["tasks"] == []


def test_what_serverless_tools_read_is_there_or_empty(sdk: Sdk) -> None:
    """As `s info` and `s deploy` of the component fc3 do."""
    of_function = {"functionName": "f"}
    invoke(sdk, "f", "x")
    provision = body_of(sdk.call("GetProvisionConfig", "f"))

    assert (provision["target"], provision["current"]) == (0, 0)
    assert body_of(sdk.call("ListProvisionConfigs", request=of_function))["provisionConfigs"] == []
    assert body_of(sdk.call("ListScalingConfigs", request=of_function))["scalingConfigs"] == []
    assert body_of(sdk.call("ListVpcBindings", "f"))["vpcIds"] == []
    assert body_of(sdk.call("ListCustomDomains"))["customDomains"] == []
    assert body_of(sdk.call("ListLayers"))["layers"] == []
    assert len(body_of(sdk.call("ListInstances", "f"))["instances"]) == 1
    absent = sdk.call("GetCustomDomain", "example.com")
    assert absent == Refused(404, "DomainNameNotFound")


def test_an_action_that_is_missing_is_refused_by_its_name(sdk: Sdk) -> None:
    assert sdk.call("ListSessions", "f") == Refused(400, "UnsupportedOperation")
    assert sdk.call("DeleteScalingConfig", "f") == Refused(400, "UnsupportedOperation")


def test_the_sdk_of_2_0_for_node_does_the_same(compute: Compute) -> None:
    with node_sdk(compute.endpoint) as sdk:
        body_of(sdk.call_older("createService", "s"))
        function = {
            "functionName": "f",
            "runtime": "python3.10",
            "handler": "index.handler",
            "code": code_of(WHO),
        }
        body_of(sdk.call_older("createFunction", "s", function))
        timer = {"triggerName": "t", "triggerType": "timer", "triggerConfig": {"enable": True}}
        body_of(sdk.call_older("createTrigger", "s", "f", timer))
        invoked = sdk.call_older("invokeFunction", "s", "f", "x")
        arn = "services/s"
        body_of(sdk.call_older("tagResource", arn, {"team": "a"}))

        assert body_of(invoked) == invoked.headers["x-fc-request-id"]  # type: ignore[union-attr]
        (trigger,) = body_of(sdk.call_older("listTriggers", "s", "f"))["triggers"]
        assert trigger["triggerConfig"] == {"enable": True}
        assert sdk.call_older("getTrigger", "s", "f", "u") == Refused(404, "TriggerNotFound")
        tags = body_of(sdk.call_older("getResourceTags", {"resourceArn": arn}))["tags"]
        assert tags == {"team": "a"}
        assert body_of(sdk.call_older("getAccountSettings"))["availableAZs"]
        provision = body_of(sdk.call_older("getProvisionConfig", "s", "f", "LATEST"))
        assert provision["resource"] == "s#LATEST#f"
        assert sdk.call_older("listLayerVersions", "l") == Refused(400, "PathNotSupported")
