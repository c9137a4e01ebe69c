"""Load balancers and server groups of a group: read from calls and fleet files, and described.

A group keeps one entry for each port of a server group: a VServer group with two ports is two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud import errors

Entry = dict[str, Any]
BALANCERS, V_SERVER_GROUPS = "LoadBalancerIds", "VServerGroups"
ALB_SERVER_GROUPS, SERVER_GROUPS = "AlbServerGroups", "ServerGroups"
DEFAULT_WEIGHT = 50
ACTIVE = "active"  # the status of a load balancer that Auto Scaling acts on
INNER = re.compile(r"VServerGroupAttributes?\.([0-9]+)\.(\w+)")
BOUNDS = {"Port": (1, 65_535), "Weight": (0, 100)}


def v_server_groups(records: list[dict[str, str]]) -> list[Entry]:
    """Returns the entries of `VServerGroup.N...`. Raises ApiError."""
    entries: list[Entry] = []
    for record in records:
        if "LoadBalancerId" not in record:
            raise errors.MissingParameter("VServerGroup.N.LoadBalancerId")
        attributes: dict[str, dict[str, str]] = {}
        for name, value in record.items():
            found = INNER.fullmatch(name)
            if found:
                attributes.setdefault(found[1], {})[found[2]] = value
        given = [{"LoadBalancerId": record["LoadBalancerId"], **a} for a in attributes.values()]
        required = ("VServerGroupId", "Port")
        entries += server_groups(
            "VServerGroup.N.VServerGroupAttribute", given or [record], required
        )
    return entries


def server_groups(
    name: str, records: list[dict[str, str]], required: tuple[str, ...]
) -> list[Entry]:
    """Returns the entries of records, numbers as numbers. Raises ApiError."""
    return [_entry(name, record, required) for record in records]


def _entry(name: str, record: Mapping[str, str], required: tuple[str, ...]) -> Entry:
    for field in required:
        if not record.get(field):
            raise errors.MissingParameter(f"{name}.N.{field}")
    entry: Entry = dict(record)
    for field, (low, high) in BOUNDS.items():
        text = record.get(field, "")
        if text and not (re.fullmatch("[0-9]{1,5}", text) and low <= int(text) <= high):
            raise errors.InvalidParameter(f"{name}.N.{field}")
        if text:
            entry[field] = int(text)
    return {"Weight": DEFAULT_WEIGHT, **entry}


def described(balancers: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Returns the fields of a group's description; VServer groups under their load balancers."""
    attributes: dict[str, list[Entry]] = {}
    for entry in balancers.get(V_SERVER_GROUPS, ()):
        inner = {name: value for name, value in entry.items() if name != "LoadBalancerId"}
        attributes.setdefault(entry["LoadBalancerId"], []).append(inner)
    nested = [
        {"LoadBalancerId": id, "VServerGroupAttributes": inner} for id, inner in attributes.items()
    ]
    return {**balancers, V_SERVER_GROUPS: nested} if nested else dict(balancers)


def balancer_ids(balancers: Mapping[str, list[Any]]) -> Iterator[str]:
    """Yields the load balancers (SLB) that a group uses, also those of its VServer groups."""
    yield from balancers.get(BALANCERS, ())
    for entry in balancers.get(V_SERVER_GROUPS, ()):
        yield entry["LoadBalancerId"]


def in_fleet_file(entry: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Returns what a group of a fleet file, which the schema has checked, is attached to."""
    of_balancers = [
        {"LoadBalancerId": balancer["loadBalancerId"], **_capitals(attribute)}
        for balancer in entry.get("vServerGroups", ())
        for attribute in balancer["vServerGroupAttributes"]
    ]
    of_albs = [_capitals(group) for group in entry.get("albServerGroups", ())]
    found = {
        BALANCERS: list(entry.get("loadBalancerIds", ())),
        V_SERVER_GROUPS: of_balancers,
        ALB_SERVER_GROUPS: of_albs,
    }
    return {name: entries for name, entries in found.items() if entries}


def _capitals(entry: Mapping[str, Any]) -> Entry:
    named = {f"{name[:1].upper()}{name[1:]}": value for name, value in entry.items()}
    return {"Weight": DEFAULT_WEIGHT, **named}
