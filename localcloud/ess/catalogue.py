"""All actions of Auto Scaling: those that are here, wholly or in part, and those that are not."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import (
    activities,
    alarms,
    balancers,
    configurations,
    general,
    groups,
    hooks,
    members,
    notifications,
    parameters,
    remove,
    scaling,
    schedule,
    tags,
)
from localcloud.ess.action import Action
from localcloud.ess.service import Service
from localcloud.wire import Params

VERSIONS = ("2014-08-28", "2022-02-22")
MODULES = (
    *(groups, configurations, members, remove, scaling, activities, hooks),
    *(alarms, schedule, notifications, tags, balancers, general),
)
ACTIONS: dict[str, Action] = {action.name: action for module in MODULES for action in module.ACTIONS}
ABSENT = {
    "RebalanceInstances": "instances keep their zones",
    "DescribeElasticStrength": "there is no stock of instances to rate",
    "DescribePatternTypes": "there is no catalogue of instance types",
    "CreateEciScalingConfiguration": "container groups are not here",
    "ModifyEciScalingConfiguration": "container groups are not here",
    "DeleteEciScalingConfiguration": "container groups are not here",
    "DescribeEciScalingConfigurations": "container groups are not here",
}


def perform(service: Service, params: Params) -> Reply:
    """The flat reply. Raises ApiError."""
    name = params["Action"]
    if name not in ACTIONS:
        raise errors.NotSupported(name) if name in ABSENT else errors.ApiNotFound()
    action = ACTIONS[name]
    ask = parameters.read(action.parameters, params, params["Version"])
    service.advance()
    replayed = service.replay(params)
    if replayed is not None:
        return replayed
    try:
        reply = action.act(service, ask)
    except errors.ApiError:
        if service.knobs.refused_calls_burn_their_token:
            service.remember(params, None)
        raise
    service.remember(params, reply)
    return reply


def table() -> str:
    """What of the 80 actions of 2014-08-28 is there, as Markdown."""
    rows = ["| action | here | what is missing |", "|---|---|---|"]
    for name in sorted({*ACTIONS, *ABSENT}):
        action = ACTIONS.get(name)
        here = "no" if action is None else "partly" if action.missing else "yes"
        rows.append(f"| {name} | {here} | {ABSENT[name] if action is None else action.missing} |")
    return "\n".join(rows)
