"""A policy says what is allowed and what alarms mean; a wrong one names path and rule."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.group_policy import Budget, GroupPolicy, Pause
from scalein.decision.model import Metric, Order, RemovalRequest, RemoveOptions, Target
from scalein.decision.windows import Windows, parse_cron
from scalein.errors import ConfigurationError
from scalein.policy import Policy, PolicyViolation, apply_policy, read_policy
from scalein.policy_rules import request_from_rule, rule_for, why_no_rule
from tests.support.deployment import FULL_GROUP_POLICY

ROOT = Path(__file__).parents[2]
NEWEST, OLDEST, CONFIGURATION = (
    Order.NEWEST_INSTANCE,
    Order.OLDEST_INSTANCE,
    Order.OLDEST_SCALING_CONFIGURATION,
)


OF_ONE, OF_ANOTHER = (Subject(Scope.INSTANCES, (id,)) for id in ("i-1", "i-2"))


def policy(groups: dict[str, Any] | None = None, *rules: dict[str, Any], **fields: Any) -> Policy:
    document = {
        "groups": {"asg-1": {}} if groups is None else groups,
        "alarms": list(rules),
        **fields,
    }
    return read_policy(json.dumps(document))


def rule(when: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"when": when, "scalingGroupId": "asg-1", "remove": {"count": 1}, **fields}


def alarm(**attributes: str) -> Alarm:
    return Alarm(
        "alarm-1", {name.replace("__", "."): (text,) for name, text in attributes.items()}, OF_ONE
    )


def fault(document: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_policy(document if isinstance(document, str) else json.dumps(document))
    return str(caught.value)


def request(**fields: Any) -> RemovalRequest:
    return RemovalRequest("asg-1", "r-1", Target(instances=1), **fields)


def test_every_guardrail_is_read() -> None:
    assert policy({"asg-1": {**FULL_GROUP_POLICY, "comment": "ours"}}).groups[
        "asg-1"
    ] == GroupPolicy(
        floor=3,
        max_removed_per_event=5,
        max_removed_percent_per_event=12.5,
        budget=Budget(3600, None, 20),
        cooldown_seconds=600,
        cooldown_after_scale_out_seconds=700,
        cooldown_after_failure_seconds=80,
        order=(NEWEST,),
        minimum_age_seconds=60,
        remove_protected=True,
        remove_standby=True,
        remove_policy="recycle",
        stop_instance_timeout_seconds=60,
        keep_desired_capacity=True,
        healthy_quorum_percent=75,
        pause=Pause(datetime(2026, 12, 1, tzinfo=timezone.utc), "sale"),
        windows=Windows(
            ZoneInfo("Asia/Shanghai"), (parse_cron("* 0-6 * * *"),), (parse_cron("* * 24 12 *"),)
        ),
        dry_run=True,
    )
    assert policy({"asg-1": {}}).groups["asg-1"] == GroupPolicy()


def test_a_group_with_a_cooldown_has_one_after_a_scale_out_and_after_a_failure() -> None:
    group = policy({"asg-1": {"cooldownSeconds": 300}}).groups["asg-1"]
    assert group.cooldown_after_scale_out_seconds == 600
    assert group.cooldown_after_failure_seconds == 180
    assert policy({"asg-1": {"cooldownSeconds": 0}}).groups["asg-1"].history_seconds == 0


def test_a_message_may_be_fifteen_minutes_old_unless_the_policy_says_otherwise() -> None:
    assert policy().max_event_age_seconds == 900
    assert policy(maxEventAgeSeconds=60).max_event_age_seconds == 60


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "SCALEIN_POLICY: at $, rule json"),
        ("[]", "at $, rule type"),
        ({}, 'at $, rule required: Policy lacks the required field "groups"'),
        ({"groups": {}}, "at $.groups, rule minProperties"),
        ({"groups": {"asg-1": {}}, "alarm": []}, 'Did you mean "alarms"?'),
        ({"groups": {"asg 1": {}}}, "at $.groups, rule pattern"),
        ({"groups": {"asg-1": {"flor": 3}}}, "at $.groups['asg-1'], rule additionalProperties"),
        ({"groups": {"asg-1": {"floor": -1}}}, "at $.groups['asg-1'].floor, rule minimum"),
        ({"groups": {"asg-1": {"budget": {"windowSeconds": 60}}}}, "budget, rule minProperties"),
        (
            {"groups": {"asg-1": {"budget": {"instances": 1, "percent": 1}}}},
            "budget, rule required",
        ),
        (
            {"groups": {"asg-1": {"budget": {"instances": 1, "percent": 1, "windowSeconds": 60}}}},
            "rule maxProperties",
        ),
        ({"groups": {"asg-1": {"order": ["Random"]}}}, "order[0], rule enum"),
        (
            {"groups": {"asg-1": {}}, "maxEventAgeSeconds": 0},
            "at $.maxEventAgeSeconds, rule minimum",
        ),
        (
            {"groups": {"asg-1": {}}, "alarms": [rule({})]},
            "at $.alarms[0].when, rule minProperties",
        ),
        (
            {"groups": {"asg-1": {}}, "alarms": [rule({"alarmName": "x"})]},
            'Did you mean "alertName"?',
        ),
        (
            {"groups": {"asg-1": {}}, "alarms": [rule({"alertName": 1})]},
            "at $.alarms[0].when.alertName, rule type",
        ),
        (
            {"groups": {"asg-1": {}}, "alarms": [rule({"alertName": "x"}, remove={"count": 0})]},
            "remove.count, rule minimum",
        ),
        (
            {
                "groups": {"asg-1": {}},
                "alarms": [rule({"alertName": "x"}, remove={"instanceIds": "all"})],
            },
            "remove.instanceIds, rule enum",
        ),
        (
            {
                "groups": {"asg-1": {}},
                "alarms": [rule({"alertName": "x"}, remove={"instanceIds": [1]})],
            },
            "remove.instanceIds[0], rule type",
        ),
        (
            {"groups": {"asg-1": {}}, "alarms": [rule({"alertName": "x"}, scalingGroupId="asg-2")]},
            "at $.alarms[0].scalingGroupId, rule policy: Scaling group asg-2 is not in the policy."
            " Did you mean asg-1?",
        ),
        (
            {"groups": {"asg-1": {}}, "alarms": [rule({"alertName": "x"}, scalingGroupId="alarm")]},
            'at $.alarms[0].scalingGroupId, rule policy: scalingGroupId "alarm" is allowed only',
        ),
        (
            {
                "groups": {"asg-1": {"order": ["NewestInstance"]}},
                "alarms": [rule({"alertName": "x"}, order=["OldestInstance"])],
            },
            "at $.alarms[0].order, rule policy",
        ),
    ],
)
def test_a_wrong_policy_names_path_and_rule(document: Any, said: str) -> None:
    assert said in fault(document)


@pytest.mark.parametrize(
    ("place", "wrong", "right"),
    [
        ("$", "group", "groups"),
        ("$", "alarm", "alarms"),
        ("$.groups['asg-1']", "flor", "floor"),
        ("$.groups['asg-1'].budget", "windowSecond", "windowSeconds"),
        ("$.groups['asg-1'].windows", "timezone", "timeZone"),
        ("$.alarms[0]", "wen", "when"),
        ("$.alarms[0]", "scalingGroupID", "scalingGroupId"),
        ("$.alarms[0]", "partail", "partial"),
        ("$.alarms[0].when", "alertNam", "alertName"),
        ("$.alarms[0].remove", "cont", "count"),
    ],
)
def test_a_misspelt_field_is_named_with_its_place_and_the_known_one(
    place: str, wrong: str, right: str
) -> None:
    budget = {"percent": 10, "windowSeconds": 60}
    group = {"floor": 1, "budget": budget, "windows": {"timeZone": "UTC", "allow": ["* * * * *"]}}
    alarm = rule({"alertName": "x"}, remove={"count": 1}, partial="deny")
    text = json.dumps({"groups": {"asg-1": group}, "alarms": [alarm]})
    said = fault(json.loads(text.replace(f'"{right}":', f'"{wrong}":')))

    assert f"at {place}, " in said
    assert f'unknown field: "{wrong}". Did you mean "{right}"?' in said


def test_an_unknown_field_of_a_policy_is_named_in_64_printable_characters_at_most() -> None:
    said = fault({"groups": {"asg-1": {}}, "\x1b" + "y" * 500: 1})

    assert said.isprintable()
    assert said.count("y" * 63) == 1
    assert "y" * 64 not in said


def test_a_missing_policy_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"nowhere\.json cannot be read .*SCALEIN_POLICY_FILE.*policy\.example",
    ):
        read_policy("", str(tmp_path / "nowhere.json"))


def test_an_empty_policy_is_said_to_be_empty(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(" \n")
    with pytest.raises(ConfigurationError, match=r"policy\.json: it is empty; policy\.example"):
        read_policy("", str(file))


def test_the_closest_rule_is_one_for_the_same_sender() -> None:
    """Of rules of which no condition is met: not the one whose attributes the alarm lacks."""
    known = policy(None, rule({"eventName": "spot"}), rule({"alertName": "web"}))
    lacking = rule({"alertName": "db", "labels": {"tier": "db"}})

    assert "Closest rule: alarms[1]" in why_no_rule(alarm(alertName="x"), known.rules)
    assert "Closest rule: alarms[0]" in why_no_rule(
        alarm(alertName="x"), policy(None, rule({"alertName": "web"}), lacking).rules
    )


def test_a_policy_file_is_read_like_inline_text(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"groups": {"asg-7": {}}}', encoding="utf-8")

    assert list(read_policy("", str(file)).groups) == ["asg-7"]


def test_the_example_policy_is_right() -> None:
    assert read_policy("", str(ROOT / "policy.example.json")).rules


@pytest.mark.parametrize(
    ("earlier", "later", "unreachable"),
    [
        ({"alertName": "web*"}, {"alertName": "web-low"}, True),
        ({"alertName": "web*"}, {"alertName": "web-*-low"}, True),
        ({"alertName": "*"}, {"alertName": "x", "level": "WARN"}, True),
        ({"alertName": "x"}, {"alertName": "x"}, True),
        ({"level": "warn"}, {"level": "WARN", "alertName": "x"}, True),
        ({"alertName": "web-low"}, {"alertName": "web*"}, False),
        ({"alertName": "web*", "level": "WARN"}, {"alertName": "web-low"}, False),
        ({"alertName": "*low"}, {"alertName": "web*"}, False),
        ({"alertName": "*"}, {"ruleId": "x"}, False),
        ({"labels": {"a": "*"}}, {"labels": {"a": "1", "b": "2"}}, True),
        ({"labels": {"a": "1"}}, {"labels": {"b": "1"}}, False),
    ],
)
def test_a_rule_that_an_earlier_one_always_forestalls_is_an_error(
    earlier: dict[str, Any], later: dict[str, Any], unreachable: bool
) -> None:
    document = {"groups": {"asg-1": {}}, "alarms": [rule(earlier), rule(later)]}
    if unreachable:
        assert "at $.alarms[1].when, rule unreachable" in fault(document)
    else:
        assert len(read_policy(json.dumps(document)).rules) == 2


def test_the_first_of_overlapping_rules_holds() -> None:
    rules = (
        rule({"alertName": "web-low"}, requestReason="first"),
        rule({"alertName": "web*"}, requestReason="second"),
    )
    found = [
        rule_for(alarm(alertName=name), policy(None, *rules).rules)
        for name in ("web-low", "web-idle", "db-low")
    ]

    assert [match and match.request["requestReason"] for match in found] == [
        "first",
        "second",
        None,
    ]


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("a*a", "a", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("*ab*ba*", "aba", False),
        ("*", "", True),
        ("*ab*b", "ab", False),
        ("a*ba*ab", "abab", False),
        ("a?", "ab", False),
        ("[a]", "a", False),
        ("A", "a", False),
    ],
)
def test_a_star_stands_for_any_characters_and_nothing_else_does(
    pattern: str, text: str, matches: bool
) -> None:
    known = policy(None, rule({"alertName": pattern}))

    assert (rule_for(alarm(alertName=text), known.rules) is not None) is matches


@given(st.text("ab*", min_size=1, max_size=6), st.text("ab", max_size=8))
def test_a_pattern_matches_what_it_would_as_a_regular_expression(pattern: str, text: str) -> None:
    import re

    regular = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text)

    assert (
        rule_for(alarm(alertName=text), policy(None, rule({"alertName": pattern})).rules)
        is not None
    ) is bool(regular)


def test_every_condition_of_a_rule_must_hold() -> None:
    known = policy(None, rule({"alertName": "web*", "level": "warn", "labels": {"tier": "web"}}))

    assert rule_for(alarm(alertName="web-1", level="WARN", labels__tier="web"), known.rules)
    assert rule_for(alarm(alertName="web-1", level="WARN", labels__tier="db"), known.rules) is None
    assert rule_for(alarm(alertName="web-1", level="WARN"), known.rules) is None


def test_an_alarm_without_a_rule_learns_which_attributes_differ_and_never_their_values() -> None:
    known = policy(None, rule({"ruleId": "r"}), rule({"alertName": "web*", "level": "WARN"}))
    why = why_no_rule(alarm(alertName="canary-7731", level="WARN"), known.rules)

    assert (
        "Closest rule: alarms[1]. It expects alertName web* (the alarm has another value)." in why
    )
    assert "The alarm has alertName, level." in why
    assert "7731" not in why
    longer = policy(
        None, rule({"ruleId": "r", "metricName": "m", "namespace": "n"}), rule({"alertName": "x"})
    )
    assert "Closest rule: alarms[0]" in why_no_rule(
        alarm(alertName="y", namespace="n"), longer.rules
    )
    assert "Closest rule: alarms[1]" in why_no_rule(
        alarm(alertName="web-1"),
        policy(
            None,
            rule({"ruleId": "r", "metricName": "m"}),
            rule({"alertName": "web*", "level": "WARN"}),
        ).rules,
    )
    assert "no alarm rules" in why_no_rule(alarm(alertName="x"), ())


def test_a_rule_has_the_fields_of_a_request() -> None:
    known = policy(
        None,
        rule(
            {"alertName": "x"},
            order=["NewestInstance"],
            partial="deny",
            dryRun=True,
            requestReason="idle",
        ),
    )
    requested = request_from_rule(known.rules[0], alarm(alertName="x"), "asg-1")

    assert requested == RemovalRequest(
        "asg-1",
        "alarm-1",
        Target(instances=1),
        denies_partial=True,
        order=(NEWEST,),
        dry_run=True,
        request_reason="idle",
        derived_id=True,
    )


def test_an_alarm_supersedes_only_what_the_same_rule_makes_of_the_same_observation() -> None:
    """And of the same instances, where the rule removes those."""
    rules = [
        rule({"alertName": "x"}),
        rule({"alertName": "x*"}),
        rule({"alertName": "x"}, remove={"count": 2}),
    ]
    named = rule({"alertName": "x"}, remove={"instanceIds": "alarm"})
    seen = alarm(alertName="x")._replace(observation="cpu of i-1")

    def observation(made_by: dict[str, Any], seen: Alarm) -> str:
        return request_from_rule(policy(None, made_by).rules[0], seen, "asg-1").observation

    others = [observation(made_by, seen) for made_by in (*rules, named)]
    others.append(observation(named, seen._replace(subject=OF_ANOTHER)))
    others.append(observation(rules[0], seen._replace(observation="cpu of i-2")))
    assert all(others)
    assert len(set(others)) == len(others)
    later = seen._replace(idempotency_key="alarm-2", subject=OF_ANOTHER)
    assert observation(rules[0], later) == observation(rules[0], seen)
    assert observation(rules[0], seen._replace(observation="")) == ""


@given(st.lists(st.text(max_size=300), max_size=400))
def test_why_no_rule_matches_is_short_whatever_a_sender_calls_its_labels(names: list[str]) -> None:
    attributes = {f"labels.{name}": ("v",) for name in names}
    why = why_no_rule(
        Alarm("alarm-1", attributes, OF_ONE), policy(None, rule({"alertName": "x"})).rules
    )

    assert len(why) < 2_000
    assert len(attributes) <= 20 or f"and {len(attributes) - 20} more" in why


def test_a_rule_can_take_the_alarms_own_instances() -> None:
    known = policy(None, rule({"alertName": "x"}, remove={"instanceIds": "alarm"}))

    assert request_from_rule(known.rules[0], alarm(alertName="x"), "asg-1").target == Target(
        instance_ids=("i-1",)
    )


def test_ess_may_replace_removed_instances_only_where_the_policy_says_so() -> None:
    requested = request(options=RemoveOptions(decrease_desired_capacity=False))

    assert apply_policy(requested, policy({"asg-1": {"keepDesiredCapacity": True}})) == requested
    assert isinstance(
        apply_policy(requested, policy({"asg-1": {"keepDesiredCapacity": False}})), PolicyViolation
    )
    assert not isinstance(apply_policy(request(), policy()), PolicyViolation)


def test_a_metric_is_read_with_defaults_for_what_it_does_not_say() -> None:
    document = {
        "name": "load_5m",
        "statistic": "Maximum",
        "periodSeconds": 15.0,
        "staleAfterPeriods": 3,
    }
    every = {**document, "namespace": "mine", "instancesPerCall": 50}

    assert policy({"asg-1": {"metric": document}}).groups["asg-1"].metric == Metric(
        "acs_ecs_dashboard", "load_5m", "Maximum", 15, 3, 100
    )
    assert policy({"asg-1": {"metric": every}}).groups["asg-1"].metric == Metric(
        "mine", "load_5m", "Maximum", 15, 3, 50
    )


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (
            {"windows": {"allow": ["* 25 * * *"]}},
            "at $.groups['asg-1'].windows.allow[0], rule cron: The window is not a cron",
        ),
        ({"windows": {"forbid": ["* * * * *", "x"]}}, "windows.forbid[1], rule cron"),
        (
            {"windows": {"timeZone": "Mars/Olympus"}},
            "windows.timeZone, rule timeZone: Unknown time zone Mars/Olympus.",
        ),
        (
            {"windows": {"timeZone": "Asia/Shangai"}},
            "Unknown time zone Asia/Shangai. Did you mean Asia/Shanghai?",
        ),
        ({"windows": {}}, "rule minProperties"),
        ({"paused": {"until": "soon"}}, "paused.until, rule pattern"),
        ({"paused": "yes"}, "paused, rule type"),
        ({"metric": {"statistic": "Mean"}}, "metric.statistic, rule enum"),
        ({"order": ["Newest"]}, "order[0], rule enum"),
    ],
)
def test_a_guardrail_that_cannot_be_read_is_named_by_its_path(
    group: dict[str, Any], said: str
) -> None:
    assert said in fault({"groups": {"asg-1": group}})


def test_a_pause_may_be_for_good_or_not_at_all() -> None:
    groups = policy(
        {
            "asg-1": {"paused": True},
            "asg-2": {"paused": False},
            "asg-3": {"paused": {"reason": "sale"}},
        }
    ).groups

    assert [groups[f"asg-{number}"].pause for number in (1, 2, 3)] == [
        Pause(),
        None,
        Pause(None, "sale"),
    ]


def test_a_group_that_the_policy_does_not_have_is_denied() -> None:
    violation = apply_policy(request()._replace(scaling_group_id="asg-2"), policy())

    assert isinstance(violation, PolicyViolation)
    assert violation.path == "$.scalingGroupId"
    assert "Scaling group asg-2 is not in the policy. Did you mean asg-1?" in violation.sentence


def test_an_unknown_group_is_named_in_128_printable_characters_at_most() -> None:
    violation = apply_policy(request()._replace(scaling_group_id="x\n" * 200), policy())

    assert isinstance(violation, PolicyViolation)
    assert violation.sentence.isprintable()
    assert violation.sentence.count("x") <= 64


def test_a_policy_field_of_an_earlier_version_is_an_error_with_its_new_name() -> None:
    schema = json.loads((ROOT / "handler/scalein/schemas/policy.schema.json").read_bytes())
    ((former, new),) = schema["x-newNameByFormerName"].items()
    groups: dict[str, Any] = {"asg-1": {}}

    assert f'"{former}" is now "{new}"' in fault({"groups": groups, former: "closed"})
    assert '"shortfall" is now "partial"' in fault(
        {"groups": groups, "alarms": [rule({"alertName": "x"}, shortfall="refuse")]}
    )


@pytest.mark.parametrize(
    ("group_policy", "requested", "path"),
    [
        ({"order": ["NewestInstance"]}, {"order": (OLDEST,)}, "$.order"),
        ({"order": ["NewestInstance", "OldestInstance"]}, {"order": (NEWEST,)}, "$.order"),
        (
            {"removePolicy": "recycle"},
            {"options": RemoveOptions(remove_policy="release")},
            "$.removePolicy",
        ),
        (
            {"stopInstanceTimeout": 120},
            {"options": RemoveOptions(stop_instance_timeout_seconds=60)},
            "$.stopInstanceTimeout",
        ),
        (
            {},
            {"options": RemoveOptions(decrease_desired_capacity=False)},
            "$.decreaseDesiredCapacity",
        ),
    ],
)
def test_a_request_that_goes_beyond_the_policy_is_denied(
    group_policy: dict[str, Any], requested: dict[str, Any], path: str
) -> None:
    violation = apply_policy(request(**requested), policy({"asg-1": group_policy}))

    assert isinstance(violation, PolicyViolation)
    assert violation.path == path


@pytest.mark.parametrize(
    ("group_policy", "requested", "result"),
    [
        ({}, {}, {}),
        ({}, {"order": (OLDEST,)}, {"order": (OLDEST,)}),
        ({"order": ["NewestInstance"]}, {}, {"order": (NEWEST,)}),
        (
            {"order": ["OldestScalingConfiguration"]},
            {"order": (CONFIGURATION, NEWEST)},
            {"order": (CONFIGURATION, NEWEST)},
        ),
        ({"removePolicy": "recycle"}, {}, {"options": RemoveOptions(remove_policy="recycle")}),
        (
            {"removePolicy": "release"},
            {"options": RemoveOptions(remove_policy="recycle")},
            {"options": RemoveOptions(remove_policy="recycle")},
        ),
        (
            {"stopInstanceTimeout": 60},
            {},
            {"options": RemoveOptions(stop_instance_timeout_seconds=60)},
        ),
        (
            {"stopInstanceTimeout": 60},
            {"options": RemoveOptions(stop_instance_timeout_seconds=90)},
            {"options": RemoveOptions(stop_instance_timeout_seconds=90)},
        ),
    ],
)
def test_a_request_within_the_policy_is_completed_by_it(
    group_policy: dict[str, Any], requested: dict[str, Any], result: dict[str, Any]
) -> None:
    assert apply_policy(request(**requested), policy({"asg-1": group_policy})) == request(**result)


def test_what_a_rule_requests_has_the_form_of_a_request() -> None:
    """The two schemas say the same of the fields that they share."""
    schemas = ROOT / "handler/scalein/schemas"
    requested, ruled = (
        json.loads((schemas / f"{name}.schema.json").read_text())
        for name in ("removal-request", "policy")
    )
    of_rule, of_request = (
        ruled["properties"]["alarms"]["items"]["properties"],
        requested["properties"],
    )
    shared = of_rule.keys() & of_request.keys() - {"scalingGroupId", "remove"}

    assert shared == of_request.keys() - {"scalingGroupId", "remove", "requestId", "notAfter"}
    assert {name: of_rule[name] for name in shared} == {name: of_request[name] for name in shared}
    amounts = {
        name: of_request["remove"]["properties"][name]
        for name in ("count", "percent", "toCapacity")
    }
    assert amounts.items() <= of_rule["remove"]["properties"].items()
