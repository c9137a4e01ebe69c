"""The actions of EventBridge, from parameters to reply; API 2020-04-01."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from localcloud import errors
from localcloud.answers import Reply
from localcloud.buses import targets, views
from localcloud.buses.delivery import publish
from localcloud.buses.events import cloud_event
from localcloud.buses.model import DEFAULT, Bus, Rule, Target
from localcloud.ess.actions.action import Action
from localcloud.ess.catalogue import perform_beside
from localcloud.ess.parameters import NEXT_TOKEN, Request, array, integer, one_of, text
from localcloud.ess.requests import token_page
from localcloud.ess.service import Service
from localcloud.ess.state import EssState
from localcloud.json_text import parse_json
from localcloud.triggers.patterns import unknown_tests
from localcloud.wire import Params

VERSION = "2020-04-01"
# Bounds: page "Limits".
NAME = re.compile("(?!eventbridge-reserved-)[A-Za-z0-9][A-Za-z0-9-]{0,126}")
MAX_TARGETS = 5
MAX_EVENTS, MAX_EVENT_BYTES, MAX_EVENTS_BYTES = 16, 256 << 10, 1 << 20
Item = TypeVar("Item")


def create_event_bus(state: EssState, request: Request) -> Reply:
    name = request["EventBusName"]
    if not NAME.fullmatch(name):
        raise errors.EventBusNameInvalid(name)
    if name in state.buses:
        raise errors.EventBusAlreadyExist(name)
    state.buses[name] = Bus(name, state.clock.now(), request["Description"] or "")
    return views.success({"EventBusARN": views.bus_arn(state, name)})


def get_event_bus(state: EssState, request: Request) -> Reply:
    return views.success(views.bus(state, _bus(state, request)))


def list_event_buses(state: EssState, request: Request) -> Reply:
    names = sorted(n for n in state.buses if n.startswith(request["NamePrefix"] or ""))
    page, rest = _page(request, names)
    buses = [views.bus(state, state.buses[name]) for name in page]
    return views.success({"EventBuses": buses, **rest})


def update_event_bus(state: EssState, request: Request) -> Reply:
    _bus(state, request).description = request["Description"] or ""
    return views.success()


def delete_event_bus(state: EssState, request: Request) -> Reply:
    bus = _bus(state, request)
    if bus.name == DEFAULT:
        raise errors.EventBusNameInvalid(bus.name)
    if bus.rules:
        raise errors.EventBusRuleNotEmptyForDelete(bus.name)
    del state.buses[bus.name]
    return views.success()


def create_rule(state: EssState, request: Request) -> Reply:
    bus, name = _bus(state, request), request["RuleName"]
    if not NAME.fullmatch(name):
        raise errors.InvalidParameter("RuleName")
    if name in bus.rules:
        raise errors.EventRuleAlreadyExist(name, bus.name)
    bus.rules[name] = Rule(
        name,
        bus.name,
        _pattern(request["FilterPattern"]),
        state.clock.now(),
        request["Description"] or "",
        request["Status"] == "ENABLE",
        _few("EventTargets", targets.read_targets("EventTargets", request["EventTargets"])),
    )
    return views.success({"RuleARN": views.rule_arn(state, bus.rules[name])})


def get_rule(state: EssState, request: Request) -> Reply:
    return views.success(views.rule(state, _rule(state, request)))


def list_rules(state: EssState, request: Request) -> Reply:
    rules = _bus(state, request).rules
    names = sorted(name for name in rules if name.startswith(request["RuleNamePrefix"] or ""))
    page, rest = _page(request, names)
    return views.success({"Rules": [views.rule(state, rules[name]) for name in page], **rest})


def update_rule(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request)
    rule.pattern = _pattern(request["FilterPattern"])
    if request["Description"] is not None:
        rule.description = request["Description"]
    if request["Status"] is not None:
        rule.enabled = request["Status"] == "ENABLE"
    return views.success()


def delete_rule(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request)
    del state.buses[rule.bus].rules[rule.name]
    return views.success()


def enable_rule(state: EssState, request: Request) -> Reply:
    _rule(state, request).enabled = True
    return views.success()


def disable_rule(state: EssState, request: Request) -> Reply:
    _rule(state, request).enabled = False
    return views.success()


def put_targets(state: EssState, request: Request) -> Reply:
    """Adds targets to a rule, or changes those with the same id; an id twice is an error."""
    rule = _rule(state, request)
    by_id = {target.id: target for target in rule.targets}
    given = targets.read_targets("Targets", request["Targets"])
    counts = Counter(target.id for target in given)
    twice = {id for id, count in counts.items() if count > 1}
    by_id.update((target.id, target) for target in given if target.id not in twice)
    rule.targets = _few("Targets", list(by_id.values()))
    return views.success(views.failures(dict.fromkeys(sorted(twice), targets.DUPLICATE)))


def list_targets(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request)
    found = [target for target in rule.targets if request["Arn"] in (None, target.endpoint)]
    page, rest = _page(request, found)
    of = {"EventBusName": rule.bus, "RuleName": rule.name}
    return views.success({"Targets": [{**of, **views.target(one)} for one in page], **rest})


def delete_targets(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request)
    ids = {str(id) for id in request["TargetIds"]}
    missing = ids - {target.id for target in rule.targets}
    rule.targets = [target for target in rule.targets if target.id not in ids]
    return views.success(views.failures(dict.fromkeys(sorted(missing), targets.MISSING)))


def put_events(state: EssState, request: Request) -> Reply:
    """Takes events of one's own to a custom bus; on the default bus only the cloud writes."""
    bus = _bus(state, request)
    if bus.name == DEFAULT:
        raise errors.EventAccessDenied()
    given = [_event(number, one) for number, one in enumerate(request["EventList"], 1)]
    if not given:
        raise errors.MissingParameter("EventList")
    _check_sizes(given)
    entries = []
    for one in given:
        event = cloud_event(one, state.place, bus.name, state.clock.now())
        publish(state, bus, event)
        entries.append({"EventId": event["id"], "TraceId": event["id"]})
    return views.success({"FailedEntryCount": 0, "EntryList": entries})


def _bus(state: EssState, request: Request) -> Bus:
    name = request["EventBusName"]
    if name not in state.buses:
        raise errors.EventBusNotExist(name)
    return state.buses[name]


def _rule(state: EssState, request: Request) -> Rule:
    bus, name = _bus(state, request), request["RuleName"]
    if name not in bus.rules:
        raise errors.EventRuleNotExisted(name, bus.name)
    return bus.rules[name]


def _few(parameter: str, of_rule: list[Target]) -> list[Target]:
    """Returns the targets of a rule. Raises ApiError where they are too many."""
    if len(of_rule) > MAX_TARGETS:
        raise errors.InvalidParameter(parameter)
    return of_rule


def _check_sizes(events: list[dict[str, Any]]) -> None:
    """Raises ApiError where events are too many or too large."""
    sizes = [len(json.dumps(one, ensure_ascii=False).encode()) for one in events]
    is_small = max(sizes) <= MAX_EVENT_BYTES and sum(sizes) <= MAX_EVENTS_BYTES
    if len(events) > MAX_EVENTS or not is_small:
        raise errors.InvalidParameter("EventList")


def _pattern(text: str) -> str:
    """Returns a pattern as it is given. Raises ApiError: no JSON object, or an unknown test."""
    try:
        pattern = parse_json(text)
    except ValueError:
        pattern = None
    if not isinstance(pattern, dict) or unknown_tests(pattern):
        raise errors.InvalidParameter("FilterPattern")
    return text


def _event(number: int, one: Any) -> dict[str, Any]:
    """Returns an event by the names of CloudEvents. Raises ApiError: a field is missing."""
    fields = dict(one) if isinstance(one, Mapping) else {}
    for name in ("Id", "Source", "Type"):
        if not fields.get(name):
            raise errors.MissingParameter(f"EventList.{number}.{name}")
    return {name.lower(): value for name, value in fields.items()}


def _page(request: Request, items: Sequence[Item]) -> tuple[Sequence[Item], Reply]:
    page, next_token = token_page(request, items, request["Limit"])
    return page, {"Total": len(items), **next_token}


BUS = text("EventBusName", required=True)
RULE = (BUS, text("RuleName", required=True))
PAGE = (integer("Limit", 1, 100, default=100), NEXT_TOKEN)
DESCRIPTION = text("Description")
PATTERN = text("FilterPattern", required=True)
STATUS = ("ENABLE", "DISABLE")
ACTIONS = {
    action.name: action
    for action in (
        Action("CreateEventBus", create_event_bus, (BUS, DESCRIPTION)),
        Action("GetEventBus", get_event_bus, (BUS,)),
        Action("ListEventBuses", list_event_buses, (text("NamePrefix"), *PAGE)),
        Action("UpdateEventBus", update_event_bus, (BUS, DESCRIPTION)),
        Action("DeleteEventBus", delete_event_bus, (BUS,)),
        Action(
            "CreateRule",
            create_rule,
            (
                *(*RULE, DESCRIPTION, PATTERN, array("EventTargets")),
                one_of("Status", *STATUS, default="ENABLE"),
            ),
        ),
        Action("GetRule", get_rule, RULE),
        Action("ListRules", list_rules, (BUS, text("RuleNamePrefix"), *PAGE)),
        Action("UpdateRule", update_rule, (*RULE, DESCRIPTION, PATTERN, one_of("Status", *STATUS))),
        Action("DeleteRule", delete_rule, RULE),
        Action("EnableRule", enable_rule, RULE),
        Action("DisableRule", disable_rule, RULE),
        Action("PutTargets", put_targets, (*RULE, array("Targets", required=True))),
        Action("ListTargets", list_targets, (*RULE, text("Arn"), *PAGE)),
        Action("DeleteTargets", delete_targets, (*RULE, array("TargetIds", required=True))),
        Action("PutEvents", put_events, (BUS, array("EventList"))),
    )
}


def perform(service: Service, params: Params) -> Reply:
    """Performs the action that the parameters name; returns its reply. Raises ApiError."""
    return perform_beside(ACTIONS, service, params)
