"""Load balancers, server groups and databases of a group: attached and detached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import backends, refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.balancer_entries import (
    ACTIVE,
    ALB_SERVER_GROUPS,
    BALANCERS,
    SERVER_GROUPS,
    V_SERVER_GROUPS,
    balancer_ids,
    server_groups,
    v_server_groups,
)
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    GROUP,
    TOKEN,
    Parameter,
    Request,
    boolean,
    records,
    text,
    texts,
)
from localcloud.ess.removal_checks import check_service_role
from localcloud.ess.state import EssState

MAX_ATTACHED = 30  # of each kind in a group
DATABASES = "DBInstanceIds"
AT_ONCE = "done at once, without an activity"
IDS_ONLY = "stored and described as ids; nothing is behind them"


class Kind(NamedTuple):
    """What can be attached to a group."""

    name: str  # in the action's name, plural
    parameter: str
    field: str  # of a group's description
    identified_by: tuple[str, ...] = ()  # fields of a record; none: a plain id
    # what is raised: too many of them, attached already, detached without being attached
    quota: type[errors.ApiError] | None = None
    present: type[errors.ApiError] | None = None
    absent: type[errors.ApiError] | None = None


KINDS = (
    Kind(
        *("LoadBalancers", "LoadBalancer", BALANCERS),
        quota=refusals.QuotaOfBalancers,
        absent=refusals.BalancerNotFound,
    ),
    Kind(
        *("DBInstances", "DBInstance", DATABASES),
        quota=refusals.QuotaOfDatabases,
        absent=refusals.DatabaseNotFound,
    ),
    Kind(
        *("AlbServerGroups", "AlbServerGroup", ALB_SERVER_GROUPS),
        ("AlbServerGroupId", "Port"),
        present=refusals.AlbAlreadyAttached,
        absent=refusals.AlbNotAttached,
    ),
    Kind("ServerGroups", "ServerGroup", SERVER_GROUPS, ("ServerGroupId", "Port", "Type")),
    Kind(
        *("VServerGroups", "VServerGroup", V_SERVER_GROUPS),
        ("LoadBalancerId", "VServerGroupId", "Port"),
        quota=refusals.QuotaOfVServerGroups,
    ),
)


def actions() -> tuple[Action, ...]:
    return tuple(
        action for kind in KINDS for action in (_attach_action(kind), _detach_action(kind))
    )


def _attach_action(kind: Kind) -> Action:
    def attach(state: EssState, request: Request) -> Reply:
        group = state.group(request["ScalingGroupId"])
        check_service_role(group)
        attach_entries(state, group, kind, _entries(kind, request), request["ForceAttach"])
        return {}

    return Action(f"Attach{kind.name}", attach, _parameters(kind, "ForceAttach"), _missing(kind))


def attach_entries(
    state: EssState, group: ScalingGroup, kind: Kind, entries: list[Any], force: bool
) -> None:
    """Attaches what is not attached yet. Raises ApiError."""
    comparison_key = _comparison_key(kind)
    attached = group.balancers.get(kind.field, [])
    known, added = {comparison_key(entry) for entry in attached}, []
    for entry in entries:
        if comparison_key(entry) not in known:
            known.add(comparison_key(entry))
            added.append(entry)
    for id in balancer_ids({kind.field: added}):
        if state.balancer_statuses.get(id, ACTIVE) != ACTIVE:
            raise refusals.BalancerStatus(id)
    if kind.present and not added:
        raise kind.present()
    if kind.quota and len(known) > MAX_ATTACHED:
        raise kind.quota(group.scaling_group_id)
    group.balancers[kind.field] = [*attached, *added]
    for entry in added if kind.field != DATABASES else ():
        backends.attach(group, backends.target_of(kind.field, entry), force)


def _detach_action(kind: Kind) -> Action:
    def detach(state: EssState, request: Request) -> Reply:
        group = state.group(request["ScalingGroupId"])
        check_service_role(group)
        comparison_key = _comparison_key(kind)
        keys = {comparison_key(entry) for entry in _entries(kind, request)}
        attached = group.balancers.get(kind.field, [])
        not_attached = keys - {comparison_key(entry) for entry in attached}
        if kind.absent and not_attached:
            raise kind.absent(str(min(not_attached)))
        detached = [entry for entry in attached if comparison_key(entry) in keys]
        for entry in detached if kind.field != DATABASES else ():
            target = backends.target_of(kind.field, entry)
            backends.detach(state, group, target, request["ForceDetach"])
        group.balancers[kind.field] = [entry for entry in attached if entry not in detached]
        return {}

    return Action(f"Detach{kind.name}", detach, _parameters(kind, "ForceDetach"), _missing(kind))


def _missing(kind: Kind) -> str:
    return IDS_ONLY if kind.field == DATABASES else AT_ONCE


def _parameters(kind: Kind, force: str) -> tuple[Parameter, ...]:
    declare = records if kind.identified_by else texts
    return (
        *(GROUP, TOKEN, declare(kind.parameter, 10), boolean(force), boolean("Async")),
        *(text("Type"), records("LoadBalancerConfig", 10)),
    )


def _entries(kind: Kind, request: Request) -> list[Any]:
    """Returns what the call names. Raises ApiError."""
    configs = request["LoadBalancerConfig"]
    given = list(request[kind.parameter]) or [
        config["LoadBalancerId"] for config in configs if "LoadBalancerId" in config
    ]
    if not given:
        raise errors.MissingParameter(f"{kind.parameter}.N")
    return entries_of(kind, given)


def entries_of(kind: Kind, given: list[Any]) -> list[Any]:
    """Returns ids, or the records of a call, as a group keeps them. Raises ApiError."""
    if kind.field == V_SERVER_GROUPS:
        return v_server_groups(given)
    if kind.field == ALB_SERVER_GROUPS:
        return server_groups(kind.parameter, given, kind.identified_by)
    return server_groups(kind.parameter, given, ()) if kind.identified_by else given


def _comparison_key(kind: Kind) -> Callable[[Any], Any]:
    if not kind.identified_by:
        return lambda entry: entry
    return lambda entry: tuple(entry.get(name) for name in kind.identified_by)


ACTIONS = actions()
