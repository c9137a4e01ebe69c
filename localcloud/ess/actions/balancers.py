"""Load balancers, server groups and databases of a group: ids, with nothing behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
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
from localcloud.ess.state import EssState

MAX_ATTACHED = 30  # of each kind in a group
MISSING = "stored and described as ids; nothing is behind them"


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
        *("LoadBalancers", "LoadBalancer", "LoadBalancerIds"),
        quota=refusals.QuotaOfBalancers,
        absent=refusals.BalancerNotFound,
    ),
    Kind(
        *("DBInstances", "DBInstance", "DBInstanceIds"),
        quota=refusals.QuotaOfDatabases,
        absent=refusals.DatabaseNotFound,
    ),
    Kind(
        *("AlbServerGroups", "AlbServerGroup", "AlbServerGroups"),
        ("AlbServerGroupId", "Port"),
        present=refusals.AlbAlreadyAttached,
        absent=refusals.AlbNotAttached,
    ),
    Kind("ServerGroups", "ServerGroup", "ServerGroups", ("ServerGroupId", "Port", "Type")),
    Kind(
        "VServerGroups",
        "VServerGroup",
        "VServerGroups",
        ("LoadBalancerId", "VServerGroupAttribute.1.VServerGroupId"),
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
        attached = list(group.balancers.get(kind.field, ()))
        entries = _entries(kind, request)
        attached += [entry for entry in entries if entry not in attached]
        if kind.present and len(attached) == len(group.balancers.get(kind.field, ())):
            raise kind.present()
        if kind.quota and len(attached) > MAX_ATTACHED:
            raise kind.quota(group.scaling_group_id)
        group.balancers[kind.field] = attached
        return {}

    return Action(f"Attach{kind.name}", attach, _parameters(kind, "ForceAttach"), MISSING)


def _detach_action(kind: Kind) -> Action:
    def detach(state: EssState, request: Request) -> Reply:
        group = state.group(request["ScalingGroupId"])
        comparison_key = _comparison_key(kind)
        detached = [comparison_key(entry) for entry in _entries(kind, request)]
        attached = group.balancers.get(kind.field, ())
        not_attached = set(detached) - {comparison_key(entry) for entry in attached}
        if kind.absent and not_attached:
            raise kind.absent(str(min(not_attached)))
        group.balancers[kind.field] = [e for e in attached if comparison_key(e) not in detached]
        return {}

    return Action(f"Detach{kind.name}", detach, _parameters(kind, "ForceDetach"), MISSING)


def _parameters(kind: Kind, force: str) -> tuple[Parameter, ...]:
    declare = records if kind.identified_by else texts
    return (
        *(GROUP, TOKEN, declare(kind.parameter, 10), boolean(force), boolean("Async")),
        *(text("Type"), records("LoadBalancerConfig", 10)),
    )


def _entries(kind: Kind, request: Request) -> list[Any]:
    configs = request["LoadBalancerConfig"]
    entries = list(request[kind.parameter]) or [
        config["LoadBalancerId"] for config in configs if "LoadBalancerId" in config
    ]
    if not entries:
        raise errors.MissingParameter(f"{kind.parameter}.N")
    return entries


def _comparison_key(kind: Kind) -> Callable[[Any], Any]:
    if not kind.identified_by:
        return lambda entry: entry
    return lambda entry: tuple(entry.get(name) for name in kind.identified_by)


ACTIONS = actions()
