"""All actions of Auto Scaling: those that this cloud has, wholly or in part, and those it lacks."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.actions import (
    activities,
    alarms,
    balancers,
    configurations,
    general,
    group_settings,
    groups,
    hooks,
    members,
    notifications,
    remove,
    scaling,
    schedule,
    tags,
)
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import Request, read_request
from localcloud.ess.service import Service
from localcloud.wire import Params

VERSIONS = ("2014-08-28", "2022-02-22")
MODULES = (
    *(groups, group_settings, configurations, members, remove, scaling, activities, hooks),
    *(alarms, schedule, notifications, tags, balancers, general),
)
ACTIONS: dict[str, Action] = {
    action.name: action for module in MODULES for action in module.ACTIONS
}
ABSENT = {
    "RebalanceInstances": "instances keep their zones",
    "DescribeElasticStrength": "this cloud has no stock of instances to rate",
    "DescribePatternTypes": "this cloud has no catalogue of instance types",
    "CreateEciScalingConfiguration": "this cloud has no container groups",
    "ModifyEciScalingConfiguration": "this cloud has no container groups",
    "DeleteEciScalingConfiguration": "this cloud has no container groups",
    "DescribeEciScalingConfigurations": "this cloud has no container groups",
}


def perform(service: Service, params: Params) -> Reply:
    """Performs the action that the parameters name; returns its reply, flat. Raises ApiError."""
    name = params["Action"]
    if name not in ACTIONS:
        raise errors.NotSupported(name) if name in ABSENT else errors.ApiNotFound()
    action = ACTIONS[name]
    request = _read(action, params)
    service.advance()
    replayed = service.replay(params)
    if replayed is not None:
        return replayed
    try:
        reply = action.act(service, request)
    except errors.ApiError:
        if service.assumptions.refused_calls_burn_their_token:
            service.remember(params, None)
        raise
    service.remember(params, reply)
    return reply


def _read(action: Action, params: Params) -> Request:
    try:
        return read_request(action.parameters, params, params["Version"])
    except errors.InvalidParameter as error:
        if action.invalid is None:
            raise
        raise action.invalid(*error.details) from error


def table() -> str:
    """Returns what this cloud has of the 80 actions of 2014-08-28, as Markdown."""
    rows = ["| action | available | what is missing |", "|---|---|---|"]
    for name in sorted({*ACTIONS, *ABSENT}):
        action = ACTIONS.get(name)
        if action is None:
            rows.append(f"| {name} | no | {ABSENT[name]} |")
        else:
            extent = "partly" if action.missing else "yes"
            rows.append(f"| {name} | {extent} | {action.missing} |")
    return "\n".join(rows)
