"""Rules on events, of EventBridge and CloudMonitor, and what is tried again: values for JSON."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from localcloud.buses.delivery import destination
from localcloud.buses.model import Delivery, Rule
from localcloud.console.places import place_name
from localcloud.console.rows import Rows
from localcloud.ess.service import Service
from localcloud.monitor.rule import EventRule
from localcloud.monitor.system_events import function_arn, queue_arn

MAX_RETRIES = 200


def event_rule_rows(service: Service) -> Rows:
    """Returns the rules of all buses, then those of CloudMonitor, which have no bus."""
    place = place_name(service.place)
    rules = [rule for bus in service.buses.values() for rule in bus.rules.values()]
    return {
        **{f"{place} {one.bus} {one.name}": _rule(service, place, one) for one in rules},
        **{
            f"{place}  {name}": _event_rule(service, place, one)
            for name, one in service.event_rules.items()
        },
    }


def retry_rows(service: Service) -> Rows:
    """Returns the deliveries that have failed and are tried again, the oldest first."""
    place = place_name(service.place)
    failed = (one for one in list(service.event_deliveries) if one.attempts)
    return {
        f"{place} {number}": _retry(service, one)
        for number, one in enumerate(islice(failed, MAX_RETRIES))
    }


def _rule(service: Service, place: str, rule: Rule) -> Rows:
    targets = [
        {"arn": destination(service, one, {}), "deadLetters": one.dead_letters}
        for one in rule.targets
    ]
    return _row(place, rule.bus, rule.name, json.loads(rule.pattern), rule.enabled, targets)


def _event_rule(service: Service, place: str, rule: EventRule) -> Rows:
    arns = [queue_arn(service, one) for one in rule.queues.values()]
    arns += [function_arn(service, one) for one in rule.functions.values()]
    targets = [{"arn": arn, "deadLetters": ""} for arn in arns]
    return _row(place, "", rule.rule_name, rule.pattern, rule.enabled, targets)


def _row(place: str, bus: str, name: str, pattern: Any, enabled: bool, targets: list[Rows]) -> Rows:
    return {
        "place": place,
        "bus": bus,
        "name": name,
        "pattern": pattern,
        "enabled": enabled,
        "targets": targets,
    }


def _retry(service: Service, delivery: Delivery) -> Rows:
    return {
        "rule": delivery.rule,
        "arn": destination(service, delivery.target, delivery.event),
        "event": str(delivery.event["type"]),
        "failed": delivery.attempts,
        "due": delivery.due_at.isoformat() if delivery.due_at else None,
    }
