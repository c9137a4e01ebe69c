"""Load balancers, server groups and databases of a group: kept as ids, with nothing behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.parameters import GROUP, TOKEN, Ask, boolean, records, text, texts
from localcloud.ess.service import Service

MISSING = "kept and told as ids; nothing is behind them"


class Kind(NamedTuple):
    name: str  # in the action's name, plural
    parameter: str
    told_as: str  # of a group's description
    identified_by: tuple[str, ...] = ()  # fields of a record; none: a plain id


KINDS = (
    Kind("LoadBalancers", "LoadBalancer", "LoadBalancerIds"),
    Kind("DBInstances", "DBInstance", "DBInstanceIds"),
    Kind("AlbServerGroups", "AlbServerGroup", "AlbServerGroups", ("AlbServerGroupId", "Port")),
    Kind("ServerGroups", "ServerGroup", "ServerGroups", ("ServerGroupId", "Port", "Type")),
    Kind(
        "VServerGroups", "VServerGroup", "VServerGroups", ("LoadBalancerId", "VServerGroupAttribute.1.VServerGroupId")
    ),
)


def actions() -> tuple[Action, ...]:
    return tuple(action for kind in KINDS for action in (_attaching(kind), _detaching(kind)))


def _attaching(kind: Kind) -> Action:
    def attach(service: Service, ask: Ask) -> Reply:
        there = service.group(ask["ScalingGroupId"]).balancers.setdefault(kind.told_as, [])
        there += [entry for entry in _given(kind, ask) if entry not in there]
        return {}

    return Action(f"Attach{kind.name}", attach, _parameters(kind, "ForceAttach"), MISSING)


def _detaching(kind: Kind) -> Action:
    def detach(service: Service, ask: Ask) -> Reply:
        group = service.group(ask["ScalingGroupId"])
        same = _same(kind)
        gone = [same(entry) for entry in _given(kind, ask)]
        group.balancers[kind.told_as] = [e for e in group.balancers.get(kind.told_as, ()) if same(e) not in gone]
        return {}

    return Action(f"Detach{kind.name}", detach, _parameters(kind, "ForceDetach"), MISSING)


def _parameters(kind: Kind, force: str) -> tuple[Any, ...]:
    read = records(kind.parameter, 10) if kind.identified_by else texts(kind.parameter, 10)
    return GROUP, TOKEN, read, boolean(force), boolean("Async"), text("Type"), records("LoadBalancerConfig", 10)


def _given(kind: Kind, ask: Ask) -> list[Any]:
    given = list(ask[kind.parameter]) or [
        c["LoadBalancerId"] for c in ask["LoadBalancerConfig"] if "LoadBalancerId" in c
    ]
    if not given:
        raise errors.MissingParameter(f"{kind.parameter}.N")
    return given


def _same(kind: Kind) -> Callable[[Any], Any]:
    if not kind.identified_by:
        return lambda entry: entry
    return lambda entry: tuple(entry.get(name) for name in kind.identified_by)


ACTIONS = actions()
