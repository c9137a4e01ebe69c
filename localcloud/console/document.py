"""All that the page shows, as rows by topic and key; and what changed between two of them.

A page gets the whole once, then only rows that changed, and nothing while nothing happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from localcloud.clock import SystemClock
from localcloud.cloud import LocalCloud
from localcloud.console import rows
from localcloud.console.history import ConsoleHistory
from localcloud.ess.service import Service

LOOK_SECONDS = 0.25
MAX_SHARE = 10  # a look may take a tenth of the time until the next one
ROWS: dict[str, Callable[[Service], rows.Rows]] = {
    "groups": rows.group_rows,
    "instances": rows.instance_rows,
    "activities": rows.activity_rows,
    "alarms": rows.alarm_rows,
    "rules": rows.rule_rows,
    "tasks": rows.task_rows,
    "hooks": rows.hook_rows,
    "held": rows.held_rows,
}
Topics = Mapping[str, Mapping[str, Any]]


@dataclass
class Document:
    """What is shown, and when it was last looked at. All pages share one."""

    history: ConsoleHistory
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
        topics = topics_of(self.history)
        if topics != self.topics:
            self.topics, self.version = topics, self.version + 1
        self._looked_at = time.monotonic()
        self.pause_seconds = max(LOOK_SECONDS, MAX_SHARE * (self._looked_at - started))
        return self.topics


def topics_of(history: ConsoleHistory) -> Topics:
    """Returns all rows by topic and key."""
    cloud = history.cloud
    points = (point for of_group in history.points.values() for point in of_group)
    return {
        "cloud": _cloud_rows(cloud),
        **{topic: _everywhere(cloud, rows_of) for topic, rows_of in ROWS.items()},
        "points": dict(points),
        "decisions": {str(one["number"]): one for one in history.decisions},
        "log": history.log.rows(),
    }


def _everywhere(cloud: LocalCloud, rows_of: Callable[[Service], rows.Rows]) -> rows.Rows:
    """Returns the rows of all accounts and regions; of two with one id, that of the home."""
    everywhere: rows.Rows = {}
    for service in cloud.services():
        everywhere = {**everywhere, **rows_of(service), **everywhere}
    return everywhere


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


def _cloud_rows(cloud: LocalCloud) -> dict[str, Any]:
    service, platform, faults, lag = cloud.service, cloud.platform, cloud.faults, cloud.lag
    return {
        "clock": _clock_row(cloud),
        "region": service.region_id,
        "activitySeconds": service.assumptions.activity_seconds,
        "acts": service.assumptions.acts,
        "waiting": len(platform.queue.waiting) if platform else 0,
        "faults": {
            "pending": [dict(vars(fault)) for fault in faults.pending if fault.times > 0],
            "rate": faults.rate,
            "kinds": list(faults.kinds),
            "lists": lag.lists,
            "history": lag.history,
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
