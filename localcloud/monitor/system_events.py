"""Gives system events to the event rules that they fit, and to the targets of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.buses.model import FunctionCall
from localcloud.ess.messages import system_event
from localcloud.ess.state import EssState
from localcloud.monitor.rule import EventRule

ANY = "*"


def take(state: EssState, event: Mapping[str, Any]) -> None:
    """Writes the event to the queues of the rules that it fits, and invokes their functions."""
    for rule in list(state.event_rules.values()):
        if not rule.enabled or not fits(rule, event):
            continue
        for queue in rule.queues.values():
            state.send_message(queue_arn(state, queue), event)
        body = json.dumps(event, ensure_ascii=False).encode()
        for function in rule.functions.values():
            call = FunctionCall(rule.rule_name, function_arn(state, function), body)
            state.invoke(call, lambda _: None)  # its delivery is recorded; CloudMonitor tries once


def fits(rule: EventRule, event: Mapping[str, Any]) -> bool:
    """Whether a rule is on this event: its product, name and level; a * or no list is any."""
    pattern = rule.pattern
    if pattern.get("Product", "").lower() not in (ANY, event["product"].lower()):
        return False
    return all(
        not pattern.get(name) or ANY in pattern[name] or value in pattern[name]
        for name, value in (("NameList", event["name"]), ("LevelList", event["level"]))
    )


def of_cloud_event(state: EssState, event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the system event that an event of ECS on the default bus is; None: it is none."""
    product, _, name = str(event["type"]).partition(":")
    if event["source"] != "acs.ecs" or product != "ecs":
        return None
    subject, now = str(event.get("subject", "")), state.clock.now()
    return system_event("ECS", name, "WARN", state.place, subject, event["data"], now)


def queue_arn(state: EssState, target: Mapping[str, str]) -> str:
    region = target.get("Region") or state.region_id
    return f"acs:mns:{region}:{state.account_id}:/queues/{target.get('Queue', '')}/messages"


def function_arn(state: EssState, target: Mapping[str, str]) -> str:
    """Returns the ARN of a function of 2.0, or of 3.0 where no service is named."""
    region, service = target.get("Region") or state.region_id, target.get("ServiceName")
    owner = f"services/{service}/" if service else ""
    name = target.get("FunctionName", "")
    return f"acs:fc:{region}:{state.account_id}:{owner}functions/{name}"
