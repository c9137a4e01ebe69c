"""All that the console shows, as one JSON document; and capacity over time, as far as it was watched."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.cloud import LocalCloud
from localcloud.ess.model import STABLE, ScalingGroup
from localcloud.functions.instances import Result
from localcloud.functions.registry import Function

MOST_POINTS, MOST_DECISIONS, MOST_ACTIVITIES = 400, 40, 30


@dataclass
class Watch:
    """What the console remembers."""

    cloud: LocalCloud
    events: Path | None = None  # folder of events to fire
    capacity: dict[str, deque[list[float]]] = field(default_factory=dict)  # time, total, stable, MinSize
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_DECISIONS))
    number: int = 0

    def decided(self, function: Function, result: Result) -> None:
        """An invocation is over. What a function answers with `outcomes`, or as one, is shown as decisions."""
        try:
            answer = json.loads(result.body)
        except ValueError:
            answer = None
        told = answer.get("errorMessage") if result.error and isinstance(answer, dict) else None
        if told:  # a function that raises may tell its outcomes in the message
            try:
                answer = json.loads(told)
            except ValueError:
                answer = {"status": "error", "message": str(told)[:500]}
        self.number += 1
        self.decisions.appendleft(
            {
                "number": self.number,
                "at": self.cloud.service.clock.now().isoformat(),
                "function": function.name,
                "failed": bool(result.error),
                "outcomes": _outcomes(answer),
            }
        )

    def sample(self) -> None:
        """Capacity now, where it differs from what it was; the point before keeps its place in time."""
        now = self.cloud.service.advance().timestamp()
        for group in self.cloud.service.groups.values():
            points = self.capacity.setdefault(group.scaling_group_id, deque(maxlen=MOST_POINTS))
            point = [now, group.total_capacity, group.capacity(*STABLE), group.min_size]
            if len(points) > 1 and points[-1][1:] == point[1:] == points[-2][1:]:
                points[-1] = point
            else:
                points.append(point)

    def overview(self) -> dict[str, Any]:
        service = self.cloud.service
        now = service.advance()
        return {
            "now": now.isoformat(),
            "region": service.region_id,
            "groups": [self._group(group) for group in service.groups.values()],
            "activities": [
                {
                    "id": activity.scaling_activity_id,
                    "group": activity.scaling_group_id,
                    "status": activity.status_code,
                    "description": activity.description,
                    "cause": activity.cause,
                    "source": activity.trigger_source_type,
                    "began": activity.started_at.isoformat(),
                    "ends": activity.ends_at.isoformat(),
                }
                for activity in list(reversed(service.activities.values()))[:MOST_ACTIVITIES]
            ],
            "alarms": [
                {"id": alarm.alarm_task_id, "group": alarm.scaling_group_id, "name": alarm.name, "state": alarm.state}
                for alarm in service.alarms.values()
            ],
            "decisions": list(self.decisions),
            "waiting": len(self.cloud.platform.queue.waiting) if self.cloud.platform else 0,
            "calls": sum(1 for _ in self.cloud.calls),
            "faults": dict(self.cloud.faults.happened),
        }

    def _group(self, group: ScalingGroup) -> dict[str, Any]:
        return {
            "id": group.scaling_group_id,
            "name": group.name,
            "state": group.lifecycle_state,
            "min": group.min_size,
            "max": group.max_size,
            "desired": group.desired_capacity,
            "total": group.total_capacity,
            "suspended": group.suspended_processes,
            "instances": [
                [i.instance_id, i.zone_id, i.lifecycle_state, i.health_status, _joined(i.created_at), i.instance_type]
                for i in sorted(group.instances.values(), key=lambda i: (i.zone_id, i.instance_id))
            ],
            "capacity": list(self.capacity.get(group.scaling_group_id, ())),
        }


def _joined(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _outcomes(answer: Any) -> list[Any]:
    """Of one message, of several, or in the body of an HTTP answer."""
    if isinstance(answer, dict) and isinstance(answer.get("body"), str) and "statusCode" in answer:
        try:
            return _outcomes(json.loads(answer["body"]))
        except ValueError:
            return [{"status": str(answer["statusCode"]), "message": answer["body"][:500]}]
    if isinstance(answer, dict):
        return list(answer["outcomes"]) if isinstance(answer.get("outcomes"), list) else [answer]
    return []
