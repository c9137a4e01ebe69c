"""What is deployed has no more rights than it needs, and the settings of the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from alibabacloud_fc20230330 import models as fc3
from hypothesis import given
from hypothesis import strategies as st

from scalein_cli.check import statement_fault

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml.safe_load((ROOT / "template.yml").read_text(encoding="utf-8"))
S_YAML: dict[str, Any] = yaml.safe_load((ROOT / "s.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTION = RESOURCES["Function"]["Properties"]
PROPS = S_YAML["resources"]["scale-in"]["props"]


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in RESOURCES.items():
        for policy in resource["Properties"].get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def test_every_statement_is_one() -> None:
    assert [
        statement_fault(statement) for _, statement in statements() if statement_fault(statement)
    ] == []


def test_what_changes_anything_is_bound_to_named_resources() -> None:
    """Only reading may be of everything."""
    for _, statement in statements():
        if statement["Resource"] == ["*"]:
            assert all(
                action.partition(":")[2].startswith("Describe") for action in statement["Action"]
            )
        assert not any("*" in action for action in statement["Action"])


def test_the_function_may_remove_from_the_listed_groups_and_do_nothing_else_to_ess() -> None:
    granted = {a: s["Resource"] for name, s in statements() if name == "Role" for a in s["Action"]}
    changing = {a for a in granted if a.startswith("ess:") and not a.startswith("ess:Describe")}

    assert changing == {"ess:RemoveInstances", "ess:DetachInstances"}
    assert all(granted[action] == {"Ref": "ScalingGroupArns"} for action in changing)


def test_the_function_may_make_every_call_to_ess_that_it_knows() -> None:
    """The history too: without it, what became of a call whose answer was lost stays unknown."""
    source = (ROOT / "handler/scalein/cloud/ess_requests.py").read_text(encoding="utf-8")
    called = set(re.findall(r"aliyunsdkess\.request\.v20140828\.(\w+)Request import", source))
    granted = {
        action
        for name, statement in statements()
        if name == "Role"
        for action in statement["Action"]
    }

    assert len(called) == 4
    assert {f"ess:{action}" for action in called} <= granted


def test_it_begins_with_a_dry_run_and_a_timer_that_is_off() -> None:
    parameters = TEMPLATE["Parameters"]

    assert parameters["DryRun"]["Default"] == "true"
    assert parameters["TimerEnabled"]["Default"] == "false"
    assert parameters["BatchSize"]["Default"] == 1
    assert all(parameter["Description"] and parameter["Label"] for parameter in parameters.values())
    assert PROPS["environmentVariables"]["SCALEIN_DRY_RUN"] == "true"


def test_secrets_are_never_echoed() -> None:
    assert all(TEMPLATE["Parameters"][name]["NoEcho"] for name in ("FollowUpKey", "Ledger"))


@pytest.mark.parametrize(
    "config",
    [
        RESOURCES["QueueTrigger"]["Properties"]["TriggerConfig"],
        PROPS["triggers"][0]["triggerConfig"],
    ],
)
def test_the_queue_trigger_is_synchronous_goes_on_and_has_dead_letters(
    config: dict[str, Any],
) -> None:
    options = config["runOptions"]

    assert config["asyncInvocationType"] is False
    assert options["errorsTolerance"] == "ALL"
    assert options["retryStrategy"] == {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY"}
    assert options["deadLetterQueue"]["Arn"]


def test_both_ways_to_deploy_say_the_same_of_the_function() -> None:
    assert (
        FUNCTION["Timeout"],
        FUNCTION["MemorySize"],
        FUNCTION["Handler"],
        FUNCTION["Initializer"],
    ) == (
        PROPS["timeout"],
        PROPS["memorySize"],
        PROPS["handler"],
        PROPS["instanceLifecycleConfig"]["initializer"]["handler"],
    )
    assert RESOURCES["Queue"]["Properties"]["VisibilityTimeout"] >= 2 * FUNCTION["Timeout"]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_no_statement_is_reported_as_wrong(thing: Any) -> None:
    if not isinstance(thing, dict) or thing.get("Effect") not in ("Allow", "Deny"):
        assert statement_fault(thing)


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
    """As Alibaba's SDK of 3.0 has it; the component's own four are what it takes besides."""
    function = {
        key: PROPS[key]
        for key in PROPS.keys() - {"region", "code", "asyncInvokeConfig", "triggers"}
    }
    asynchronous = PROPS["asyncInvokeConfig"]
    queue, timer = PROPS["triggers"]

    for named, model in (
        (function, fc3.CreateFunctionInput),
        (asynchronous, fc3.PutAsyncInvokeConfigInput),
        (queue, fc3.CreateTriggerInput),
        (timer, fc3.CreateTriggerInput),
        (queue["triggerConfig"], fc3.EventBridgeTriggerConfig),
        (timer["triggerConfig"], fc3.TimerTriggerConfig),
    ):
        assert unknown(named, model().from_map(named).to_map()) == []
