"""What a fleet file declares of a group besides instances: hooks, rules, alarms, tags and so on.

Each entry has the parameters of the action that creates such a thing, by their names of API
2022-02-22 in lower camel case; so what the API refuses, the file may not have either."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.ess.catalogue import ACTIONS
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import NEWER, Parameter, plural, read_request
from localcloud.ess.scaling_rules import rule_ari
from localcloud.ess.service import Service
from localcloud.wire import Params


class Kind(NamedTuple):
    """One kind of thing."""

    field: str  # of a group in the fleet file
    action: str  # that creates one
    where: str = ""  # attribute of the service that has them by id; empty: they have no id
    id_field: str = ""  # of one, and in the reply
    own: tuple[str, ...] = ()  # of the fleet file alone


KINDS = (  # in this order: later ones name earlier ones
    Kind(
        "configurations",
        "CreateScalingConfiguration",
        "configurations",
        "scaling_configuration_id",
        ("active",),
    ),
    Kind("rules", "CreateScalingRule", "rules", "scaling_rule_id"),
    Kind("hooks", "CreateLifecycleHook", "hooks", "lifecycle_hook_id"),
    Kind("alarms", "CreateAlarm", "alarms", "alarm_task_id", ("rules",)),
    Kind(
        "scheduledTasks", "CreateScheduledTask", "scheduled_tasks", "scheduled_task_id", ("rule",)
    ),
    Kind("notifications", "CreateNotificationConfiguration"),
)
FIELDS = (*(kind.field for kind in KINDS), "tags")


class ResourceError(Exception):
    """An entry is wrong; the text says which and why."""


def add_resources(service: Service, group: ScalingGroup, entry: Mapping[str, Any]) -> None:
    """Adds what the group's entry declares. Raises ResourceError."""
    group.tags = [
        {"Key": key, "Value": value, "Propagate": False}
        for key, value in entry.get("tags", {}).items()
    ]
    for kind in KINDS:
        for number, declared in enumerate(entry.get(kind.field, ())):
            try:
                _add(service, group, kind, declared)
            except errors.ApiError as error:
                place = f"{group.scaling_group_id}.{kind.field}[{number}]"
                raise ResourceError(f"{place}: {error.code}: {error.message}") from error


def _add(service: Service, group: ScalingGroup, kind: Kind, declared: Mapping[str, Any]) -> None:
    """Raises ApiError, ResourceError."""
    action = ACTIONS[kind.action]
    given = {name: value for name, value in declared.items() if name not in ("id", *kind.own)}
    params = {
        "RegionId": service.region_id,
        **_params(given, action.parameters, kind),
        **_rules(service, group, declared, kind),
    }
    if kind.field != "scheduledTasks" or "ScheduledAction" not in params:
        params["ScalingGroupId"] = group.scaling_group_id
    reply = action.act(service, read_request(action.parameters, params, NEWER))
    if not kind.where:
        return
    things = getattr(service, kind.where)
    # CreateX answers with XId, as the attribute's words are joined
    id = reply["".join(word.capitalize() for word in kind.id_field.split("_"))]
    if "id" in declared:
        if declared["id"] in things:
            raise ResourceError(f"{kind.field}: {declared['id']} is in the file twice")
        thing = things.pop(id)
        id = declared["id"]
        setattr(thing, kind.id_field, id)
        things[id] = thing
    if declared.get("active"):
        things[id].lifecycle_state, things[id].used = "Active", True
        group.active_scaling_configuration_id = id


def _rules(
    service: Service, group: ScalingGroup, declared: Mapping[str, Any], kind: Kind
) -> Params:
    """Returns the parameters that name rules, which the file names by id or name."""
    if kind.field == "alarms":
        aris = [_ari(service, group, name) for name in declared.get("rules", ())]
        return {f"AlarmActions.{number}": ari for number, ari in enumerate(aris, 1)}
    if kind.field == "scheduledTasks" and "rule" in declared:
        return {"ScheduledAction": _ari(service, group, declared["rule"])}
    return {}


def _ari(service: Service, group: ScalingGroup, name: str) -> str:
    for rule in service.rules.values():
        is_own = rule.scaling_group_id == group.scaling_group_id
        if is_own and name in (rule.scaling_rule_id, rule.name):
            return rule_ari(service, rule)
    raise ResourceError(f"{group.scaling_group_id}: there is no rule {name} in the file")


def _params(given: Mapping[str, Any], declared: tuple[Parameter, ...], kind: Kind) -> Params:
    """Returns the entry as parameters of a call. Raises ResourceError for an unknown name."""
    known = {plural(p.name) if p.is_list else p.name for p in declared}
    params: Params = {}
    for name, value in given.items():
        key = _capital(name)
        if key not in known and not any(k.startswith(f"{key}.") for k in known):
            names = ", ".join(sorted(f"{k[0].lower()}{k[1:]}" for k in known))
            raise ResourceError(f"{kind.field}: {name!r} is unknown; known: {names}")
        is_text = isinstance(value, dict) and key in known
        params.update([(key, json.dumps(value))] if is_text else _flat(key, value))
    return params


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yields Name, or Name.1, Name.1.Field and Name.Field."""
    if isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _flat(f"{key}.{number}", item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(f"{key}.{_capital(name)}", item)
    else:
        yield key, str(value).lower() if isinstance(value, bool) else str(value)


def _capital(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"
