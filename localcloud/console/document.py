"""All that the page shows, as rows by topic and key; and what changed between two of them.

A page gets the whole once, then only rows that changed, and nothing while nothing happens.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from localcloud.clock import SystemClock
from localcloud.cloud import LocalCloud
from localcloud.console import balancer_rows, bus_rows, function_rows, queue_rows, rows
from localcloud.console.history import ConsoleHistory
from localcloud.console.places import place_name
from localcloud.ess.service import Service
from localcloud.regions import Place

LOOK_SECONDS = 0.25
MAX_SHARE = 10  # a look may take a tenth of the time until the next one
ROWS: dict[str, Callable[[Service], rows.Rows]] = {
    "groups": rows.group_rows,
    "instances": rows.instance_rows,
    "activities": rows.activity_rows,
    "alarms": rows.alarm_rows,
    "metricRules": rows.metric_rule_rows,
    "rules": rows.rule_rows,
    "tasks": rows.task_rows,
    "hooks": rows.hook_rows,
    "held": rows.held_rows,
    "balancers": balancer_rows.balancer_rows,
    "backends": balancer_rows.backend_rows,
    "eventRules": bus_rows.event_rule_rows,
    "retries": bus_rows.retry_rows,
}
Topics = Mapping[str, Mapping[str, Any]]


@dataclass
class Document:
    """What is shown of a place, and when it was last looked at. All its pages share one."""

    history: ConsoleHistory
    place: Place | None = None  # None: all accounts and regions
    topics: Topics = field(default_factory=dict)
    version: int = 0
    pause_seconds: float = LOOK_SECONDS
    _looked_at: float = float("-inf")

    def look(self) -> Topics:
        """Returns the topics as they are now; the very same object if nothing has changed."""
        started = time.monotonic()
        if started - self._looked_at < self.pause_seconds / 2:
            return self.topics  # another page has just looked
        self.history.record()
        topics = topics_of(self.history, self.place)
        if topics != self.topics:
            self.topics, self.version = topics, self.version + 1
        self._looked_at = time.monotonic()
        self.pause_seconds = max(LOOK_SECONDS, MAX_SHARE * (self._looked_at - started))
        return self.topics


def topics_of(
    history: ConsoleHistory,
    place: Place | None = None,
) -> Topics:
    """Returns all rows by topic and key; those of Auto Scaling of one place, where one is given.

    Functions, queues and the log are those of the whole cloud.
    """
    cloud = history.cloud
    services = [one for one in cloud.services() if place in (None, one.place)]
    return {
        "cloud": _cloud_rows(cloud, place),
        "places": {place_name(one.place): _place_row(one) for one in cloud.services()},
        **{topic: _rows_of_all(services, rows_of) for topic, rows_of in ROWS.items()},
        "points": _point_rows(history, services),
        "decisions": {str(one["number"]): one for one in list(history.decisions)},
        "functions": function_rows.function_rows(cloud.platform),
        "triggers": function_rows.trigger_rows(cloud.triggers),
        "queues": queue_rows.queue_rows(cloud.queues),
        "topics": queue_rows.topic_rows(cloud.queues),
        "deliveries": history.deliveries.rows(),
        "invocations": history.invocations.rows(),
        "log": history.log.rows(),
    }


def _rows_of_all(services: list[Service], rows_of: Callable[[Service], rows.Rows]) -> rows.Rows:
    """Returns the rows of these accounts and regions; of two with one id, that of the first."""
    everywhere: rows.Rows = {}
    for service in services:
        everywhere = {**everywhere, **rows_of(service), **everywhere}
    return everywhere


def _point_rows(history: ConsoleHistory, services: list[Service]) -> rows.Rows:
    """Returns the capacities over time of each group; of two with one id, of the first."""
    shown: dict[str, Place] = {}
    for service in services:
        for id in service.groups:
            shown.setdefault(id, service.place)
    keys = [(place, id) for id, place in shown.items()]
    return dict(point for key in keys for point in history.points.get(key, ()))


def _place_row(service: Service) -> dict[str, Any]:
    account_id, region_id = service.place
    return {"account": account_id, "region": region_id, "groups": len(service.groups)}


def difference(before: Topics, after: Topics) -> tuple[Topics, dict[str, list[str]]]:
    """Returns by topic the rows that are new or changed, and the keys of removed ones."""
    changed: dict[str, dict[str, Any]] = {}
    removed: dict[str, list[str]] = {}
    for topic, present in after.items():
        former = before.get(topic, {})
        if former == present:
            continue
        nothing = object()
        fresh = {k: row for k, row in present.items() if former.get(k, nothing) != row}
        lost = [key for key in former if key not in present]
        if fresh:
            changed[topic] = fresh
        if lost:
            removed[topic] = lost
    return changed, removed


def _cloud_rows(cloud: LocalCloud, place: Place | None) -> dict[str, Any]:
    service, platform, faults, lag = cloud.service, cloud.platform, cloud.faults, cloud.lag
    return {
        "clock": _clock_row(cloud),
        "region": service.region_id,
        "home": place_name(service.place),
        "place": place_name(place) if place else "",
        "activitySeconds": service.assumptions.activity_seconds,
        "acts": service.assumptions.acts,
        "waiting": len(platform.queue.waiting) if platform else 0,
        "failed": len(platform.queue.failed) if platform else 0,
        "lost": dict(Counter(list(cloud.queues.lost))),  # how many, by the ARN of no queue
        "faults": {
            "pending": [dict(vars(fault)) for fault in faults.pending if fault.times > 0],
            "rate": faults.rate,
            "kinds": list(faults.kinds),
            "lists": lag.lists,
            "history": lag.history,
            "rateLimits": dict(cloud.rate_limits.max_by_action),
            "happened": dict(faults.occurrences),
        },
    }


def _clock_row(cloud: LocalCloud) -> dict[str, Any]:
    """Returns how far a running clock is ahead; of one that stands, its time."""
    clock = cloud.service.clock
    if not isinstance(clock, SystemClock):
        return {"runs": False, "now": clock.now().isoformat()}
    ahead = clock.now() - datetime.now(timezone.utc)
    return {"runs": True, "ahead": round(ahead.total_seconds(), 1)}
