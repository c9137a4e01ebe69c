"""Load balancers, server groups and databases of a group: ids, with nothing behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.answers import Reply
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

MISSING = "stored and described as ids; nothing is behind them"


class Kind(NamedTuple):
    """What can be attached to a group."""

    name: str  # in the action's name, plural
    parameter: str
    field: str  # of a group's description
    identified_by: tuple[str, ...] = ()  # fields of a record; none: a plain id


KINDS = (
    Kind("LoadBalancers", "LoadBalancer", "LoadBalancerIds"),
    Kind("DBInstances", "DBInstance", "DBInstanceIds"),
    Kind("AlbServerGroups", "AlbServerGroup", "AlbServerGroups", ("AlbServerGroupId", "Port")),
    Kind("ServerGroups", "ServerGroup", "ServerGroups", ("ServerGroupId", "Port", "Type")),
    Kind(
        "VServerGroups",
        "VServerGroup",
        "VServerGroups",
        ("LoadBalancerId", "VServerGroupAttribute.1.VServerGroupId"),
    ),
)


def actions() -> tuple[Action, ...]:
    return tuple(
        action for kind in KINDS for action in (_attach_action(kind), _detach_action(kind))
    )


def _attach_action(kind: Kind) -> Action:
    def attach(state: EssState, request: Request) -> Reply:
        group = state.group(request["ScalingGroupId"])
        attached = group.balancers.setdefault(kind.field, [])
        attached += [entry for entry in _entries(kind, request) if entry not in attached]
        return {}

    return Action(f"Attach{kind.name}", attach, _parameters(kind, "ForceAttach"), MISSING)


def _detach_action(kind: Kind) -> Action:
    def detach(state: EssState, request: Request) -> Reply:
        group = state.group(request["ScalingGroupId"])
        comparison_key = _comparison_key(kind)
        detached = [comparison_key(entry) for entry in _entries(kind, request)]
        attached = group.balancers.get(kind.field, ())
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
