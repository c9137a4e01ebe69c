"""What is deployed has no more rights than it needs, and the settings that the documents call for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.check import wrong_in

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
    assert [wrong_in(statement) for _, statement in statements() if wrong_in(statement)] == []


def test_what_changes_anything_is_bound_to_named_resources() -> None:
    """Only reading may be of everything."""
    for _, statement in statements():
        if statement["Resource"] == ["*"]:
            assert all(action.partition(":")[2].startswith("Describe") for action in statement["Action"])
        assert not any("*" in action for action in statement["Action"])


def test_the_function_may_remove_from_the_listed_groups_and_do_nothing_else_to_ess() -> None:
    granted = {a: s["Resource"] for name, s in statements() if name == "Role" for a in s["Action"]}
    changing = {a for a in granted if a.startswith("ess:") and not a.startswith("ess:Describe")}

    assert changing == {"ess:RemoveInstances", "ess:DetachInstances"}
    assert all(granted[action] == {"Ref": "ScalingGroupArns"} for action in changing)


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
    "config", [RESOURCES["QueueTrigger"]["Properties"]["TriggerConfig"], PROPS["triggers"][0]["triggerConfig"]]
)
def test_the_queue_trigger_is_synchronous_goes_on_and_has_dead_letters(config: dict[str, Any]) -> None:
    options = config["runOptions"]

    assert config["asyncInvocationType"] is False
    assert options["errorsTolerance"] == "ALL"
    assert options["retryStrategy"] == {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY"}
    assert options["deadLetterQueue"]["Arn"]


def test_both_ways_to_deploy_say_the_same_of_the_function() -> None:
    assert (FUNCTION["Timeout"], FUNCTION["MemorySize"], FUNCTION["Handler"], FUNCTION["Initializer"]) == (
        PROPS["timeout"],
        PROPS["memorySize"],
        PROPS["handler"],
        PROPS["instanceLifecycleConfig"]["initializer"]["handler"],
    )
    assert RESOURCES["Queue"]["Properties"]["VisibilityTimeout"] >= 2 * FUNCTION["Timeout"]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_no_statement_is_told_as_wrong(thing: Any) -> None:
    if not isinstance(thing, dict) or thing.get("Effect") not in ("Allow", "Deny"):
        assert wrong_in(thing)
