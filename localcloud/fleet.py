"""Reads the fleet file (fleet.schema.json) that a local cloud starts from, and saves one."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.authenticator import Authenticator
from localcloud.clock import Clock
from localcloud.ess.balancer_entries import in_fleet_file
from localcloud.ess.members import Members
from localcloud.ess.model import Activity, Assumptions, Instance, ScalingGroup
from localcloud.ess.service import Service
from localcloud.ess.state import new_id
from localcloud.faults import Faults
from localcloud.fleet_check import violation
from localcloud.fleet_resources import FIELDS, ResourceError, add_resources
from localcloud.identities import Identities, role_of
from localcloud.ram import PolicyError, RolePolicy, statements_of
from localcloud.rate_limits import RateLimits
from localcloud.regions import HOME_ACCOUNT, HOME_REGION, Place
from localcloud.state import restore, saved

ATTACHED = ("loadBalancerIds", "vServerGroups", "albServerGroups")
SCHEMA = Path(__file__).with_name("fleet.schema.json")


class FleetError(Exception):
    """The fleet file is wrong; the text says where and why."""


def read_fleet(path: Path, clock: Clock, assumptions: Assumptions) -> Service:
    """Returns a service as the file describes it. Raises FleetError."""
    return service_of(read_document(path), clock, assumptions)


def read_document(path: Path) -> dict[str, Any]:
    """Returns the file's JSON object, unchecked. Raises FleetError."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise FleetError(f"{path}: not JSON: {error}") from error


def service_of(document: Mapping[str, Any], clock: Clock, assumptions: Assumptions) -> Service:
    """Returns a service as the document describes it. Raises FleetError."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    if wrong := violation(document, schema):
        raise FleetError(wrong)
    if "activitySeconds" in document:
        assumptions = replace(assumptions, activity_seconds=document["activitySeconds"])
    service = Service(
        clock,
        document.get("regionId", HOME_REGION),
        assumptions,
        account_id=document.get("accountId", HOME_ACCOUNT),
    )
    _fill(service, document)
    return service


def services_elsewhere(document: Mapping[str, Any], home: Service) -> dict[Place, Service]:
    """Returns the services of the document's other regions and accounts. Raises FleetError.

    `home` is what `service_of` returned for the document, which has checked it.
    """
    services: dict[Place, Service] = {}
    for entry in document.get("regions", ()):
        service = Service(
            home.clock,
            entry.get("regionId", home.region_id),
            home.assumptions,
            account_id=entry.get("accountId", home.account_id),
        )
        if service.place in (home.place, *services):
            raise FleetError(f"region {service.region_id} is in the file twice for one account")
        _fill(service, entry)
        services[service.place] = service
    return services


def add_keys(document: Mapping[str, Any], authenticator: Authenticator) -> None:
    """Adds the keys of the document's other accounts, and its roles. Raises FleetError.

    A key without a secret has the own one's.
    """
    for entry in document.get("accounts", ()):
        secret = entry.get("accessKeySecret") or authenticator.access_key_secret
        authenticator.add_key(entry["accessKeyId"], secret, entry["accountId"])
    _add_rights(document, authenticator.identities)


def _add_rights(document: Mapping[str, Any], identities: Identities) -> None:
    """Raises FleetError."""
    account_id = document.get("accountId", HOME_ACCOUNT)
    region_id = document.get("regionId", HOME_REGION)
    try:
        for entry in document.get("accounts", ()):
            policies = entry.get("policies")
            if policies is not None:
                statements = [s for policy in policies for s in statements_of(policy)]
                policy = RolePolicy(statements, entry["accountId"], region_id)
                identities.policies[entry["accessKeyId"]] = (policy,)
        for entry in document.get("roles", ()):
            role = role_of(entry, account_id, region_id)
            identities.roles[role.arn.lower()] = role
    except PolicyError as error:
        raise FleetError(f"a RAM policy is wrong: {error}") from error


def _fill(service: Service, document: Mapping[str, Any]) -> None:
    if "saved" in document:
        try:
            restore(service, document["saved"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FleetError(f"the saved state cannot be read: {error}") from error
    for entry in document.get("loadBalancers", ()):
        service.balancer_statuses[entry["loadBalancerId"]] = entry["loadBalancerStatus"]
    _add_groups(service, document.get("groups", ()))
    _add_activities(service, document.get("activities", ()))


def add_faults(document: Mapping[str, Any], faults: Faults) -> None:
    """Adds the faults that the document has. Raises ValueError for an unknown action."""
    for entry in document.get("faults", ()):
        if "rate" in entry:
            faults.set_random(
                entry["rate"], [entry["kind"]], entry.get("seed", 0), entry.get("action", "*")
            )
        else:
            faults.add(
                entry["kind"],
                entry.get("action", "*"),
                entry.get("times", 1),
                entry.get("seconds", 0.0),
            )


def saved_document(home: Service, elsewhere: Iterable[Service] = ()) -> dict[str, Any]:
    """Returns a fleet file's document from which another cloud continues; it has no keys."""
    return {
        "description": "Saved by the local cloud.",
        "activitySeconds": home.assumptions.activity_seconds,
        **_saved_place(home),
        "regions": [_saved_place(service) for service in elsewhere],
    }


def _saved_place(service: Service) -> dict[str, Any]:
    account_id, region_id = service.place
    return {"accountId": account_id, "regionId": region_id, "saved": saved(service)}


def add_rate_limits(document: Mapping[str, Any], limits: RateLimits) -> None:
    """Sets the limits that the document has. Raises ValueError for an unknown action."""
    for action, calls in document.get("rateLimits", {}).items():
        limits.set(action, calls)


def save_fleet(service: Service, path: Path, elsewhere: Iterable[Service] = ()) -> None:
    """Saves a fleet file from which another cloud continues. Raises OSError."""
    write_whole(path, json.dumps(saved_document(service, elsewhere)))


def write_whole(path: Path, text: str) -> None:
    """Writes the whole file, or leaves it as it was. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _add_groups(service: Service, entries: Sequence[Mapping[str, Any]]) -> None:
    now = service.clock.now()
    with _paused_collector():
        for entry in entries:
            group = _group(entry, now)
            id = group.scaling_group_id
            if id in service.groups:
                raise FleetError(f"scaling group {id} is in the file twice")
            service.groups[id] = group
            try:
                add_resources(service, group, entry)
            except ResourceError as error:
                raise FleetError(str(error)) from error


@contextmanager
def _paused_collector() -> Iterator[None]:
    """Pauses the garbage collector, which would look at all instances again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _add_activities(service: Service, entries: Sequence[Mapping[str, Any]]) -> None:
    """Adds activities, in the order in which they ended; those in progress last."""
    now = service.clock.now()
    for entry in sorted(entries, key=lambda activity: -activity.get("endedSecondsAgo", 0)):
        if entry["scalingGroupId"] not in service.groups:
            group_id = entry["scalingGroupId"]
            raise FleetError(f"an activity names scaling group {group_id}, which the file lacks")
        activity = _activity(entry, now)
        service.activities[activity.scaling_activity_id] = activity


def _group(entry: Mapping[str, Any], now: datetime) -> ScalingGroup:
    special = ("instances", "multiAZPolicy", *ATTACHED, *FIELDS)
    fields = {_snake(name): value for name, value in entry.items() if name not in special}
    members: dict[str, Instance] = {}
    for member in entry["instances"]:
        instance = _instance(member, now)
        if instance.instance_id in members:
            raise FleetError(f"instance {instance.instance_id} is in its group twice")
        members[instance.instance_id] = instance
    return ScalingGroup(
        created_at=now,
        multi_az_policy=entry.get("multiAZPolicy", "PRIORITY"),
        instances=Members(members),
        balancers=in_fleet_file(entry),
        **fields,
    )


def _instance(entry: Mapping[str, Any], now: datetime) -> Instance:
    later = ("createdTime", "inServiceAfterSeconds")
    fields = {_snake(name): value for name, value in entry.items() if name not in later}
    joined = _time(entry["createdTime"]) if "createdTime" in entry else now
    instance = Instance.of({"created_at": joined, **fields})
    if "inServiceAfterSeconds" in entry:
        instance.in_service_at = now + timedelta(seconds=entry["inServiceAfterSeconds"])
    return instance


def _activity(entry: Mapping[str, Any], now: datetime) -> Activity:
    """Returns an activity in progress, or one that ended so many seconds ago."""
    over = "endedSecondsAgo" in entry
    ended = now - timedelta(seconds=entry.get("endedSecondsAgo", 0))
    return Activity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=entry["scalingGroupId"],
        started_at=ended - timedelta(seconds=entry["seconds"]) if over else now,
        ends_at=ended if over else now + timedelta(seconds=entry["seconds"]),
        description="In the fleet file",
        cause="The fleet file says so.",
        capacity_at_start=0,
        parallel=entry.get("parallel", True),
        trigger_source_type="Cms" if entry.get("parallel") is False else "APIs",
        status_code=entry.get("statusCode", "Successful") if over else "InProgress",
        created=[new_id("i") for _ in range(entry.get("created", 0))],
        destroyed=[new_id("i") for _ in range(entry.get("destroyed", 0))],
    )


def _time(text: str) -> datetime:
    """Returns the time, of which the schema has checked the form."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)


@cache
def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
