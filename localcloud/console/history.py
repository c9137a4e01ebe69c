"""What the console remembers of one cloud: capacities, decisions, invocations, the log."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localcloud.cloud import Call, LocalCloud
from localcloud.console.function_rows import label_of
from localcloud.console.log import Log, Tail
from localcloud.console.newest import Newest, text_of
from localcloud.ess.model import STABLE
from localcloud.ess.service import Service
from localcloud.faults import Fault
from localcloud.functions.instances import Result
from localcloud.functions.model import Function
from localcloud.regions import Place
from localcloud.triggers.runner import Delivery

MAX_POINTS, MAX_DECISIONS = 600, 40
MAX_INVOCATIONS, MAX_DELIVERIES = 100, 200
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
    # by place and group id: a number, and time, TotalCapacity, stable, MinSize, MaxSize, desired
    points: dict[tuple[Place, str], deque[tuple[str, Point]]] = field(default_factory=dict)
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_DECISIONS))
    invocations: Newest = field(default_factory=lambda: Newest(MAX_INVOCATIONS))
    deliveries: Newest = field(default_factory=lambda: Newest(MAX_DELIVERIES))  # of triggers
    log: Log = field(default_factory=Log)
    _calls: Tail[Call] = field(default_factory=Tail)
    _delivered: Tail[Delivery] = field(default_factory=Tail)
    _messages: dict[Place, Tail[dict[str, Any]]] = field(default_factory=dict)
    _states: dict[tuple[Place, str], str] = field(default_factory=dict)  # of alarms, held instances

    def __post_init__(self) -> None:
        self.cloud.faults.on_fault = self.record_fault
        if self.cloud.platform is not None:
            self.cloud.platform.on_invocation = self.record_invocation

    def clear(self) -> None:
        """Forgets all."""
        self.points.clear()
        self.decisions.clear()
        self.invocations.clear()
        self.deliveries.clear()
        self.log = Log()
        self._calls, self._messages, self._states = Tail(), {}, {}

    def record_invocation(self, function: Function, event: bytes, result: Result) -> None:
        """Records what a function answered: its `outcomes`, or the answer as one outcome."""
        at, outcomes = self.now().isoformat(), _outcomes(_answer(result))
        statuses = [str(one.get("status", "")) for one in outcomes if isinstance(one, dict)]
        row = {
            "at": at,
            "function": label_of(function.service, function.name),
            "qualifier": function.qualifier,
            "version": function.version_id,
            "status": ", ".join(filter(None, statuses)) or "answered",
            "error": result.error,
            "ms": round(result.seconds * 1_000, 1),
            "memory": round(result.max_memory_used_mb, 1),
            "cold": result.is_cold_start,
            "instance": result.instance_id,
            "requestId": result.request_id,
        }
        answer, log = text_of(result.body), text_of(result.output or result.log)
        number = self.invocations.add(row, {"event": text_of(event), "answer": answer, "log": log})
        decision = {
            "number": number,
            "at": at,
            "function": function.name,
            "failed": bool(result.error),
            "outcomes": outcomes,
        }
        self.decisions.appendleft(decision)
        self.log.add(
            "invocation",
            at,
            function.name,
            status=row["status"],
            code=result.error,
            ms=row["ms"],
            requestId=result.request_id,
            detail={"instance": result.instance_id, "coldStart": result.is_cold_start},
        )

    def _record_delivery(self, delivery: Delivery) -> None:
        row = {
            "at": delivery.at.isoformat(),
            "trigger": delivery.trigger,
            "type": delivery.kind,
            "function": delivery.function,
            "attempt": delivery.attempt,
            "error": delivery.error,
            "bytes": len(delivery.event),
        }
        rest = {"event": text_of(delivery.event), "answer": text_of(delivery.answer)}
        self.deliveries.add(row, rest)

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
            region=call.params.get("RegionId", ""),
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
        if self.cloud.triggers is not None:
            for delivery in self._delivered.take_new(list(self.cloud.triggers.deliveries)):
                self._record_delivery(delivery)
        for service in self.cloud.services():
            self._record_capacity(service, now)
            tail = self._messages.setdefault(service.place, Tail())
            for message in tail.take_new(service.sent_messages):
                self._record_message(service, message, now)
            self._record_states(service, now)
        services = self.cloud.services()
        present = {(service.place, id) for service in services for id in service.groups}
        for key in self.points.keys() - present:
            del self.points[key]
        return now

    def now(self) -> datetime:
        return self.cloud.service.clock.now()

    def _record_capacity(self, service: Service, now: datetime) -> None:
        """Adds a point to a group's capacities where they differ from those of the last one."""
        for id, group in service.groups.items():
            points = self.points.setdefault((service.place, id), deque(maxlen=MAX_POINTS))
            by_state = group.capacities()
            capacities = (
                by_state.total() - by_state["Stopped"],
                sum(by_state[state] for state in STABLE),
                *(group.min_size, group.max_size, group.desired_capacity),
            )
            if not points or points[-1][1][1:] != capacities:
                number = int(points[-1][0].rpartition(" ")[2]) + 1 if points else 0
                points.append((f"{id} {number}", (round(now.timestamp(), 1), *capacities)))

    def _record_message(self, service: Service, message: dict[str, Any], now: datetime) -> None:
        self.log.add(
            "message",
            str(message.get("at") or now.isoformat()),
            _subject(message.get("content")),
            who=str(message.get("to", "")),
            group=str(message.get("scalingGroupId", "")),
            region=service.region_id,
            status="sent",
            detail=message.get("content"),
        )

    def _record_states(self, service: Service, now: datetime) -> None:
        """Records how alarms and held instances changed, and what they became."""
        at, place, region = now.isoformat(), service.place, service.region_id
        for id, metric_rule in service.metric_rules.items():
            state = metric_rule.alert_state
            if self._is_new_state((place, id), state, state):
                self.log.add(
                    "alarm", at, metric_rule.rule_name, region=region, status=state, who=id
                )
        for id, alarm in service.alarms.items():
            if self._is_new_state((place, id), alarm.state, "INSUFFICIENT_DATA"):
                where = {"group": alarm.scaling_group_id, "region": region}
                self.log.add("alarm", at, alarm.name, **where, status=alarm.state, who=id)
        for token, action in service.lifecycle_actions.items():
            if self._is_new_state((place, token), action.status, ""):
                activity = service.activities.get(action.scaling_activity_id)
                hook = service.hooks.get(action.lifecycle_hook_id)
                self.log.add(
                    "hook",
                    at,
                    hook.name if hook else action.lifecycle_hook_id,
                    who=action.scaling_activity_id,
                    group=activity.scaling_group_id if activity else "",
                    region=region,
                    status=action.status,
                    code=action.result,
                    detail={"token": token, "instances": list(action.instance_ids)},
                )

    def _is_new_state(self, key: tuple[Place, str], state: str, first: str) -> bool:
        before = self._states.get(key, first)
        self._states[key] = state
        return state != before


def _subject(content: Any) -> str:
    """Returns what a message is of: an event, a hook, an alert, the end of an invocation."""
    if not isinstance(content, dict):
        return "message"
    if "ruleName" in content:
        return f"alert {content['ruleName']}"
    if isinstance(content.get("requestContext"), dict):
        return f"invocation: {content['requestContext'].get('condition')}"
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
