"""Buses, rules and targets as the API describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.answers import Reply
from localcloud.buses.model import Bus, Param, Rule, Target
from localcloud.ess.state import EssState
from localcloud.queues.topics import milliseconds


def success(data: Reply | None = None) -> Reply:
    """Returns the reply of a call that succeeded."""
    reply: Reply = {"Code": "Success", "Message": "The request was successful.", "Success": True}
    return reply if data is None else {**reply, "Data": data}


def failures(by_id: Mapping[str, tuple[str, str]]) -> Reply:
    """Returns which entries failed: code and message by id."""
    entries = [
        {"EntryId": id, "ErrorCode": code, "ErrorMessage": message}
        for id, (code, message) in by_id.items()
    ]
    return {"ErrorEntriesCount": len(entries), "ErrorEntries": entries}


def bus_arn(state: EssState, name: str) -> str:
    return f"acs:eventbridge:{state.region_id}:{state.account_id}:eventbus/{name}"


def rule_arn(state: EssState, rule: Rule) -> str:
    return f"{bus_arn(state, rule.bus)}/rule/{rule.name}"


def bus(state: EssState, found: Bus) -> Reply:
    return {
        "EventBusName": found.name,
        "EventBusARN": bus_arn(state, found.name),
        "Description": found.description,
        "CreateTimestamp": milliseconds(found.created_at),
    }


def rule(state: EssState, found: Rule) -> Reply:
    return {
        "EventBusName": found.bus,
        "RuleName": found.name,
        "RuleARN": rule_arn(state, found),
        "Description": found.description,
        "Status": "ENABLE" if found.enabled else "DISABLE",
        "FilterPattern": found.pattern,
        "CreatedTimestamp": milliseconds(found.created_at),
        "Targets": [target(one) for one in found.targets],
    }


def target(found: Target) -> dict[str, Any]:
    described = {
        "Id": found.id,
        "Type": found.type,
        "Endpoint": found.endpoint,
        "ParamList": [_param(one) for one in found.params],
        "PushRetryStrategy": found.retry_strategy,
        "ErrorsTolerance": found.errors_tolerance,
    }
    letters = {"DeadLetterQueue": {"Arn": found.dead_letters}} if found.dead_letters else {}
    return {**described, **letters}


def _param(param: Param) -> dict[str, Any]:
    fields = {"Value": param.value, "Template": param.template}
    given = {name: value for name, value in fields.items() if value is not None}
    return {"ResourceKey": param.resource_key, "Form": param.form, **given}
