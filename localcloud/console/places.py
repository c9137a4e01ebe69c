"""Which account and region the console means: one that a person has chosen, or what has the id."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.cloud import LocalCloud
from localcloud.ess.service import Service
from localcloud.regions import Place


def place_name(place: Place) -> str:
    """Returns ACCOUNT/REGION, as the page names a place."""
    return "/".join(place)


def known_place(cloud: LocalCloud, name: str) -> Place | None:
    """Returns the place of that name; None where this cloud has none: all places are meant."""
    services = cloud.services()
    return next((one.place for one in services if place_name(one.place) == name), None)


def service_of(cloud: LocalCloud, params: Mapping[str, str], name: str = "") -> Service:
    """Returns the Auto Scaling that a call is for: of the place of that name, or of `RegionId`.

    Without either, of the account and region that has what the parameters name; else the home.
    Raises ApiError for a region that does not exist.
    """
    home = cloud.service
    place = known_place(cloud, name)
    if "RegionId" in params:
        return cloud.service_at((place or home.place)[0], params["RegionId"])
    if place is not None:
        return cloud.service_at(*place)
    values = set(params.values())
    ids = values | {value.rpartition("/")[2] for value in values}  # of a rule's ARI too

    def has_any(service: Service) -> bool:
        parts: list[Mapping[str, object]] = [service.groups, service.alarms, service.hooks]
        parts += [service.rules, service.scheduled_tasks, service.lifecycle_actions]
        parts += [service.metric_rules, service.event_rules]
        parts += [group.instances for group in service.groups.values()]
        return any(id in part for part in parts for id in ids)

    return next(filter(has_any, cloud.services()), home)
