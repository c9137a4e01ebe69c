"""A grammar of system events in every form, whose outcome is known by how they were made."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein.processing.alarm_requests import request_of_alarm
from scalein.report.outcome import Outcome

REGION, ACCOUNT = "cn-hangzhou", "1234567890123456"
SECONDS = 1_795_406_400
SPOT = "Instance:PreemptibleInstanceInterruption"

# What acts by itself, and what only by a rule that names it (ECS's pages of system events).
OPEN = ("Inquiring", "Scheduled", "Executing")
OVER = ("Executed", "Avoided", "Canceled", "Failed")
UNKNOWN = ("Postponed", "Stage-7")
RESULTS = ("accomplished", "failed")
STAGED = (
    "Instance:SystemMaintenance.Reboot",
    "Instance:SystemMaintenance.Redeploy",
    "Instance:SystemFailure.Stop",
    "Disk:ErrorDetected",
)
NOTICES = (SPOT, "Instance:BurstablePerformanceRestricted", "Instance:LiveMigrationAcrossDDH")
REPORTS = (
    "Instance:StateChange",
    "CloudAssistant:FirstHeartbeat",
    "Agent_Status_Stopped",
    "Instance:Statechange:Stopped",
)
STATES = ("Created", "Starting", "Running", "Stopping", "Stopped", "Deleted")


class Event(NamedTuple):
    """An event before it is given a form, and what it means."""

    name: str
    content: dict[str, Any]
    stage: str  # "": none
    is_report: bool = False
    ids: tuple[str, ...] = ("i-7",)
    id: str = "E-1"
    region: str = REGION

    @property
    def acts_by_itself(self) -> bool:
        """Whether a rule acts that names neither event nor stage."""
        return not self.is_report and self.stage in ("", *OPEN)


def of_rule(event: Event, content: Any = None) -> dict[str, Any]:
    """What a system event rule sends to a function or a queue."""
    return {
        "ver": "1.0",
        "id": event.id,
        "product": "ECS",
        "resourceId": f"acs:ecs:{event.region}:{ACCOUNT}:disk/d-1",
        "level": "CRITICAL",
        "name": event.name,
        "userId": ACCOUNT,
        "eventTime": "20261123T120000.922+0800",
        "regionId": event.region,
        "content": event.content if content is None else content,
    }


def of_subscription(event: Event, **alert: Any) -> dict[str, Any]:
    """What an Event Subscription pushes as JSON."""
    meta = {"regionId": event.region, "name": event.name, "id": event.id, "status": "Normal"}
    return {
        "subscription": {"relation": "AND", "conditions": []},
        "strategyName": "events",
        "severity": "WARN",
        "alert": {
            "alertStatus": "TRIGGERED",
            "source": "SYS_EVENT",
            "dedupId": event.id,
            "traceId": event.id,
            "eventName": event.name,
            "product": "ECS",
            "timestamp": SECONDS * 1000,
            "meta": {"sysEventMeta": meta},
            **alert,
        },
    }


def as_form(document: dict[str, Any]) -> str:
    return urlencode(
        {name: v if isinstance(v, str) else json.dumps(v) for name, v in document.items()}
    )


def of_bus(event: Event, data: Any = None) -> dict[str, Any]:
    """What EventBridge delivers."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": "acs.ecs",
        "type": f"ecs:{event.name}",
        "time": "2026-11-23T04:00:00Z",
        "aliyunregionid": event.region,
        "data": event.content if data is None else data,
    }


FORMS: dict[str, Callable[[Event], Any]] = {
    "rule": of_rule,
    "rule, content as text": lambda e: of_rule(e, json.dumps(e.content)),
    "rule, to a queue": lambda e: {"messageBody": json.dumps(of_rule(e)), "messageId": "M-1"},
    "subscription": lambda e: of_subscription(
        e, eventContentMap=e.content, eventRawContent=json.dumps(e.content)
    ),
    "subscription, map": lambda e: of_subscription(
        e, eventContentMap=e.content, eventRawContent="{}"
    ),
    "subscription, map as text": lambda e: of_subscription(
        e, eventContentMap=json.dumps(e.content)
    ),
    "subscription, raw": lambda e: of_subscription(
        e, eventContentMap={}, eventRawContent=json.dumps(e.content)
    ),
    "subscription, raw object": lambda e: of_subscription(e, eventRawContent=e.content),
    "subscription, form": lambda e: as_form(of_subscription(e, eventContentMap=e.content)),
    "subscription, meta as text": lambda e: of_subscription(
        e,
        eventContentMap=e.content,
        meta=json.dumps({"sysEventMeta": {"regionId": e.region, "id": e.id}}),
    ),
    "subscription, to a queue": lambda e: {
        "messageBody": json.dumps(of_subscription(e, eventContentMap=e.content)),
        "messageId": "M-1",
    },
    "bus": of_bus,
    "bus, with a rule's fields": lambda e: of_bus(e, of_rule(e)),
    "bus, to a queue": lambda e: {"messageBody": json.dumps(of_bus(e)), "messageId": "M-1"},
}
forms = st.sampled_from(sorted(FORMS))


def spelt(draw: st.DrawFn, word: str) -> str:
    return draw(st.sampled_from([word, word.upper(), word.lower()]))


@st.composite
def resources(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Fields that name one or several instances, each in some way, and the ids."""
    ids = tuple(draw(st.lists(st.sampled_from(["i-7", "i-8", "i-9"]), min_size=1, unique=True)))
    arn = f"acs:ecs:{REGION}:{ACCOUNT}:instance/"
    one = {
        "instanceId": ids[0],
        "ecsInstanceId": ids[0],
        "resourceId": draw(st.sampled_from([ids[0], f"{arn}{ids[0]}"])),
    }
    several = {
        "instanceIds": draw(st.sampled_from([list(ids), ",".join(ids), json.dumps(ids)])),
    }
    names = draw(st.lists(st.sampled_from(sorted(one)), unique=True, min_size=len(ids) == 1))
    fields = {name: one[name] for name in names} | (several if len(ids) > 1 else {})
    return fields | {"vmName": "i-0", "diskId": "d-1", "device": "/dev/vdb"}, ids


@st.composite
def staged(draw: st.DrawFn, stages: tuple[str, ...] = (*OPEN, *OVER, *UNKNOWN)) -> Event:
    """An event with a stage: in the content, in the name, or in both; the name may lag behind."""
    name, stage = draw(st.sampled_from(STAGED)), draw(st.sampled_from(stages))
    fields, ids = draw(resources())
    places = ["content", "name", "both", "behind", "finished", *["ahead"] * (stage in OVER)]
    where = draw(st.sampled_from(places))
    if where == "ahead":  # the content may lag behind too: what is over outranks what is not
        fields["eventStatus"] = draw(st.sampled_from(OPEN))
        return Event(f"{name}:{stage}", fields, stage, ids=ids)
    if where == "finished":  # the end of what the name says goes on
        fields["executeFinishTime"] = "2026-11-23T03:59:00Z"
        return Event(f"{name}:{draw(st.sampled_from(OPEN))}", fields, "Executed", ids=ids)
    if where != "name":
        fields["eventStatus"] = stage if stage in UNKNOWN else spelt(draw, stage)
    if where == "behind":
        return Event(f"{name}:{draw(st.sampled_from(OPEN))}", fields, stage, ids=ids)
    return Event(name if where == "content" else f"{name}:{stage}", fields, stage, ids=ids)


@st.composite
def notices(draw: st.DrawFn) -> Event:
    """An event without stages; of an operation, its result is one."""
    fields, ids = draw(resources())
    result = draw(st.sampled_from(["", *RESULTS]))
    if result:
        fields[draw(st.sampled_from(["status", "result"]))] = result
    stage = "Failed" if result == "failed" else result
    return Event(draw(st.sampled_from(NOTICES)), fields, stage, ids=ids)


@st.composite
def reports(draw: st.DrawFn) -> Event:
    """A report of an instance's own state, by its name or by its content."""
    fields, ids = draw(resources())
    name = draw(st.sampled_from([*REPORTS, "Instance:Somewhat"]))
    if name in ("Instance:StateChange", "Instance:Somewhat"):
        fields |= {"state": draw(st.sampled_from(STATES)), "resourceType": "ALIYUN::ECS::Instance"}
    stage = "Stopped" if name.endswith(":Stopped") else ""
    return Event(name, fields, stage, is_report=True, ids=ids)


events = st.one_of(staged(), notices(), reports())


def alarm_of(document: Any) -> Alarm:
    body = document if isinstance(document, str) else json.dumps(document)
    (message,) = parse_event(body.encode()).messages
    parsed = parse_message(message)
    assert isinstance(parsed, Alarm), parsed
    return parsed


def decided(document: Any, when: dict[str, str], region: str = REGION) -> RemovalRequest | Outcome:
    rule = {"when": when, "scalingGroupId": "asg-1", "remove": {"instanceIds": "alarm"}}
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": [rule]}))
    return request_of_alarm(alarm_of(document), policy, region)


def acts_on(document: Any, when: dict[str, str]) -> tuple[str, ...]:
    """The ids that a rule with this `when` removes."""
    request = decided(document, when)
    return request.target.instance_ids or () if isinstance(request, RemovalRequest) else ()


WIDE = (
    {"product": "ECS"},
    {"eventName": "*"},
    {"eventName": "*", "eventStatus": "*"},
    {"product": "*", "eventName": "*:*"},
)


@given(forms, events, st.sampled_from(WIDE[:2]))
def test_a_wide_rule_acts_on_what_is_to_come_and_on_nothing_else(
    form: str, event: Event, when: dict[str, str]
) -> None:
    found = decided(FORMS[form](event), when)

    if event.acts_by_itself:
        assert isinstance(found, RemovalRequest), found
        assert set(found.target.instance_ids or ()) == set(event.ids)
        return
    assert isinstance(found, Outcome)
    assert found.ignored
    assert found.ignored.value == ("self-triggered" if event.is_report else "stage")
    missing = "eventName" if event.is_report else "eventStatus"
    assert "Only a rule whose `when` has" in found.message
    assert missing in found.message


@given(forms, reports(), st.sampled_from(WIDE))
def test_no_wildcard_matches_a_report_of_an_instances_own_state(
    form: str, event: Event, when: dict[str, str]
) -> None:
    document = FORMS[form](event)
    name, state = event.name, event.content.get("state") or event.stage
    exact = {"eventName": name} | ({"eventStatus": state} if event.stage else {})

    for wide in (when, {**exact, "eventName": f"{name[:-1]}*"}, {"eventStatus": state or "*"}):
        assert acts_on(document, wide) == ()
    assert set(acts_on(document, exact)) == set(event.ids)
    if state:
        assert set(acts_on(document, {**exact, "eventStatus": state})) == set(event.ids)
        assert acts_on(document, {**exact, "eventStatus": "Locked"}) == ()


@given(forms, st.one_of(staged((*OVER, *UNKNOWN)), notices().filter(lambda e: e.stage != "")))
def test_an_event_that_is_over_acts_by_a_rule_that_names_its_stage_alone(
    form: str, event: Event
) -> None:
    document = FORMS[form](event)

    for when in (*WIDE, {"eventName": event.name}, {"eventStatus": f"{event.stage[:-1]}*"}):
        assert acts_on(document, when) == ()
    for other in {"Executed", "Avoided", "Scheduled"} - {event.stage}:
        assert acts_on(document, {"eventStatus": other}) == ()
    assert set(acts_on(document, {"eventStatus": event.stage})) == set(event.ids)


@given(forms, staged(OPEN))
def test_a_rule_may_ask_for_a_stage_that_is_to_come(form: str, event: Event) -> None:
    base = ":".join(event.name.split(":")[:2])
    when = {"eventName": base, "eventStatus": event.stage}

    assert set(acts_on(FORMS[form](event), when)) == set(event.ids)
    assert acts_on(FORMS[form](event), {**when, "eventStatus": "Failed"}) == ()


@given(forms, st.one_of(staged(), notices()), st.integers(1, 10**6))
def test_a_stage_that_comes_twice_is_one_message_and_a_later_one_is_another(
    form: str, event: Event, later: int
) -> None:
    document = FORMS[form](event)
    again = json.loads(json.dumps(document)) if isinstance(document, dict) else document
    if isinstance(again, dict):
        again |= {"messageId": f"M-{later}", "delivery": later, "time": "2026-11-23T04:00:09Z"}
    next_stage = "Avoided" if event.stage != "Avoided" else "Executed"
    next_event = event._replace(content={**event.content, "eventStatus": next_stage})

    key = alarm_of(document).idempotency_key
    assert alarm_of(again).idempotency_key == key
    assert alarm_of(FORMS[form](event._replace(id="E-2"))).idempotency_key != key
    if alarm_of(FORMS[form](next_event)).attributes["eventStatus"] != (event.stage,):
        assert alarm_of(FORMS[form](next_event)).idempotency_key != key


@given(events)
def test_the_same_event_by_a_rule_and_by_a_subscription_is_one_message(event: Event) -> None:
    keys = {
        alarm_of(FORMS[form](event)).idempotency_key
        for form in ("rule", "rule, content as text", "subscription", "subscription, raw")
    }

    assert len(keys) == 1


@given(forms, events, st.sampled_from(["cn-shanghai", "ap-southeast-1"]))
def test_an_event_of_another_region_is_refused_and_its_region_is_not_repeated(
    form: str, event: Event, region: str
) -> None:
    elsewhere = event._replace(region=region)
    when = {"eventName": event.name} | ({"eventStatus": event.stage} if event.stage else {})
    found = decided(FORMS[form](elsewhere), when)

    assert isinstance(found, Outcome)
    assert (found.status.value, found.rejection) == ("refused", ("$", "region"))
    assert "another region than this function's scaling groups, cn-hangzhou" in found.message
    assert region not in found.message
    assert isinstance(decided(FORMS[form](event), when), RemovalRequest)
    assert isinstance(decided(FORMS[form](event), when, ""), RemovalRequest)  # not known


@given(forms, st.permutations(["instanceId", "ecsInstanceId", "resourceId"]))
def test_fields_that_name_different_instances_remove_none(form: str, names: list[str]) -> None:
    content = {names[0]: "i-7", names[1]: "i-8"}
    found = decided(FORMS[form](Event(SPOT, content, "")), {"eventName": SPOT})

    assert isinstance(found, Outcome)
    assert found.status.value == "refused"
    assert "name different instances" in found.message
    assert names[0] in found.message
    assert "i-7" not in found.message


@pytest.mark.parametrize(
    "content",
    [{"vmName": "i-7"}, {"diskId": "d-7"}, {"instanceIds": ["web 1", 7, None]}, {}],
)
def test_what_names_no_instance_that_can_be_read_removes_none(content: dict[str, Any]) -> None:
    for form in sorted(FORMS):
        found = decided(FORMS[form](Event(SPOT, content, "")), {"eventName": SPOT})
        assert isinstance(found, Outcome)
        assert "names none that can be read" in found.message


@pytest.mark.parametrize("content", ["text", '{"eventStatus": ', "[1]", "7"])
def test_content_that_cannot_be_read_may_say_that_the_event_is_over(content: str) -> None:
    event = Event("Instance:SystemMaintenance.Reboot:Scheduled", {}, "")
    resource = {"resourceId": f"acs:ecs:{REGION}:{ACCOUNT}:instance/i-7"}
    document = {**of_rule(event, content), **resource}
    found = decided(document, {"eventName": "*"})

    assert isinstance(found, Outcome)
    assert found.ignored
    assert found.ignored.value == "stage"
    assert acts_on({**document, "content": "{}"}, {"eventName": "*"}) == ("i-7",)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_later_of_the_stages_in_content_and_name_holds(form: str) -> None:
    base = "Instance:SystemMaintenance.Reboot"
    for in_content, in_name in (("Scheduled", "Executed"), ("Avoided", "Scheduled")):
        content = {"instanceId": "i-7", "eventStatus": in_content}
        document = FORMS[form](Event(f"{base}:{in_name}", content, ""))
        assert acts_on(document, {"eventName": "*"}) == ()
        assert acts_on(document, {"eventStatus": "Scheduled"}) == ()
        assert acts_on(document, {"eventStatus": "A*"}) == ()


@pytest.mark.parametrize("status", ["Executed", "avoided", "Canceled"])
def test_the_outer_status_may_be_the_only_one_that_says_that_an_event_is_over(status: str) -> None:
    event = Event("Instance:SystemMaintenance.Reboot", {"instanceId": "i-7"}, "")
    rule, subscription = of_rule(event), of_subscription(event, eventContentMap=event.content)
    assert acts_on({**rule, "status": "Normal"}, {"eventName": "*"}) == ("i-7",)

    subscription["alert"]["meta"]["sysEventMeta"]["status"] = status
    for document in ({**rule, "status": status}, subscription):
        assert acts_on(document, {"eventName": "*"}) == ()
        assert acts_on(document, {"eventStatus": status}) == ("i-7",)


@pytest.mark.parametrize(
    "place",
    [
        lambda rule, alert, field: rule.update(field),
        lambda rule, alert, field: rule["content"].update(field),
        lambda rule, alert, field: rule["content"].update(extraAttributes=field),
        lambda rule, alert, field: rule["content"].update(extraAttributes=json.dumps(field)),
        lambda rule, alert, field: alert.update(field),
        lambda rule, alert, field: alert["meta"]["sysEventMeta"].update(field),
        lambda rule, alert, field: alert["eventContentMap"].update(extensions=field),
        lambda rule, alert, field: alert.update(eventRawContent=json.dumps({"x": field})),
    ],
)
@pytest.mark.parametrize(
    "field",
    [
        {"eventStatus": "Canceled"},
        {"EventStatus": "Avoided"},
        {"state": "Stopped"},
        {"State": "Deleted"},
        {"instanceState": "Stopping"},
        {"status": "Stopped"},
    ],
)
def test_a_stage_or_a_state_holds_wherever_the_sender_has_it(
    place: Callable[..., None], field: dict[str, str]
) -> None:
    event = Event("Instance:Notice", {"instanceId": "i-7"}, "")
    documents = (
        of_rule(event, dict(event.content)),
        of_subscription(event, eventContentMap=dict(event.content)),
    )
    for document in documents:
        assert acts_on(document, {"eventName": "*"}) == ("i-7",)
    place(documents[0], documents[1]["alert"], field)

    assert () in [acts_on(document, {"eventName": "*"}) for document in documents]


@pytest.mark.parametrize(
    "name", ["Instance:Stopped", "instance_released", "ECS实例状态变化", "实例状态改变通知"]
)
def test_a_state_report_is_known_by_a_name_that_no_document_has(name: str) -> None:
    for form in sorted(FORMS):
        document = FORMS[form](Event(name, {"instanceId": "i-7"}, ""))
        assert acts_on(document, {"product": "ECS"}) == ()
        assert acts_on(document, {"eventName": name}) == ("i-7",)


def test_a_stage_that_is_written_twice_is_the_one_that_is_over() -> None:
    for stages in (("Avoided", "Scheduled"), ("Scheduled", "Avoided")):
        content = dict(zip(("eventStatus", "EventStatus"), stages, strict=True))
        event = Event("Instance:Notice", {"instanceId": "i-7", **content}, "")
        for form in sorted(FORMS):
            assert acts_on(FORMS[form](event), {"eventName": "*"}) == ()


@pytest.mark.parametrize(
    "name",
    [
        "SystemMaintenance.Reboot:Executed",
        "Instance:SystemMaintenance.Reboot.Avoided",
        "Instance_SystemMaintenance_Reboot_Cancelled",
        "Instance[SystemMaintenance.Reboot-Canceled]",
        "CloudMonitor:InstanceSystemMaintenanceRebootFailed",
    ],
)
def test_a_name_that_ends_in_what_is_over_has_this_stage(name: str) -> None:
    for form in sorted(FORMS):
        document = FORMS[form](Event(name, {"instanceId": "i-7"}, ""))
        assert acts_on(document, {"eventName": "*"}) == ()


@pytest.mark.parametrize("several", [lambda arn: [arn], lambda arn: f'["{arn}", "{arn}"]'])
def test_resources_may_be_several_and_their_region_counts(several: Callable[[str], Any]) -> None:
    for region, ids in ((REGION, ("i-7",)), ("cn-beijing", ())):
        arns = several(f"acs:ecs:{region}:{ACCOUNT}:instance/i-7")
        rule = {**of_rule(Event(SPOT, {}, "")), "resourceId": arns}
        alert = of_subscription(Event(SPOT, {}, ""), arn=arns)
        for document in (rule, alert, of_bus(Event(SPOT, {"resourceId": arns}, ""))):
            assert acts_on(document, {"eventName": SPOT}) == ids


def test_raw_content_that_is_no_json_does_no_harm_beside_content_that_is() -> None:
    document = of_subscription(
        Event(SPOT, {}, ""), eventContentMap={"instanceId": "i-7"}, eventRawContent="no JSON"
    )

    assert acts_on(document, {"eventName": SPOT}) == ("i-7",)


def test_an_event_without_a_product_has_that_of_its_resource() -> None:
    document = of_rule(Event(SPOT, {"instanceId": "i-7"}, ""))
    del document["product"]

    assert alarm_of(document).attributes["product"] == ("ECS",)


def test_the_agents_event_needs_its_exact_name_by_every_way() -> None:
    document = of_rule(Event("Agent_Status_Stopped", {"instanceId": "i-7"}, ""))
    document |= {"product": "CloudMonitor", "status": "stopped"}

    assert acts_on(document, {"product": "CloudMonitor"}) == ()
    assert acts_on(document, {"eventName": "Agent_Status_Stopped"}) == ("i-7",)


@pytest.mark.parametrize("kind", ["ecs:ActionTrail:ApiCall", "ecs:Config:NonCompliantNotification"])
def test_a_call_that_a_removal_makes_never_matches_a_wide_rule(kind: str) -> None:
    document = {**of_bus(Event("x", {"instanceId": "i-7"}, "")), "type": kind}

    assert acts_on(document, {"product": "ECS"}) == ()


@pytest.mark.parametrize(
    "content",
    [
        {"InstanceId": "i-7"},
        {"ECSInstanceId": "i-7"},
        {"resources": ["acs:ecs:cn-hangzhou:1:instance/i-7"]},
        {"extensions": {"instanceId": "i-7"}},
        {"extraAttributes": {"ecsInstanceId": "i-7", "device": "/dev/xvda"}},
    ],
)
def test_an_instance_is_named_in_other_letters_and_places(content: dict[str, Any]) -> None:
    for form in sorted(FORMS):
        assert acts_on(FORMS[form](Event(SPOT, content, "")), {"eventName": SPOT}) == ("i-7",)


def test_a_disk_of_block_storage_names_its_instance_in_its_attributes() -> None:
    data = {
        "eventStatus": "Executing",
        "resourceId": "d-1",
        "extraAttributes": {"EcsInstanceId": "i-7"},
    }
    document = {**of_bus(Event("x", data, "")), "type": "ebs:Disk:Stalled"}

    assert acts_on(document, {"product": "EBS"}) == ("i-7",)


@pytest.mark.parametrize(
    ("earlier", "later", "is_reachable"),
    [
        ({"eventName": "Instance:*"}, {"eventName": "Instance:StateChange"}, True),
        ({"product": "ECS"}, {"product": "ECS", "eventStatus": "executed"}, True),
        ({"product": "ECS"}, {"product": "ECS", "eventStatus": "Postponed"}, True),
        ({"eventName": "Instance:*"}, {"eventName": SPOT}, False),
        ({"product": "ECS"}, {"product": "ECS", "eventStatus": "Scheduled"}, False),
        ({"eventName": "Instance:*"}, {"eventName": "Instance:State*"}, False),
        ({"eventStatus": "EXECUTED"}, {"eventStatus": "Executed", "product": "ECS"}, False),
    ],
)
def test_a_rule_that_names_what_a_wide_one_never_matches_is_reachable(
    earlier: dict[str, str], later: dict[str, str], is_reachable: bool
) -> None:
    rules = [
        {"when": when, "scalingGroupId": "asg-1", "remove": {"instanceIds": "alarm"}}
        for when in (earlier, later)
    ]
    document = json.dumps({"groups": {"asg-1": {}}, "alarms": rules})
    if is_reachable:
        assert len(read_policy(document).rules) == 2
    else:
        with pytest.raises(Exception, match="unreachable"):
            read_policy(document)
