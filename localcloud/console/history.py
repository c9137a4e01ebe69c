"""What the console shows, as one JSON document: decisions, and capacity over time, are recorded."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localcloud.cloud import LocalCloud
from localcloud.ess.model import STABLE, Activity, Instance, ScalingGroup
from localcloud.functions.instances import Result
from localcloud.functions.model import Function

MAX_POINTS, MAX_DECISIONS, MAX_ACTIVITIES = 400, 40, 30
MAX_MESSAGE_CHARACTERS = 500


@dataclass
class ConsoleHistory:
    """What the console remembers of one cloud."""

    cloud: LocalCloud
    # by group id: time, TotalCapacity, stable capacity, MinSize
    capacity: dict[str, deque[list[float]]] = field(default_factory=dict)
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_DECISIONS))
    number: int = 0

    def record_invocation(self, function: Function, result: Result) -> None:
        """Records what a function answered: its `outcomes`, or the answer as one outcome."""
        self.number += 1
        self.decisions.appendleft(
            {
                "number": self.number,
                "at": self.cloud.service.clock.now().isoformat(),
                "function": function.name,
                "failed": bool(result.error),
                "outcomes": _outcomes(_answer(result)),
            }
        )

    def clear(self) -> None:
        """Forgets all."""
        self.capacity.clear()
        self.decisions.clear()

    def record_capacity(self) -> None:
        """Records the capacities of now; of a row of equal points the first and the last remain."""
        now = self.cloud.service.advance().timestamp()
        for group in self.cloud.service.groups.values():
            points = self.capacity.setdefault(group.scaling_group_id, deque(maxlen=MAX_POINTS))
            point = [now, group.total_capacity, group.capacity(*STABLE), group.min_size]
            if len(points) > 1 and points[-1][1:] == point[1:] == points[-2][1:]:
                points[-1] = point
            else:
                points.append(point)

    def overview(self) -> dict[str, Any]:
        """Returns everything that the console shows, ready for JSON."""
        service, platform = self.cloud.service, self.cloud.platform
        now = service.advance()
        newest_first = list(reversed(service.activities.values()))
        return {
            "now": now.isoformat(),
            "region": service.region_id,
            "groups": [self._group(group) for group in service.groups.values()],
            "activities": [_activity(activity) for activity in newest_first[:MAX_ACTIVITIES]],
            "alarms": [
                {
                    "id": alarm.alarm_task_id,
                    "group": alarm.scaling_group_id,
                    "name": alarm.name,
                    "state": alarm.state,
                }
                for alarm in service.alarms.values()
            ],
            "decisions": list(self.decisions),
            "waiting": len(platform.queue.waiting) if platform else 0,
            "calls": len(self.cloud.calls),
            "faults": dict(self.cloud.faults.occurrences),
        }

    def _group(self, group: ScalingGroup) -> dict[str, Any]:
        instances = sorted(group.instances.values(), key=lambda i: (i.zone_id, i.instance_id))
        return {
            "id": group.scaling_group_id,
            "name": group.name,
            "state": group.lifecycle_state,
            "min": group.min_size,
            "max": group.max_size,
            "desired": group.desired_capacity,
            "total": group.total_capacity,
            "suspended": group.suspended_processes,
            "instances": [_instance_row(instance) for instance in instances],
            "capacity": list(self.capacity.get(group.scaling_group_id, ())),
        }


def _instance_row(instance: Instance) -> list[str]:
    return [
        instance.instance_id,
        instance.zone_id,
        instance.lifecycle_state,
        instance.health_status,
        _minute(instance.created_at),
        instance.instance_type,
    ]


def _activity(activity: Activity) -> dict[str, Any]:
    return {
        "id": activity.scaling_activity_id,
        "group": activity.scaling_group_id,
        "status": activity.status_code,
        "description": activity.description,
        "cause": activity.cause,
        "source": activity.trigger_source_type,
        "began": activity.started_at.isoformat(),
        "ends": activity.ends_at.isoformat(),
    }


def _minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")


def _answer(result: Result) -> Any:
    """Returns what a function answered; of one that raised, what its error message has."""
    answer = _json_or_none(result.body)
    if not result.error or not isinstance(answer, dict) or not answer.get("errorMessage"):
        return answer
    message = str(answer["errorMessage"])
    in_message = _json_or_none(message)
    if in_message is not None:
        return in_message
    return {"status": "error", "message": message[:MAX_MESSAGE_CHARACTERS]}


def _outcomes(answer: Any) -> list[Any]:
    """Returns the outcomes of one message, of several, or in the body of an HTTP answer."""
    if not isinstance(answer, dict):
        return []
    if isinstance(answer.get("body"), str) and "statusCode" in answer:
        body = _json_or_none(answer["body"])
        if body is None:
            message = answer["body"][:MAX_MESSAGE_CHARACTERS]
            return [{"status": str(answer["statusCode"]), "message": message}]
        return _outcomes(body)
    return list(answer["outcomes"]) if isinstance(answer.get("outcomes"), list) else [answer]


def _json_or_none(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
