"""Any policy or setting is used, or is a ConfigurationError that shows no value."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.model import Sample, Target
from scalein.decision.planner import plan_removal
from scalein.errors import ConfigurationError
from scalein.policy import PolicyViolation, apply_policy, read_policy
from scalein.policy_rules import request_from_rule, rule_for, why_no_rule
from scalein.settings import KNOWN, read_settings
from tests.support.clock import NOON
from tests.support.deployment import FULL_GROUP_POLICY
from tests.support.fleets import group_of, member, request_for
from tests.unit.test_envelopes import json_values, places

FULL: dict[str, Any] = {
    "maxEventAgeSeconds": 900,
    "ledgerUnavailable": "failClosed",
    "groups": {
        "asg-1": {
            **FULL_GROUP_POLICY,
            "order": ["LowestMetric"],
            "metric": {
                "namespace": "acs_ecs_dashboard",
                "name": "CPUUtilization",
                "periodSeconds": 60,
            },
            "paused": {"until": "2026-11-01T00:00:00Z", "reason": "sale"},
            "windows": {
                "timeZone": "Asia/Shanghai",
                "allow": ["* * * * *"],
                "forbid": ["* * 24 12 *"],
            },
            "dryRun": False,
        }
    },
    "alarms": [
        {
            "when": {"alertName": "cpu*", "labels": {"tier": "web"}},
            "scalingGroupId": "asg-1",
            "remove": {"count": 1},
        },
        {"when": {"eventName": "*"}, "scalingGroupId": "alarm", "remove": {"instanceIds": "alarm"}},
    ],
}
FLEET = group_of(*(member(f"i-{n}", n) for n in range(1, 9)), min_size=1)._replace(
    activities=(), samples={f"i-{n}": Sample(float(n), NOON) for n in range(1, 9)}
)
ALARM = Alarm(
    "alarm-1",
    {"alertName": ("cpu",), "labels.tier": ("web",), "eventName": ("Spot",)},
    Subject(Scope.INSTANCES, ("i-1",)),
)
NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            None,
            True,
            -1,
            0,
            4.7,
            1e308,
            10**400,
            "",
            "\ud800",
            "*",
            "x" * 5_000,
            [],
            {},
            [[]],
            "alarm",
        ),
        *("0 0 31 2 *", "*/0 * * * *", "../../etc/passwd", "LowestMetric"),
        *("2026-13-45T99:99Z", "9999-12-31T23:59:59-23:59"),
    ]
)
CANARY = "canary-7f3a"


@st.composite
def policies(draw: st.DrawFn) -> str:
    """A policy with a few of its values replaced, dropped, or given another name."""
    document = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(0, 3))):
        container, key = draw(st.sampled_from(places(document) or [({"": 0}, "")]))
        how = draw(st.sampled_from(["replace", "replace", "drop", "rename"]))
        value = draw(NASTY | json_values) if how == "replace" else container.pop(key)
        if how == "replace":
            container[key] = value
        elif how == "rename" and isinstance(container, dict):
            container[draw(st.text(max_size=5) | st.sampled_from(["asg-1", "count", "until"]))] = (
                value
            )
    return json.dumps(document)


@given(policies() | st.text(max_size=60))
@example(json.dumps(FULL))
@example("[" * 100_000)
@example('{"groups": {"asg-1": {"floor": 1e400}}}')
def test_any_policy_decides_or_is_a_configuration_error(text: str) -> None:
    try:
        policy = read_policy(text or " ")
    except ConfigurationError as error:
        assert "SCALEIN_POLICY" in str(error)
        return
    for id in policy.groups:
        request = apply_policy(
            request_for(Target(instances=2))._replace(scaling_group_id=id), policy
        )
        if not isinstance(request, PolicyViolation):
            plan = plan_removal(request, FLEET, policy.groups[id])
            assert len(plan.selected) <= 2
    rule = rule_for(ALARM, policy.rules)
    assert (
        request_from_rule(rule, ALARM, "asg-1").scaling_group_id
        if rule
        else why_no_rule(ALARM, policy.rules)
    )


values = (
    st.text(st.characters(blacklist_characters="\0"), max_size=12)
    | st.sampled_from(
        [
            "true",
            "raise",
            "vpc",
            "open",
            "127.0.0.1:80",
            "redis://h",
            "60",
            "0.5",
            "1e400",
            "nan",
            "٣",
        ]
    )
    | st.sampled_from(
        ["redis://:p/w#x?y@h", "https://h:99999", "rediss://[::1", "unix://", "k" * 32, "a/b"]
    )
)


@given(
    st.dictionaries(st.sampled_from(KNOWN) | st.just("SCALEIN_X"), values, max_size=5),
    values,
    values,
)
def test_any_settings_are_settings_or_a_configuration_error_that_shows_no_value(
    variables: dict[str, str], timeout: str, region: str
) -> None:
    shown = {
        name: f"{value}{CANARY}" if name != "SCALEIN_FC_FUNCTION" else value
        for name, value in variables.items()
    }
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY}
    for given_variables in (variables, shown):
        context = SimpleNamespace(
            region=region, account_id="1", function=SimpleNamespace(name="f", timeout=timeout)
        )
        with suppress(ConfigurationError):
            settings = read_settings({**keys, **given_variables}, context)
            assert 0 < settings.run_seconds < 86_400
            assert CANARY not in str(settings)
        try:
            read_settings({**keys, **given_variables}, context)
        except ConfigurationError as error:
            assert CANARY not in str(error)
