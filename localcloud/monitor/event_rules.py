"""The actions of rules on system events, from parameters to reply; API 2019-01-01."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import Request, boolean, integer, one_of, records, text, texts
from localcloud.ess.state import EssState
from localcloud.monitor.rule import EventRule
from localcloud.monitor.system_events import function_arn, queue_arn

LISTS = ("NameList", "LevelList", "EventTypeList", "StatusList")
NOT_BUILT = ("ContactParameters", "WebhookParameters", "SlsParameters", "OpenApiParameters")
RULE_NAME = text("RuleName", required=True)


def put_event_rule(state: EssState, request: Request) -> Reply:
    """Creates a rule, or changes the one with this name; its targets stay."""
    if len(request["EventPattern"]) != 1 or not request["EventPattern"][0].get("Product"):
        raise errors.InvalidParameter("EventPattern")
    name = request["RuleName"]
    known = state.event_rules.get(name)
    state.event_rules[name] = EventRule(
        name,
        _pattern(request["EventPattern"][0]),
        request["Description"] or "",
        request["EventType"],
        request["GroupId"] or "",
        request["State"] == "ENABLED",
        known.queues if known else {},
        known.functions if known else {},
    )
    return _success(Data="1")


def put_event_rule_targets(state: EssState, request: Request) -> Reply:
    """Adds queues and functions to a rule, or changes those with the same id."""
    rule = _rule(state, request["RuleName"])
    for name in NOT_BUILT:
        if request[name]:
            raise errors.NotSupported(f"PutEventRuleTargets with {name}")
    for name, targets in (("MnsParameters", rule.queues), ("FcParameters", rule.functions)):
        for target in request[name]:
            if not target.get("Id"):
                raise errors.InvalidParameter(name)
            targets[target["Id"]] = target
    return _success()


def describe_event_rule_list(state: EssState, request: Request) -> Reply:
    found = [
        rule
        for rule in state.event_rules.values()
        if rule.rule_name.startswith(request["NamePrefix"] or "")
        and request["IsEnable"] in (None, rule.enabled)
        and request["GroupId"] in (None, rule.group_id)
    ]
    start = (request["PageNumber"] - 1) * request["PageSize"]
    page = found[start : start + request["PageSize"]]
    return _success(Total=len(found), EventRules={"EventRule": [_view(rule) for rule in page]})


def describe_event_rule_target_list(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request["RuleName"])
    queues = [{**one, "Arn": queue_arn(state, one)} for one in rule.queues.values()]
    functions = [{**one, "Arn": function_arn(state, one)} for one in rule.functions.values()]
    return _success(MnsParameters={"MnsParameter": queues}, FcParameters={"FCParameter": functions})


def delete_event_rules(state: EssState, request: Request) -> Reply:
    for name in request["RuleNames"]:
        state.event_rules.pop(name, None)
    return _success()


def delete_event_rule_targets(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request["RuleName"])
    for id in request["Ids"]:
        rule.queues.pop(id, None)
        rule.functions.pop(id, None)
    return _success()


def enable_event_rules(state: EssState, request: Request) -> Reply:
    return _enable(state, request, True)


def disable_event_rules(state: EssState, request: Request) -> Reply:
    return _enable(state, request, False)


def _enable(state: EssState, request: Request, is_enabled: bool) -> Reply:
    for name in request["RuleNames"]:
        _rule(state, name).enabled = is_enabled
    return _success()


def _rule(state: EssState, name: str) -> EventRule:
    if name not in state.event_rules:
        raise errors.NotFound("RuleName")
    return state.event_rules[name]


def _success(**fields: Any) -> Reply:
    return {"Code": "200", "Success": True, **fields}


def _pattern(record: Mapping[str, str]) -> dict[str, Any]:
    """Returns a pattern of its fields: Product, and NameList.1, NameList.2 and so on as lists."""
    pattern: dict[str, Any] = {"Product": record["Product"]}
    for name, value in record.items():
        parts = re.fullmatch(r"([A-Za-z]+)\.[0-9]+", name)
        if parts and parts[1] in LISTS:
            pattern.setdefault(parts[1], []).append(value)
        elif name != "Product":
            raise errors.InvalidParameter(f"EventPattern.1.{name}")
    return pattern


def _view(rule: EventRule) -> dict[str, Any]:
    lists = {name: {name: values} for name, values in rule.pattern.items() if name in LISTS}
    return {
        "Name": rule.rule_name,
        "Description": rule.description,
        "EventType": rule.event_type,
        "GroupId": rule.group_id,
        "State": "ENABLED" if rule.enabled else "DISABLED",
        "EventPattern": {"EventPattern": [{"Product": rule.pattern["Product"], **lists}]},
    }


NAMES = texts("RuleNames", 100, required=True)
ACTIONS = (
    Action(
        "PutEventRule",
        put_event_rule,
        (
            *(RULE_NAME, records("EventPattern"), text("Description"), text("GroupId")),
            one_of("EventType", "SYSTEM", default="SYSTEM"),
            one_of("State", "ENABLED", "DISABLED", default="ENABLED"),
        ),
    ),
    Action(
        "PutEventRuleTargets",
        put_event_rule_targets,
        (
            *(RULE_NAME, records("MnsParameters", 5), records("FcParameters", 5)),
            *(records(name) for name in NOT_BUILT),
        ),
    ),
    Action(
        "DescribeEventRuleList",
        describe_event_rule_list,
        (
            *(text("NamePrefix"), boolean("IsEnable", default=None), text("GroupId")),
            *(integer("PageNumber", 1, 99_999, default=1), integer("PageSize", 1, 100, default=10)),
        ),
    ),
    Action("DescribeEventRuleTargetList", describe_event_rule_target_list, (RULE_NAME,)),
    Action("DeleteEventRules", delete_event_rules, (NAMES,)),
    Action(
        "DeleteEventRuleTargets",
        delete_event_rule_targets,
        (RULE_NAME, texts("Ids", 100, required=True)),
    ),
    Action("EnableEventRules", enable_event_rules, (NAMES,)),
    Action("DisableEventRules", disable_event_rules, (NAMES,)),
)
