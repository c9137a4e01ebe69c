"""A notification of several alerts is matched alert by alert, in the form of every sender."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.alert_list import AlertList, firing_at
from scalein.intake.dialects import ParsedMessage, dialect_of, parse_message
from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein.policy_rules import matches_of, rule_for, rule_of
from scalein.processing.alarm_requests import request_of_match
from scalein.report.outcome import Outcome

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
OWN: dict[str, Any] = {"instanceIds": "alarm"}
RULES: list[dict[str, Any]] = [
    {"when": {"alertName": "idle", "labels": {"tier": "batch"}}, "remove": OWN},
    {"when": {"alertName": "tier-idle", "level": "WARN"}, "remove": {"count": 1}},
    {"when": {"alertName": "idle*", "level": "critical"}, "remove": OWN},
]
POLICY = read_policy(
    json.dumps(
        {"groups": {"asg-1": {}}, "alarms": [{**r, "scalingGroupId": "asg-1"} for r in RULES]}
    )
)
WARN, CRITICAL, OTHER = ("warning", "WARN", "Warn"), ("critical", "crit", "CRITICAL"), ("page",)


class Alert(NamedTuple):
    """An alert, in no sender's words."""

    number: int  # no two alerts of a notification have the same
    name: str
    tier: str
    severity: str
    has_instance: bool
    minutes: int  # since it fires
    is_firing: bool = True

    @property
    def id(self) -> str:
        return f"i-{self.number:04}"

    @property
    def labels(self) -> dict[str, str]:
        own = {"tier": self.tier, "severity": self.severity, "number": f"n{self.number}"}
        return {**own, "instance": f"{self.id}:9100"} if self.has_instance else own

    def rule(self) -> int | None:
        """The first rule of RULES that matches, by construction."""
        if self.name == "idle" and self.tier == "batch":
            return 0
        if self.name == "tier-idle" and self.severity in WARN:
            return 1
        return 2 if self.name == "idle" and self.severity in CRITICAL else None


Render = Callable[[Sequence[Alert]], Any]


def since(alert: Alert) -> datetime:
    return NOW - timedelta(minutes=alert.minutes)


def webhook(alerts: Sequence[Alert], **fields: Any) -> dict[str, Any]:
    """Alertmanager's form: its common labels are what all alerts share, resolved or not."""
    entries = [
        {
            "status": "firing" if alert.is_firing else "resolved",
            "labels": {"alertname": alert.name, **alert.labels},
            "startsAt": since(alert).isoformat().replace("+00:00", ".123456789Z"),
            "endsAt": "0001-01-01T00:00:00Z" if alert.is_firing else NOW.isoformat(),
        }
        for alert in alerts
    ]
    shared = [{*{"alertname": alert.name, **alert.labels}.items()} for alert in alerts]
    return {
        "status": "firing" if any(alert.is_firing for alert in alerts) else "resolved",
        "receiver": "fc",
        "commonLabels": dict(sorted(set.intersection(*shared))) if shared else {},
        **fields,
        "alerts": entries,
    }


def api_array(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    """What Prometheus posts: no status, but an end that is to come while the alert fires."""
    return [
        {
            "labels": {"alertname": alert.name, **alert.labels},
            "startsAt": since(alert).isoformat(),
            "endsAt": (NOW + timedelta(minutes=4 if alert.is_firing else -1)).isoformat(),
        }
        for alert in alerts
    ]


SEVERITIES = {**dict.fromkeys(WARN, 6), **dict.fromkeys(CRITICAL, 10), **dict.fromkeys(OTHER, 2)}


def of_sls(alert: Alert) -> dict[str, Any]:
    labels = {name: text for name, text in alert.labels.items() if name != "severity"}
    return {
        "aliuid": "1",
        "alert_instance_id": f"evaluation-{alert.number}",
        "alert_id": "alert-1",
        "alert_name": alert.name,
        "status": "firing" if alert.is_firing else "resolved",
        "alert_time": int(since(alert).timestamp()),
        "resolve_time": 0 if alert.is_firing else int(NOW.timestamp()),
        "fire_results": [{"cnt": "4"}],
        "labels": labels,
        "severity": SEVERITIES[alert.severity],
    }


def of_arms(alerts: Sequence[Alert]) -> dict[str, Any]:
    """No group key, labels of its own, and an end in the past while the alert fires."""
    document = webhook(alerts)
    for entry in document["alerts"]:
        entry["endsAt"] = (NOW - timedelta(minutes=1)).isoformat()
        entry["labels"]["_aliyun_arms_involvedObject_kind"] = "cluster"
        entry["labels"]["_aliyun_arms_involvedObject_name"] = "shop"
    return document


RENDERS: dict[str, Render] = {
    "alertmanager": lambda alerts: webhook(
        alerts, version="4", groupKey="{}:{}", notification_reason="new", truncatedAlerts=0
    ),
    "grafana": lambda alerts: webhook(
        alerts, version="1", orgId=1, state="alerting", title="t", groupKey="{}:{}"
    ),
    "arms": of_arms,
    "alerts": lambda alerts: {"alerts": webhook(alerts)["alerts"]},
    "api": api_array,
    "sls": lambda alerts: [of_sls(alert) for alert in alerts],
}

some_alert = st.builds(
    Alert,
    number=st.just(0),
    name=st.sampled_from(["idle", "tier-idle", "disk-full"]),
    tier=st.sampled_from(["batch", "web"]),
    severity=st.sampled_from([*WARN, *CRITICAL, *OTHER]),
    has_instance=st.booleans(),
    minutes=st.integers(0, 14),
    is_firing=st.booleans(),
)
notifications = st.lists(some_alert, min_size=1, max_size=6).map(
    lambda alerts: [alert._replace(number=n) for n, alert in enumerate(alerts)]
)


def in_http(body: Any) -> dict[str, Any]:
    return {
        "version": "v1",
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "r", "timeEpoch": str(int(NOW.timestamp() * 1000))},
    }


def in_queue(body: Any) -> dict[str, Any]:
    return {"messageId": "m-1", "messageBody": json.dumps(body)}


ENVELOPES: list[Callable[[Any], Any]] = [lambda body: body, in_http, in_queue]


def parsed_of(event: Any) -> ParsedMessage:
    (message,) = parse_event(json.dumps(event).encode()).messages
    return parse_message(message)


def alarms_of(event: Any) -> list[Alarm]:
    parsed = parsed_of(event)
    return firing_at(NOW, parsed.alarms) if isinstance(parsed, AlertList) else []


def results_of(event: Any) -> list[RemovalRequest | Outcome]:
    alarms = alarms_of(event)
    return [
        request_of_match(match, POLICY, alarms=len(alarms))
        for match in matches_of(alarms, POLICY.rules)
    ]


def requests_of(event: Any) -> list[RemovalRequest]:
    return [result for result in results_of(event) if isinstance(result, RemovalRequest)]


def expected_requests(
    alerts: Sequence[Alert],
) -> list[tuple[int | None, tuple[str, ...], datetime]]:
    """By rule: the amount, the instances and the time that are requested."""
    expected = []
    for rule in range(len(RULES)):
        is_amount = RULES[rule]["remove"] != OWN
        acting = [
            alert
            for alert in alerts
            if alert.is_firing and alert.rule() == rule and alert.has_instance != is_amount
        ]
        if acting:
            ids = () if is_amount else tuple(sorted(alert.id for alert in acting))
            newest = max(since(alert) for alert in acting)
            expected.append((1 if is_amount else None, ids, newest))
    return expected


def fields_of(request: RemovalRequest) -> tuple[int | None, tuple[str, ...], datetime | None]:
    sent_at = request.sent_at and request.sent_at.replace(microsecond=0)
    return request.target.instances, request.target.instance_ids or (), sent_at


forms = pytest.mark.parametrize("form", RENDERS)
some_envelope = st.sampled_from(ENVELOPES)


@forms
@given(notifications, some_envelope)
def test_each_alert_requests_only_what_the_rule_that_matches_it_says(
    form: str, alerts: list[Alert], envelope: Callable[[Any], Any]
) -> None:
    event = envelope(RENDERS[form](alerts))

    assert [fields_of(request) for request in requests_of(event)] == expected_requests(alerts)


@forms
@given(notifications)
def test_each_alert_that_requests_nothing_has_an_outcome_that_says_so(
    form: str, alerts: list[Alert]
) -> None:
    firing = [alert for alert in alerts if alert.is_firing]
    unmatched = [alert for alert in firing if alert.rule() is None]
    outcomes = [r for r in results_of(RENDERS[form](alerts)) if isinstance(r, Outcome)]
    ignored = [outcome for outcome in outcomes if outcome.ignored is Ignored.NO_RULE]

    assert len(ignored) == (1 if unmatched else 0)
    if unmatched and len(firing) > 1:
        prefix = f"Of {len(firing)} alerts that fire, {len(unmatched)} without a rule. "
        assert ignored[0].message.startswith(prefix)
    silent = {(alert.rule(), alert.has_instance) for alert in firing} - {
        (0, True),
        (1, False),
        (2, True),
    }
    assert len(outcomes) == len({place for place in silent if place[0] is not None}) + len(ignored)


@forms
@given(notifications.flatmap(lambda alerts: st.tuples(st.just(alerts), st.permutations(alerts))))
def test_the_order_of_alerts_does_not_matter(
    form: str, pair: tuple[list[Alert], list[Alert]]
) -> None:
    one, other = (results_of(RENDERS[form](alerts)) for alerts in pair)

    assert one == other


@forms
@given(notifications)
def test_a_resolved_alert_adds_nothing(form: str, alerts: list[Alert]) -> None:
    firing = [alert for alert in alerts if alert.is_firing]
    assume(firing)

    assert requests_of(RENDERS[form](alerts)) == requests_of(RENDERS[form](firing))


@forms
@given(notifications)
def test_resolved_alerts_alone_are_a_recovery(form: str, alerts: list[Alert]) -> None:
    resolved = [alert._replace(is_firing=False) for alert in alerts]

    assert alarms_of(RENDERS[form](resolved)) == []


@forms
@given(notifications)
def test_a_repeated_notification_has_the_same_keys(form: str, alerts: list[Alert]) -> None:
    """Also if an outer envelope has another id; and each request has a key of its own."""

    def cloud_event(id: str) -> dict[str, Any]:
        data = {"messageId": id, "messageBody": json.dumps(RENDERS[form](alerts))}
        fields = {"specversion": "1.0", "type": "mns:Queue:SendMessage", "source": "x"}
        return {**fields, "id": id, "data": data}

    keys = [request.request_id for request in requests_of(cloud_event("1"))]

    assert [request.request_id for request in requests_of(cloud_event("2"))] == keys
    assert len(set(keys)) == len(keys)


idle_workers = some_alert.map(
    lambda alert: alert._replace(name="idle", tier="batch", has_instance=True, is_firing=True)
)
of_other_rules = some_alert.filter(lambda alert: alert.rule() != 0)


@forms
@given(st.lists(idle_workers, min_size=1, max_size=3), st.lists(of_other_rules, max_size=3))
def test_alerts_have_the_same_key_beside_others_of_another_rule(
    form: str, idle: list[Alert], others: list[Alert]
) -> None:
    alerts = [alert._replace(number=n) for n, alert in enumerate([*idle, *others])]
    alone = alerts[: len(idle)]

    assert requests_of(RENDERS[form](alone))[0] == requests_of(RENDERS[form](alerts))[0]


legacy_matches = st.lists(
    some_alert.map(lambda alert: alert._replace(name="idle", is_firing=True)), max_size=5
).map(lambda alerts: [alert._replace(number=n) for n, alert in enumerate(alerts)])


def legacy(alerts: Sequence[Alert], state: str = "alerting", **fields: Any) -> dict[str, Any]:
    matches = [{"value": 4.5, "metric": "cpu", "tags": alert.labels} for alert in alerts]
    rule = {"ruleId": 7, "ruleName": "idle", "orgId": 1, "title": "[Alerting] idle"}
    return {**rule, "state": state, "evalMatches": matches, **fields}


@given(legacy_matches)
def test_each_series_of_a_legacy_rule_of_grafana_is_an_alert(alerts: list[Alert]) -> None:
    requests = requests_of(legacy(alerts))

    assert [fields_of(request)[:2] for request in requests] == [
        fields[:2] for fields in expected_requests(alerts)
    ]
    assert requests == requests_of(legacy(alerts[::-1], imageUrl="http://other"))


def test_a_legacy_rule_of_grafana_that_does_not_alert_is_no_alarm() -> None:
    alerts = [Alert(1, "idle", "batch", "warning", has_instance=True, minutes=1)]
    no_value = [{"value": None, "metric": "NoData", "tags": None}]

    for state in ("ok", "paused", "pending", "unknown"):
        assert parsed_of(legacy(alerts, state)) is Ignored.RECOVERY
    for without_data in (
        legacy(alerts, "no_data"),
        legacy(alerts, evalMatches=[]),
        legacy(alerts, evalMatches=None),
        legacy(alerts, evalMatches=no_value),
    ):
        assert parsed_of(without_data) is Ignored.NO_DATA


def test_other_values_of_a_legacy_series_are_another_message() -> None:
    def keys(value: float) -> list[str]:
        match = {"value": value, "metric": "cpu", "tags": {"instance": "i-1"}}
        return [alarm.idempotency_key for alarm in alarms_of(legacy([], evalMatches=[match]))]

    assert keys(4.5) == keys(4.5) != keys(4.6)


def test_a_legacy_series_without_tags_may_name_a_host_in_its_name() -> None:
    (one,) = alarms_of(legacy([], evalMatches=[{"value": 1, "metric": "web.cpu", "tags": {}}]))

    assert not one.is_of_group
    assert one.subject.naming_field == "metric"


def firing(**labels: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "idle", **labels},
        "startsAt": NOW.isoformat(),
    }


def note(**fields: Any) -> dict[str, Any]:
    return {"status": "firing", "receiver": "fc", "alerts": [firing(instance="i-1")], **fields}


@pytest.mark.parametrize(
    "alert",
    [
        {**firing(), "labels": {"alertname": "DatasourceNoData", "rulename": "idle"}},
        {**firing(), "labels": {"alertname": "DatasourceError", "instance": "i-1"}},
        {**firing(instance="i-1"), "annotations": {"grafana_state_reason": "NoData"}},
        {**firing(instance="i-1"), "annotations": {"grafana_state_reason": "NoData, KeepLast"}},
        {**firing(instance="i-1"), "annotations": {"grafana_state_reason": "Error"}},
    ],
)
def test_an_alert_of_missing_data_is_no_alarm_and_is_counted_beside_others(
    alert: dict[str, Any],
) -> None:
    both = parsed_of(note(alerts=[alert, firing(instance="i-2")], orgId=1))

    assert parsed_of(note(alerts=[alert], orgId=1)) is Ignored.NO_DATA
    assert isinstance(both, AlertList)
    assert [alarm.instance_ids for alarm in both.alarms] == [("i-2",)]
    assert both.note == "Alerts that only say that data is missing: 1; ignored."


SLS = of_sls(Alert(1, "idle", "batch", "warning", has_instance=True, minutes=3))


@pytest.mark.parametrize("state", ["ok", "paused", "no_data"])
def test_a_state_that_contradicts_the_status_fires_nothing(state: str) -> None:
    assert alarms_of(note(state="alerting")) != []
    assert parsed_of(note(state=state)) is Ignored.RECOVERY


def test_a_number_may_come_as_a_fraction_from_an_http_source() -> None:
    (sls,) = alarms_of({**SLS, "severity": 6.0})
    (grafana,) = alarms_of(
        {**legacy([Alert(1, "idle", "batch", "warning", True, 1)]), "ruleId": 7.0}
    )

    assert sls.attributes["level"] == ("6", "MEDIUM", "WARN", "WARNING")
    assert grafana.attributes["ruleId"] == ("7",)
    cut = parsed_of(note(truncatedAlerts=2.0))
    assert isinstance(cut, AlertList)
    assert cut.note == "Alerts that the sender left out: 2; nothing was done for them."


@pytest.mark.parametrize(
    "fields", [{"fire_results": []}, {"fire_results_count": 0}, {"fire_results_count": 0.0}]
)
def test_an_alert_of_simple_log_service_without_a_row_is_of_missing_data(
    fields: dict[str, Any],
) -> None:
    assert parsed_of({**SLS, **fields}) is Ignored.NO_DATA


def test_rows_of_simple_log_service_name_no_instance_to_remove_and_show_no_group() -> None:
    def alarm(**fields: Any) -> Alarm:
        return alarms_of({**SLS, "labels": {}, **fields})[0]

    of_rows = alarm(fire_results=[{"cnt": "4"}, {"instance": "i-1", "cnt": "9"}])

    assert (of_rows.instance_ids, of_rows.is_of_group) == ((), False)
    assert alarm(fire_results=[{"cnt": "4"}]).is_of_group
    assert not alarm(fire_results=["cnt"]).is_of_group
    assert not alarm(fire_results=None).is_of_group


def test_an_alert_of_simple_log_service_whose_end_is_known_does_not_fire() -> None:
    assert parsed_of({**SLS, "resolve_time": int(NOW.timestamp())}) is Ignored.RECOVERY


@pytest.mark.parametrize("data", [SLS, {"scalingGroupId": "asg-1", "remove": {"count": 1}}])
def test_what_eventbridge_says_is_resolved_is_a_recovery_whatever_its_template_says(
    data: dict[str, Any],
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "acs.sls.alert", "data": data}

    assert parsed_of({**event, "type": "sls:AlertEvent:Resolved"}) is Ignored.RECOVERY
    assert parsed_of({**event, "type": "sls:AlertEvent:Firing"}) is not Ignored.RECOVERY


def test_the_default_template_of_arms_is_an_alarm_that_removes_nothing() -> None:
    rest = {"Cluster name": "", "Application name": "web", "Notification policy": "fc"}
    alert = {"Alert name": "idle", **rest}
    alarm = parsed_of({**alert, "Alert time": "2026-03-01 14:00:00", "Notification content": "x"})
    in_chinese = parsed_of({"告警名称": "idle", "通知策略": "fc", "告警时间": "2026-03-01"})

    assert isinstance(alarm, Alarm)
    assert isinstance(in_chinese, Alarm)
    assert alarm.attributes["alertName"] == in_chinese.attributes["alertName"] == ("idle",)
    assert not alarm.is_of_group
    cleared = {**alert, "Time when the alert is resolved": "2026", "Alert Content": "x"}
    assert parsed_of(cleared) is Ignored.RECOVERY


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00", "", None])
def test_a_start_of_zero_is_no_time(zero: str | None) -> None:
    (one,) = alarms_of(note(alerts=[{**firing(instance="i-1"), "startsAt": zero}]))

    assert one.sent_at is None


def test_a_start_that_cannot_be_read_rejects_the_notification() -> None:
    with pytest.raises(RejectedEvent) as caught:
        alarms_of(note(alerts=[firing(), {**firing(), "startsAt": "noon"}]))
    assert (caught.value.path, caught.value.rule) == ("$.alerts[1].startsAt", "time")


@pytest.mark.parametrize(
    ("status", "is_firing"),
    [
        ({"state": "active", "silencedBy": []}, True),
        ({"state": "suppressed", "silencedBy": ["1"]}, False),
        ({"state": "unprocessed"}, False),
        ({}, False),
    ],
)
def test_an_alert_of_the_api_that_is_silenced_does_not_fire(status: Any, is_firing: bool) -> None:
    end = (NOW + timedelta(minutes=4)).isoformat()
    event = [{**firing(instance="i-1"), "status": status, "endsAt": end}]

    assert (alarms_of(event) != []) is is_firing


@pytest.mark.parametrize("fingerprint", [7, {}, ["x"], None])
def test_a_fingerprint_of_any_shape_is_taken_as_text(fingerprint: Any) -> None:
    assert len(alarms_of(note(alerts=[{**firing(), "fingerprint": fingerprint}]))) == 1


def test_another_start_is_another_alert() -> None:
    def key(start: datetime) -> str:
        return alarms_of(note(alerts=[{**firing(), "startsAt": start.isoformat()}]))[
            0
        ].idempotency_key

    in_another_zone = NOW.astimezone(timezone(timedelta(hours=8)))
    assert key(NOW) == key(in_another_zone) != key(NOW - timedelta(seconds=1))


def test_alerts_that_the_sender_left_out_are_counted() -> None:
    parsed = parsed_of(note(truncatedAlerts=3))

    assert isinstance(parsed, AlertList)
    assert parsed.note == "Alerts that the sender left out: 3; nothing was done for them."


def test_what_only_resolved_alerts_name_in_shared_labels_is_not_removed() -> None:
    shared = note(
        alerts=[firing(), {**firing(instance="i-1"), "status": "resolved"}],
        commonLabels={"instance": "i-1", "tier": "batch"},
    )

    assert requests_of(shared) == []
    assert [alarm.instance_ids for alarm in alarms_of(shared)] == [()]


def test_an_alerts_own_labels_outrank_those_that_are_shared() -> None:
    (one,) = alarms_of(
        note(groupLabels={"alertname": "other", "job": "x"}, commonLabels={"job": "y"})
    )

    assert one.attributes["alertName"] == ("idle",)
    assert one.attributes["labels.job"] == ("y",)


@pytest.mark.parametrize(
    ("severity", "levels"),
    [
        ("P1", {"P1", "CRITICAL", "CRIT"}),
        ("P3", {"P3", "WARN", "WARNING"}),
        ("ERROR", {"ERROR"}),
    ],
)
def test_a_level_of_arms_has_the_word_that_is_documented_for_it(
    severity: str, levels: set[str]
) -> None:
    (one,) = alarms_of(note(alerts=[firing(_aliyun_arms_alert_level=severity)]))

    assert set(one.attributes["level"]) == levels


@pytest.mark.parametrize(
    ("pattern", "severity", "is_met"),
    [
        *((one, other, True) for one in WARN for other in WARN),
        *((one, other, True) for one in CRITICAL for other in CRITICAL),
        *((one, other, False) for one in WARN for other in (*CRITICAL, *OTHER)),
        ("information", "info", True),
        ("INFO", "Information", True),
        ("warn*", "Warning", True),
        ("*ing", "warning", True),
        ("cr*cal", "crit", True),
        ("page", "page", True),
        ("page", "PAGE-ME", False),
        ("*", "anything", True),
    ],
)
def test_a_level_matches_any_word_of_the_same_meaning(
    pattern: str, severity: str, is_met: bool
) -> None:
    rule = rule_of({"when": {"level": pattern}, "scalingGroupId": "a", "remove": {"count": 1}})
    (one,) = alarms_of(note(alerts=[firing(severity=severity)]))

    assert (rule_for(one, [rule]) is not None) is is_met


@pytest.mark.parametrize(
    ("severity", "word"),
    [(10, "critical"), ("8", "high"), (6, "medium"), (6, "warning"), (4, "info"), (2, "report")],
)
def test_a_number_of_simple_log_service_is_a_level_by_number_and_by_word(
    severity: int | str, word: str
) -> None:
    (one,) = alarms_of({**SLS, "severity": severity})
    rules = [
        rule_of({"when": {"level": text}, "scalingGroupId": "a", "remove": {"count": 1}})
        for text in (word, str(severity))
    ]

    assert all(rule_for(one, [rule]) for rule in rules)


def test_an_object_of_arms_that_is_a_host_is_no_group() -> None:
    def alarm(kind: str) -> Alarm:
        labels = {"involvedObject_kind": kind, "involvedObject_name": "a"}
        own = {f"_aliyun_arms_{name}": text for name, text in labels.items()}
        return alarms_of(note(alerts=[firing(**own)]))[0]

    assert alarm("cluster").is_of_group
    assert not alarm("node").is_of_group


@pytest.mark.parametrize("fields", [{}, {"annotations": {}}, {"generatorURL": "x"}])
def test_an_array_of_alerts_needs_labels_alone(fields: dict[str, Any]) -> None:
    document = [
        {"labels": {"alertname": "idle", "instance": id}, **fields} for id in ("i-1", "i-2")
    ]

    assert [alarm.instance_ids for alarm in alarms_of(document)] == [("i-1",), ("i-2",)]


def test_an_alert_whose_labels_name_two_instances_names_none() -> None:
    labels = {"alertname": "idle", "instance": "i-1:9100", "instance_id": "i-2"}
    (alarm,) = alarms_of({"alerts": [{"labels": labels}]})
    (same,) = alarms_of({"alerts": [{"labels": {**labels, "instance": "i-2:9100"}}]})

    assert (alarm.instance_ids, alarm.is_of_group) == ((), False)
    assert alarm.subject.conflicting_fields == ("instance_id", "instance")
    assert same.instance_ids == ("i-2",)


@pytest.mark.parametrize(
    ("document", "fires"),
    [
        ({"Alert Name": "idle", "Cluster Name": "", "Alarm Time": "2026-03-01"}, True),
        ({"Alarm name": "idle", "Application name": "", "alert time": "2026-03-01"}, True),
        ({"告警名称": "idle", "集群名称": "", "应用名称": "", "告警时间": "2026-03-01"}, True),
        ({"Alert Name": "idle", "Cluster Name": "", "Alert Content": "x"}, False),
        ({"告警名称": "idle", "应用名称": "", "恢复时间": "2026-03-01"}, False),
    ],
)
def test_a_default_template_of_arms_is_known_in_other_letters(
    document: dict[str, str], fires: bool
) -> None:
    parsed = parsed_of(document)

    assert isinstance(parsed, Alarm) if fires else parsed is Ignored.RECOVERY
    assert not isinstance(parsed, Alarm) or parsed.attributes["alertName"] == ("idle",)
    assert not isinstance(parsed, Alarm) or not parsed.is_of_group


def test_an_array_is_alerts_only_if_all_of_it_is() -> None:
    alert = api_array([Alert(1, "idle", "batch", "warning", has_instance=True, minutes=1)])[0]
    request = {"scalingGroupId": "asg-1", "remove": {"count": 1}}

    assert len(parse_event(json.dumps([alert, alert]).encode()).messages) == 1
    mixed = parse_event(json.dumps([alert, request]).encode())
    assert mixed.is_batch
    assert isinstance(parse_message(mixed.messages[1]), RemovalRequest)
    assert parse_event(b"[]").messages[0].error


@pytest.mark.parametrize(
    ("event", "schema"),
    [
        (note(), "alertmanager"),
        (note(orgId=1), "grafana"),
        ({"alerts": [firing()]}, "alerts"),
        (legacy([]), "grafana-legacy"),
        (SLS, "sls-alert"),
        ([SLS, SLS], "sls-alerts"),
    ],
)
def test_each_form_is_a_dialect_of_its_own(event: Any, schema: str) -> None:
    (message,) = parse_event(json.dumps(event).encode()).messages

    assert dialect_of(message).schema == schema


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
SAMPLES = [
    webhook([Alert(1, "idle", "batch", "warning", has_instance=True, minutes=1)], orgId=1),
    api_array([Alert(1, "idle", "batch", "warning", has_instance=True, minutes=1)]),
    SLS,
    legacy([Alert(1, "idle", "batch", "warning", has_instance=True, minutes=1)]),
    {"Alert name": "idle", "Notification policy": "fc", "Alert time": "2026-03-01 14:00:00"},
]
FIELDS = ["fingerprint", "annotations", "groupKey", "groupLabels", "truncatedAlerts", "externalURL"]


@given(st.sampled_from(SAMPLES), st.data())
def test_a_field_of_any_shape_makes_an_alarm_or_a_rejection(
    sample: Any, data: st.DataObject
) -> None:
    """Of the notification, or of an alert in it."""
    document = json.loads(json.dumps(sample))
    places = [document] if isinstance(document, dict) else [*document]
    for name in ("alerts", "evalMatches"):
        places += document.get(name, []) if isinstance(document, dict) else []
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from([*place, *FIELDS]))] = data.draw(json_values)
    try:
        parsed = parsed_of(document)
    except RejectedEvent:
        return
    if isinstance(parsed, Alarm | AlertList):
        alarms = (parsed,) if isinstance(parsed, Alarm) else parsed.alarms
        assert matches_of(alarms, POLICY.rules)
