"""All actions of Auto Scaling: those that this cloud has, wholly or in part, and those it lacks."""

from __future__ import annotations

from collections.abc import Mapping

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
    instance_states,
    members,
    newer,
    notifications,
    remove,
    scaling,
    schedule,
    tags,
)
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import NEWER, Request, read_request
from localcloud.ess.service import Service
from localcloud.wire import Params

VERSIONS = ("2014-08-28", "2022-02-22")
MODULES = (
    *(
        groups,
        group_settings,
        configurations,
        members,
        instance_states,
        remove,
        scaling,
        activities,
        hooks,
    ),
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

NEWER_ACTIONS: dict[str, Action] = {action.name: action for action in newer.ACTIONS}
NO_REFRESH = "instances are not refreshed; remove them, and ESS creates others"
NO_FORECAST = "this cloud predicts nothing"
NEWER_ABSENT = {  # of 2022-02-22 alone
    "ApplyEciScalingConfiguration": "this cloud has no container groups",
    "ApplyScalingGroup": "this cloud reads no YAML of container groups",
    "DescribeEciScalingConfigurationDetail": "this cloud has no container groups",
    "DescribeCandidateInstanceType": "this cloud has no catalogue of instance types",
    "StartInstanceRefresh": NO_REFRESH,
    "SuspendInstanceRefresh": NO_REFRESH,
    "ResumeInstanceRefresh": NO_REFRESH,
    "RollbackInstanceRefresh": NO_REFRESH,
    "CancelInstanceRefresh": NO_REFRESH,
    "DescribeInstanceRefreshes": NO_REFRESH,
    "CreateDiagnoseReport": "there is no balance, network or quota to diagnose",
    "DeleteDiagnoseReport": "there is no balance, network or quota to diagnose",
    "DescribeDiagnoseReports": "there is no balance, network or quota to diagnose",
    "DescribeScalingGroupDiagnoseDetails": "there is no balance, network or quota to diagnose",
    "DescribeInstanceCreateAndDeleteStatistics": "count the activities instead",
    "DescribeScalingActivityStatistics": "count the activities instead",
    "QueryHistoricalMetric": NO_FORECAST,
    "QueryPredictiveMetric": NO_FORECAST,
    "QueryPredictiveTaskInfo": NO_FORECAST,
    "QueryPredictiveValue": NO_FORECAST,
}


def perform(service: Service, params: Params) -> Reply:
    """Performs the action that the parameters name; returns its reply, flat. Raises ApiError."""
    action = _action(params["Action"], params["Version"])
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


def perform_beside(actions: Mapping[str, Action], service: Service, params: Params) -> Reply:
    """Performs an action of another product, which has no tokens; returns its reply.

    Raises ApiError.
    """
    if params["Action"] not in actions:
        raise errors.ApiNotFound()
    action = actions[params["Action"]]
    request = read_request(action.parameters, params, params["Version"])
    service.advance()
    return action.act(service, request)


def _action(name: str, version: str) -> Action:
    """Returns the action. Raises ApiError for one that this cloud or this API version lacks."""
    is_newer = version == NEWER
    action = ACTIONS.get(name) or (NEWER_ACTIONS.get(name) if is_newer else None)
    if action is not None:
        return action
    is_known = name in ABSENT or (is_newer and name in NEWER_ABSENT)
    raise errors.NotSupported(name) if is_known else errors.ApiNotFound()


def _read(action: Action, params: Params) -> Request:
    try:
        return read_request(action.parameters, params, params["Version"])
    except errors.InvalidParameter as error:
        if action.invalid is None:
            raise
        raise action.invalid(*error.details) from error


def table() -> str:
    """Returns what this cloud has of the 80 actions of 2014-08-28, as Markdown."""
    return _table(ACTIONS, ABSENT)


def newer_table() -> str:
    """Returns what this cloud has of the actions that only 2022-02-22 has, as Markdown."""
    return _table(NEWER_ACTIONS, NEWER_ABSENT)


def _table(actions: Mapping[str, Action], absent: Mapping[str, str]) -> str:
    rows = ["| action | available | what is missing |", "|---|---|---|"]
    for name in sorted({*actions, *absent}):
        action = actions.get(name)
        if action is None:
            rows.append(f"| {name} | no | {absent[name]} |")
        else:
            extent = "partly" if action.missing else "yes"
            rows.append(f"| {name} | {extent} | {action.missing} |")
    return "\n".join(rows)
