"""What the console remembers of one cloud: capacity over time, decisions, and the log."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localcloud.cloud import Call, LocalCloud
from localcloud.console.log import Log, Tail
from localcloud.ess.model import STABLE
from localcloud.ess.service import Service
from localcloud.faults import Fault
from localcloud.functions.instances import Result
from localcloud.functions.model import Function

MAX_POINTS, MAX_DECISIONS = 600, 40
MAX_MESSAGE_CHARACTERS = 500
UNSHOWN = frozenset(  # of a call: what signs it
    (
        *("Signature", "SignatureNonce", "SignatureMethod", "SignatureVersion", "SignatureType"),
        *("AccessKeyId", "SecurityToken", "Timestamp", "TimeStamp", "Action", "Version", "Format"),
    )
)
Point = tuple[float, int, int, int, int, int | None]


@dataclass
class ConsoleHistory:
    """What the console remembers of one cloud. Call `record` now and then."""

    cloud: LocalCloud
    # by group id: a number, and time, TotalCapacity, stable, MinSize, MaxSize, desired capacity
    points: dict[str, deque[tuple[str, Point]]] = field(default_factory=dict)
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_DECISIONS))
    log: Log = field(default_factory=Log)
    number: int = 0
    _calls: Tail[Call] = field(default_factory=Tail)
    # by account and region
    _messages: dict[tuple[str, str], Tail[dict[str, Any]]] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)  # of alarms and held instances

    def __post_init__(self) -> None:
        self.cloud.faults.on_fault = self.record_fault

    def clear(self) -> None:
        """Forgets all."""
        self.points.clear()
        self.decisions.clear()
        self.log = Log()
        self._calls, self._messages, self._states = Tail(), {}, {}

    def record_invocation(self, function: Function, result: Result) -> None:
        """Records what a function answered: its `outcomes`, or the answer as one outcome."""
        self.number += 1
        outcomes = _outcomes(_answer(result))
        decision = {
            "number": self.number,
            "at": self.now().isoformat(),
            "function": function.name,
            "failed": bool(result.error),
            "outcomes": outcomes,
        }
        self.decisions.appendleft(decision)
        statuses = [str(one.get("status", "")) for one in outcomes if isinstance(one, dict)]
        self.log.add(
            "invocation",
            self.now().isoformat(),
            function.name,
            status=", ".join(filter(None, statuses)) or "answered",
            code=result.error,
            ms=round(result.seconds * 1_000, 1),
            detail={"instance": result.instance_id, "coldStart": result.is_cold_start},
        )

    def record_fault(self, fault: Fault, action: str) -> None:
        """Records that a call met a fault."""
        at = self.now().isoformat()
        self.log.add("fault", at, fault.kind, who=action, status="injected")

    def record_call(self, call: Call) -> None:
        """Records a call of the API."""
        params = {name: value for name, value in call.params.items() if name not in UNSHOWN}
        self.log.add(
            "call",
            (call.at or self.now()).isoformat(),
            call.action or "(none)",
            who=call.caller,
            group=call.params.get("ScalingGroupId", ""),
            status=call.status,
            code=call.code,
            ms=round(call.milliseconds, 2),
            requestId=call.request_id,
            detail=params,
        )

    def record(self) -> datetime:
        """Brings the cloud up to its clock, and records what has changed. Returns its time."""
        now = self.cloud.advance()
        for call in self._calls.take_new(self.cloud.calls):
            self.record_call(call)
        for service in self.cloud.services():
            self._record_capacity(service, now)
            tail = self._messages.setdefault(service.place, Tail())
            for message in tail.take_new(service.sent_messages):
                self._record_message(message, now)
            self._record_states(service, now)
        present = {id for service in self.cloud.services() for id in service.groups}
        for id in self.points.keys() - present:
            del self.points[id]
        return now

    def now(self) -> datetime:
        return self.cloud.service.clock.now()

    def _record_capacity(self, service: Service, now: datetime) -> None:
        """Adds a point to a group's capacities where they differ from those of the last one."""
        for id, group in service.groups.items():
            points = self.points.setdefault(id, deque(maxlen=MAX_POINTS))
            by_state = group.capacities()
            capacities = (
                by_state.total() - by_state["Stopped"],
                sum(by_state[state] for state in STABLE),
                *(group.min_size, group.max_size, group.desired_capacity),
            )
            if not points or points[-1][1][1:] != capacities:
                number = int(points[-1][0].rpartition(" ")[2]) + 1 if points else 0
                points.append((f"{id} {number}", (round(now.timestamp(), 1), *capacities)))

    def _record_message(self, message: dict[str, Any], now: datetime) -> None:
        self.log.add(
            "message",
            str(message.get("at") or now.isoformat()),
            _subject(message.get("content")),
            who=str(message.get("to", "")),
            group=str(message.get("scalingGroupId", "")),
            status="sent",
            detail=message.get("content"),
        )

    def _record_states(self, service: Service, now: datetime) -> None:
        """Records how alarms and held instances changed, and what they became."""
        at = now.isoformat()
        for id, metric_rule in service.metric_rules.items():
            if self._is_new_state(id, metric_rule.alert_state, metric_rule.alert_state):
                name, state = metric_rule.rule_name, metric_rule.alert_state
                self.log.add("alarm", at, name, status=state, who=id)
        for id, alarm in service.alarms.items():
            if self._is_new_state(id, alarm.state, "INSUFFICIENT_DATA"):
                group = alarm.scaling_group_id
                self.log.add("alarm", at, alarm.name, group=group, status=alarm.state, who=id)
        for token, action in service.lifecycle_actions.items():
            if self._is_new_state(token, action.status, ""):
                activity = service.activities.get(action.scaling_activity_id)
                hook = service.hooks.get(action.lifecycle_hook_id)
                self.log.add(
                    "hook",
                    at,
                    hook.name if hook else action.lifecycle_hook_id,
                    who=action.scaling_activity_id,
                    group=activity.scaling_group_id if activity else "",
                    status=action.status,
                    code=action.result,
                    detail={"token": token, "instances": list(action.instance_ids)},
                )

    def _is_new_state(self, id: str, state: str, first: str) -> bool:
        before = self._states.get(id, first)
        self._states[id] = state
        return state != before


def _subject(content: Any) -> str:
    if not isinstance(content, dict):
        return "message"
    return str(content.get("event") or content.get("lifecycleHookName") or "message")


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
