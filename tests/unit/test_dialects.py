"""A message is an alarm with attributes, a notice without a request, or a clear rejection."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

import pytest

from scalein.decision.alarm import Alarm
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.alert_list import AlertList, merged
from scalein.intake.dialects import ParsedMessage, parse_message
from scalein.intake.envelopes import parse_event

SENT = datetime(2026, 11, 23, 4, tzinfo=timezone.utc)
SECONDS = int(SENT.timestamp())
CALLBACK = {
    "alertName": "web-cpu-low",
    "alertState": "ALERT",
    "ruleId": "rule-1",
    "metricName": "Host.cpu.totalUsed",
    "rawMetricName": "cpu_total",
    "namespace": "acs_ecs_dashboard",
    "metricProject": "acs_ecs",
    "triggerLevel": "WARN",
    "dimensions": "{userId=1234567890123456, instanceId=i-web-04}",
    "timestamp": str(SECONDS * 1000),
    "regionId": "null",
    "curValue": "12.4",
}
TO_MNS = {
    "ruleId": "rule-1",
    "ruleName": "web-cpu-low",
    "curLevel": "WARN",
    "metricName": "cpu_total#60",
    "namespace": "acs_ecs_dashboard",
    "resources": '{"instanceId": "i-web-04"}',
    "eventName": "AlertFiring",
    "time": SECONDS * 1000,
}
SYSTEM = {
    "product": "ECS",
    "name": "Instance:PreemptibleInstanceInterruption",
    "level": "WARN",
    "id": "E-1",
    "resourceId": "acs:ecs:cn-hangzhou:1:instance/i-web-04",
    "eventTime": "20261123T120000.000+0800",
    "content": {"instanceId": "i-web-04", "action": "delete"},
}
ALERT = {
    "alertStatus": "TRIGGERED",
    "eventName": "Instance:PreemptibleInstanceInterruption",
    "dedupId": "D-1",
    "product": "ECS",
    "severity": "Warn",
    "arn": "acs:ecs:cn-hangzhou:1:instance/i-web-04",
    "timestamp": SECONDS * 1000,
}
SUBSCRIPTION = {
    "subscription": {"relation": "AND"},
    "alert": ALERT,
    "strategyName": "spot",
    "severity": "WARN",
}


def alerts(*states: str, **fields: Any) -> dict[str, Any]:
    """A notification of one alert a state, of instances i-0001, i-0002 ..."""
    entries = [
        {
            "status": state,
            "labels": {"instance": f"i-{n:04}"},
            "startsAt": "2026-11-23T03:00:00Z",
            "fingerprint": f"{n}",
        }
        for n, state in enumerate(states, 1)
    ]
    common = {"alertname": "HighIdle", "severity": "warning", "tier": "batch"}
    return {
        "version": "4",
        "status": "firing",
        "receiver": "fc",
        "groupKey": "g",
        "commonLabels": common,
        **fields,
    } | {"alerts": entries}


def said(document: Any) -> ParsedMessage:
    event = document if isinstance(document, str) else json.dumps(document)
    (message,) = parse_event(event.encode()).messages
    return parse_message(message)


def alarm(document: Any) -> Alarm:
    """The alarm of a message; of alerts, all as one."""
    parsed = said(document)
    if isinstance(parsed, AlertList):
        return merged(parsed.alarms)
    assert isinstance(parsed, Alarm), parsed
    return parsed


def event(kind: str, data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": kind,
        "id": "CE-1",
        "source": "x",
        "time": SENT.isoformat(),
        "data": data,
    }


@pytest.mark.parametrize(
    "document",
    [
        urlencode(CALLBACK),
        {
            **CALLBACK,
            "alertState": "ALARM",
            "dimensions": [{"userId": "1", "instanceId": "i-web-04"}],
        },
        {**CALLBACK, "dimensions": '{"instanceId": "i-web-04"}'},
        {**CALLBACK, "timestamp": str(SECONDS)},
        {**CALLBACK, "timestamp": SECONDS},
        TO_MNS,
        {**TO_MNS, "curLevel": "Critical", "resources": {"instanceId": "i-web-04"}},
    ],
    ids=["form", "2018", "json dimensions", "seconds", "a number", "mns", "mns, other capitals"],
)
def test_a_threshold_alarm_is_the_same_alarm_in_each_of_its_forms(document: Any) -> None:
    read = alarm(document)

    assert read.attributes["alertName"] == read.attributes["ruleName"] == ("web-cpu-low",)
    assert read.attributes["ruleId"] == ("rule-1",)
    assert "cpu_total" in read.attributes["metricName"]
    assert "acs_ecs_dashboard" in read.attributes["namespace"]
    assert read.attributes["level"][0] in ("WARN", "CRITICAL")
    assert "regionId" not in read.attributes  # the text null
    assert (read.instance_ids, read.sent_at) == (("i-web-04",), SENT)


@pytest.mark.parametrize(
    "document",
    [
        SYSTEM,
        {**SYSTEM, "content": {}},
        {**SYSTEM, "content": "text"},
        SUBSCRIPTION,
        urlencode(
            {
                name: part if isinstance(part, str) else json.dumps(part)
                for name, part in SUBSCRIPTION.items()
            }
        ),
        {
            **SUBSCRIPTION,
            "alert": {**ALERT, "eventContentMap": {"instanceId": "i-web-04"}, "arn": ""},
        },
        event(
            "ecs:Instance:PreemptibleInstanceInterruption",
            {"instanceId": "i-web-04", "action": "delete"},
        ),
        event(
            "ecs:Instance:PreemptibleInstanceInterruption",
            {"resourceId": "acs:ecs:x:1:instance/i-web-04"},
        ),
    ],
)
def test_a_spot_interruption_is_the_same_alarm_by_every_channel(document: Any) -> None:
    read = alarm(document)

    assert read.attributes["eventName"] == ("Instance:PreemptibleInstanceInterruption",)
    assert read.attributes["product"] == ("ECS",)
    assert (read.instance_ids, read.sent_at) == (("i-web-04",), SENT)


@pytest.mark.parametrize(
    "document",
    [
        {**CALLBACK, "alertState": "OK"},
        urlencode({**CALLBACK, "alertState": "OK"}),
        {**CALLBACK, "triggerLevel": "OK"},
        {**TO_MNS, "curLevel": "OK", "eventName": "AlertOk"},
        {**TO_MNS, "curLevel": "Ok", "eventName": ""},
        {**SUBSCRIPTION, "alert": {**ALERT, "alertStatus": "RESOLVED"}},
        alerts("resolved", "resolved", status="resolved"),
        alerts("firing", status="resolved"),
        alerts("resolved"),
        alerts(),
    ],
)
def test_a_recovery_is_never_an_alarm(document: Any) -> None:
    assert said(document) is Ignored.RECOVERY


@pytest.mark.parametrize(
    "document",
    [
        {**CALLBACK, "alertState": "INSUFFICIENT_DATA"},
        urlencode({**CALLBACK, "alertState": "INSUFFICIENT_DATA"}),
        {**CALLBACK, "triggerLevel": "Insufficient_data"},
        {**TO_MNS, "curLevel": "INSUFFICIENT_DATA"},
        {**TO_MNS, "curLevel": "INSUFFICIENT_DATA", "eventName": "AlertOk"},
    ],
)
def test_missing_data_is_neither_an_alarm_nor_a_recovery(document: Any) -> None:
    assert said(document) is Ignored.NO_DATA


@pytest.mark.parametrize(
    ("level", "name"),
    [
        *(("WARN", "AlertOk"), ("Critical", "alertok"), ("OK", "AlertFiring"), ("Ok", "Alert")),
        *(("WARN", "AlertResolved"), ("WARN", "RECOVERY"), ("INFO", "BackToNormal")),
        *(("WARN", "告警恢复"), ("CRITICAL", "告警解除"), ("OK", "Abnormal")),
    ],
)
def test_an_alarm_in_a_queue_that_contradicts_itself_is_ignored(level: str, name: str) -> None:
    assert said({**TO_MNS, "curLevel": level, "eventName": name}) is Ignored.CONTRADICTION


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (CALLBACK, ("ruleId", "metricName", "rawMetricName", "triggerLevel", "regionId")),
        (TO_MNS, ("ruleId", "namespace", "eventName", "time")),
        (SYSTEM, ("level", "id", "eventTime", "ruleName", "regionId", "status", "resourceId")),
    ],
)
def test_null_stands_for_what_is_missing(document: dict[str, Any], names: tuple[str, ...]) -> None:
    without = {name: value for name, value in document.items() if name not in names}
    with_nulls = alarm({**document, **dict.fromkeys(names)})

    assert with_nulls.attributes == alarm(without).attributes
    assert with_nulls.instance_ids == alarm(without).instance_ids == ("i-web-04",)


def test_null_is_a_fault_of_a_removal_request_and_of_what_a_sender_must_say() -> None:
    request = {"scalingGroupId": "asg-1", "remove": {"count": 1}}
    for document in (
        {**request, "requestId": None},
        {**CALLBACK, "alertState": None},
        {**TO_MNS, "curLevel": None},
        {**SYSTEM, "content": None},
    ):
        with pytest.raises(RejectedEvent):
            said(document)


def test_an_empty_time_of_a_callback_is_none() -> None:
    assert alarm({**CALLBACK, "timestamp": ""}).sent_at is None


def test_an_alert_needs_no_subscription_beside_it() -> None:
    nulls = {"severity": None, "meta": None, "timestamp": None, "dedupId": None}

    assert alarm({"alert": ALERT}).instance_ids == ("i-web-04",)
    assert alarm({"alert": {**ALERT, **nulls}, "severity": None}).instance_ids == ("i-web-04",)


def test_an_alarm_in_a_queue_needs_no_name_of_its_event() -> None:
    nameless = {name: value for name, value in TO_MNS.items() if name != "eventName"}

    for document in (nameless, {**nameless, "eventName": ""}, {**nameless, "eventName": "null"}):
        assert alarm(document).attributes["level"] == ("WARN", "WARNING")


@pytest.mark.parametrize(
    "document",
    [
        event(
            "ess:ScalingActivity:ScaleInSuccess",
            {"scalingGroupId": "asg-1", "instanceIds": ["i-1"]},
        ),
        event("ess:LifecycleHook:ScaleIn", {}),
        event(
            "ess:CloudMonitor:AUTOSCALING[SCALEINSUCCESS]",
            {"scalingGroupId": "asg-1", "remove": {"count": 1}},
        ),
        {**SYSTEM, "product": "ESS", "name": "AUTOSCALING:SCALE_IN_SUCCESS"},
        {**SUBSCRIPTION, "alert": {**ALERT, "product": "ESS", "eventName": "anything"}},
        {**SUBSCRIPTION, "alert": {**ALERT, "eventName": "AUTOSCALING:SCALE_REJECT"}},
        {
            "content": {
                "lifecycleHookId": "ash-1",
                "scalingGroupId": "asg-1",
                "instanceIds": ["i-1"],
            }
        },
        {"event": "AUTOSCALING:SCALE_IN_SUCCESS", "unknown": "layout"},
        {"eventType": "SCALING_GROUP_DIAGNOSE"},
        {"eventType": "autoscaling:scale_in_success"},
        {**SYSTEM, "product": "ess", "name": "Scaling:ScaleIn"},
        {**SYSTEM, "resourceId": "acs:ess:cn-hangzhou:1:scalingGroup/asg-1", "name": "ScaleIn"},
        {**SYSTEM, "content": '{"lifecycleHookId": "ash-1", "instanceIds": ["i-1"]}'},
    ],
)
def test_what_a_removal_causes_never_requests_another(document: Any) -> None:
    assert said(document) is Ignored.SELF_TRIGGERED


def test_the_fields_that_tell_a_dialect_are_enough() -> None:
    assert alarm({"alertName": "low", "alertState": "ALERT"}).attributes["alertName"] == ("low",)
    assert alarm({"product": "ECS", "name": "n", "content": {}}).attributes["eventName"] == ("n",)


def test_a_request_whose_reason_speaks_of_auto_scaling_is_a_request() -> None:
    request = {
        "scalingGroupId": "asg-1",
        "remove": {"count": 1},
        "requestReason": "AUTOSCALING: too many",
    }

    assert not isinstance(said(request), Ignored)


@pytest.mark.parametrize(
    "dimensions",
    [
        "",
        "null",
        "{}",
        "{a}",
        "{a=1, b}",
        "{instanceId=i-1",
        "instanceId=i-1}",
        "[",
        "[1]",
        "{instanceId=web 1}",
        '{"instanceId": 1}',
    ],
)
def test_an_alarm_whose_dimensions_name_no_instance_is_still_an_alarm(dimensions: str) -> None:
    assert alarm({**CALLBACK, "dimensions": dimensions}).instance_ids == ()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"curValue": "9"}, True),
        ({"lastTime": "3 minutes"}, True),
        ({"timestamp": str(SECONDS * 1000 + 60_000)}, False),
        ({"dimensions": "{instanceId=i-web-05}"}, False),
        ({"ruleId": "rule-2"}, False),
    ],
)
def test_an_alarm_is_the_same_message_while_it_tells_of_the_same_evaluation(
    change: dict[str, str], same: bool
) -> None:
    assert (
        alarm(CALLBACK).idempotency_key == alarm({**CALLBACK, **change}).idempotency_key
    ) is same


def test_an_event_is_named_by_the_id_that_its_sender_gave_it() -> None:
    assert alarm(SYSTEM).idempotency_key == "systemevent-E-1"
    assert alarm(SUBSCRIPTION).idempotency_key == "systemevent-D-1"
    assert alarm(event("ecs:Instance:X", {})).idempotency_key == "event-x/CE-1"


def test_what_an_alarm_says_cannot_name_it_like_one_that_comes_another_way() -> None:
    for document in (SYSTEM, SUBSCRIPTION, CALLBACK, alerts("firing")):
        wrapped = event("ops:Anything", document)

        assert alarm(document).idempotency_key == alarm({**document, "more": 1}).idempotency_key
        assert (
            alarm(wrapped).idempotency_key
            == alarm({**wrapped, "id": "CE-2"}).idempotency_key
            != alarm(document).idempotency_key
        )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (CALLBACK, {**CALLBACK, "timestamp": str(SECONDS * 1000 + 60_000)}, True),
        (CALLBACK, {**CALLBACK, "curValue": "3", "lastTime": "3 minutes"}, True),
        (CALLBACK, {**CALLBACK, "dimensions": "{instanceId=i-web-05}"}, False),
        (CALLBACK, {**CALLBACK, "ruleId": "rule-2"}, False),
        (CALLBACK, {**CALLBACK, "alertName": "other"}, False),
        (TO_MNS, {**TO_MNS, "time": SECONDS * 1000 + 60_000}, True),
        (TO_MNS, {**TO_MNS, "resources": '{"instanceId": "i-web-05"}'}, False),
        (TO_MNS, {**TO_MNS, "resources": {"instanceId": "i-web-04"}}, True),
        (alerts("firing"), alerts("firing", "firing"), True),
        (alerts("firing"), alerts("firing", groupKey="other"), False),
        (alerts("firing"), alerts("firing", externalURL="http://another"), False),
    ],
)
def test_two_alarms_observe_the_same_where_rule_and_resource_are_the_same(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    assert alarm(one).observation
    assert (alarm(one).observation == alarm(other).observation) is same


@pytest.mark.parametrize("document", [SYSTEM, SUBSCRIPTION, event("ecs:Instance:X", {})])
def test_what_happened_once_is_no_observation(document: dict[str, Any]) -> None:
    assert alarm(document).observation == ""


def test_an_alarm_without_a_time_of_its_own_has_its_envelopes() -> None:
    timeless = {name: value for name, value in TO_MNS.items() if name != "time"}

    assert alarm(timeless).sent_at is None
    assert (
        alarm(event("mns:Queue:SendMessage", {"messageId": "1", "messageBody": timeless})).sent_at
        == SENT
    )


def test_a_grouped_notification_is_one_alarm_of_the_instances_that_fire() -> None:
    read = alarm(alerts("firing", "resolved", "firing"))

    assert read.instance_ids == ("i-0001", "i-0003")
    assert read.attributes["alertName"] == ("HighIdle",)
    assert read.attributes["level"] == ("WARN", "WARNING")
    assert read.attributes["labels.tier"] == ("batch",)


def test_five_hundred_alerts_are_read_at_once() -> None:
    assert len(alarm(alerts(*["firing"] * 500)).instance_ids) == 500


def test_a_notification_that_repeats_the_same_alerts_is_the_same_message() -> None:
    first, reordered = (
        alerts("firing", "firing"),
        alerts("firing", "firing", externalURL="http://other"),
    )
    reordered["alerts"].reverse()
    later = alerts("firing", "firing")
    later["alerts"][0]["startsAt"] = "2026-11-23T05:00:00Z"

    assert alarm(first).idempotency_key == alarm(reordered).idempotency_key
    assert alarm(first).idempotency_key != alarm(later).idempotency_key
    assert alarm(first).idempotency_key != alarm(alerts("firing")).idempotency_key


def test_a_label_that_is_no_instance_id_names_no_instance() -> None:
    parsed = alerts("firing", "firing")
    parsed["alerts"][0]["labels"] = {"instance": "10.0.0.1:9100"}
    parsed["alerts"][1]["labels"] = {"instance": "10.0.0.2:9100", "instance_id": "i-2"}

    alarms = said(parsed)
    assert isinstance(alarms, AlertList)
    assert [one.instance_ids for one in alarms.alarms] == [(), ("i-2",)]


@pytest.mark.parametrize(
    ("document", "path", "rule"),
    [
        ({**CALLBACK, "alertState": "MAYBE"}, "$.alertState", "enum"),
        ({**CALLBACK, "alertName": ""}, "$.alertName", "minLength"),
        ({**CALLBACK, "timestamp": "noon"}, "$.timestamp", "time"),
        ({**TO_MNS, "curLevel": "LOUD"}, "$.curLevel", "enum"),
        ({**TO_MNS, "time": [1]}, "$.time", "type"),
        ({**SYSTEM, "name": 1}, "$.name", "type"),
        ({**SYSTEM, "eventTime": "yesterday"}, "$.eventTime", "time"),
        ({**SUBSCRIPTION, "alert": {"alertStatus": "TRIGGERED"}}, "$.alert", "required"),
        ({**SUBSCRIPTION, "alert": "{"}, "$", "json"),
        ({**alerts("firing"), "status": "maybe"}, "$.status", "enum"),
        ({**alerts("firing"), "alerts": [{"status": "firing"}]}, "$.alerts[0]", "required"),
        ({**alerts("firing"), "groupLabels": []}, "$.groupLabels", "type"),
        (
            {**alerts("firing"), "groupLabels": {f"{n}": "" for n in range(257)}},
            "$.groupLabels",
            "maxProperties",
        ),
        ({**alerts("firing"), "alerts": [{}] * 10_001}, "$.alerts", "maxItems"),
    ],
)
def test_a_dialect_that_breaks_its_schema_is_rejected(document: Any, path: str, rule: str) -> None:
    with pytest.raises(RejectedEvent) as caught:
        said(document)
    assert (caught.value.path, caught.value.rule) == (path, rule)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            {},
            'type is removal-request; required fields are missing: "remove", "scalingGroupId"',
        ),
        (
            {"receiver": "r", "status": "x"},
            'The closest known type is alertmanager; required fields are missing: "alerts"',
        ),
        (
            {"status": "Running", "severity": "CRITICAL", "dedupId": "d", "workspace": "w"},
            'The closest known type is removal-request; required fields are missing: "remove"',
        ),
        (
            {"alertState": "OK"},
            'type is cloudmonitor-threshold; required fields are missing: "alertName"',
        ),
        (
            event("ops:X", {"product": "ECS", "name": "n"}),
            "CloudEvent > data: unknown type of message. The closest known type is",
        ),
    ],
)
def test_an_unknown_message_is_rejected_with_its_envelopes_and_the_missing_fields(
    document: Any, sentence: str
) -> None:
    with pytest.raises(RejectedEvent) as caught:
        said(document)
    assert caught.value.rule == "unknownSender"
    assert sentence in str(caught.value)


def test_a_dialect_must_say_what_its_alarm_is_of() -> None:
    assert "subject" not in Alarm._field_defaults
