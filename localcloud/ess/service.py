"""Auto Scaling's state over time: groups, what belongs to them, and activities from stage to stage."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

from localcloud import errors
from localcloud.answers import Reply
from localcloud.clock import Clock
from localcloud.ess import living, stages
from localcloud.ess.model import PENDING, Activity, Instance, Knobs, ScalingGroup
from localcloud.ess.resources import (
    Alarm,
    Configuration,
    Hook,
    LifecycleAction,
    Receiver,
    Rule,
    ScheduledTask,
)
from localcloud.wire import Params

HISTORY = timedelta(days=30)


@dataclass
class Service:
    """Call `advance` before reading: nothing happens in the background."""

    clock: Clock
    region_id: str
    knobs: Knobs
    groups: dict[str, ScalingGroup] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    # by token: when, what was asked, what came of it
    tokens: dict[str, tuple[datetime, str, Reply | None]] = field(default_factory=dict)
    configurations: dict[str, Configuration] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    lifecycle_actions: dict[str, LifecycleAction] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    scheduled_tasks: dict[str, ScheduledTask] = field(default_factory=dict)
    receivers: list[Receiver] = field(default_factory=list)
    sent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=1_000))  # to receivers, newest last
    began_at: datetime | None = None  # metric series count from here

    def __post_init__(self) -> None:
        self.began_at = self.began_at or self.clock.now()
        self._at: datetime = self.began_at  # everything is brought up to here
        self.observe: Callable[[datetime], object] | None = None  # called after each thing that happens by itself

    def advance(self) -> datetime:
        """Brings everything up to the clock, one thing after the other as they fall due, and says what it shows."""
        now = self.clock.now()
        while (moment := self._next()) is not None and moment <= now:
            self._at = max(self._at, moment)
            self._happen(self._at)
        self._at = now
        living.control_all(self, now)
        return now

    def _next(self) -> datetime | None:
        moments = [stages.due(self, activity) for activity in self.in_progress()]
        moments += [
            i.in_service_at
            for group in self.groups.values()
            for i in group.instances.values()
            if i.in_service_at is not None and i.lifecycle_state in PENDING
        ]
        if self.knobs.acts:
            moments += living.moments(self)
        return min(moments, default=None)

    def _happen(self, now: datetime) -> None:
        for group in self.groups.values():
            for instance in group.instances.values():
                if instance.lifecycle_state in PENDING and instance.in_service_at and instance.in_service_at <= now:
                    instance.lifecycle_state, instance.in_service_at = "InService", None
        for activity in self.in_progress():
            if stages.due(self, activity) <= now:
                stages.go_on(self, activity, now)
        living.happen(self, now)
        if self.observe is not None:
            self.observe(now)

    def in_progress(self) -> list[Activity]:
        return [activity for activity in self.activities.values() if activity.status_code == "InProgress"]

    def running(self, scaling_group_id: str) -> list[Activity]:
        return [activity for activity in self.in_progress() if activity.scaling_group_id == scaling_group_id]

    def group(self, scaling_group_id: str) -> ScalingGroup:
        try:
            return self.groups[scaling_group_id]
        except KeyError as error:
            raise errors.ScalingGroupNotFound() from error

    def group_of(self, instance_id: str) -> ScalingGroup | None:
        return next((group for group in self.groups.values() if instance_id in group.instances), None)

    def begin(self, activity: Activity) -> Activity:
        old = [id for id, a in self.activities.items() if activity.started_at - a.started_at > HISTORY]
        for id in old:
            del self.activities[id]
        self.activities[activity.scaling_activity_id] = activity
        return activity

    def start_removal(self, group: ScalingGroup, removed: list[Instance], activity: Activity, decrease: bool) -> None:
        if decrease and group.desired_capacity is not None:
            # From desired, not from the live count (ESS guide, Expected number of instances).
            group.desired_capacity -= group.counted(removed)
            activity.decreases = True
        stages.start_leaving(self, group, removed, self.begin(activity))

    def hooks_of(self, scaling_group_id: str, transition: str, context: Mapping[str, Any]) -> list[Hook]:
        """That hold instances now. `context`: LifecycleHookContext of the call."""
        if context.get("DisableLifecycleHook"):
            return []
        ignored = context.get("IgnoredLifecycleHookIds") or ()
        return [
            hook
            for hook in self.hooks.values()
            if (hook.scaling_group_id, hook.transition, hook.status) == (scaling_group_id, transition, "Active")
            and hook.lifecycle_hook_id not in ignored
        ]

    def notify(self, group: ScalingGroup, kind: str, activity: Activity, now: datetime) -> None:
        """Whoever receives such notifications; what the message looks like is not published."""
        for receiver in self.receivers:
            if (
                receiver.scaling_group_id == group.scaling_group_id
                and f"AUTOSCALING:{kind}" in receiver.notification_types
            ):
                content = {"event": f"AUTOSCALING:{kind}", "scalingActivityId": activity.scaling_activity_id}
                self.send(receiver.notification_arn, group, content, now)

    def send(self, arn: str, group: ScalingGroup, content: Mapping[str, Any], now: datetime) -> None:
        self.sent.append(
            {"at": now.isoformat(), "to": arn, "scalingGroupId": group.scaling_group_id, "content": dict(content)}
        )

    def replay(self, params: Params) -> Reply | None:
        """The answer that this ClientToken had, if these are its parameters. Raises IdempotentParameterMismatch."""
        token = params.get("ClientToken", "")
        if token not in self.tokens:
            return None
        _, asked, reply = self.tokens[token]
        if asked != _asked(params):
            raise errors.MISMATCHES[self.knobs.mismatch]()
        return reply

    def remember(self, params: Params, reply: Reply | None) -> None:
        if not params.get("ClientToken"):
            return
        while self.tokens and self._at - next(iter(self.tokens.values()))[0] > HISTORY:
            del self.tokens[next(iter(self.tokens))]
        self.tokens[params["ClientToken"]] = (self._at, _asked(params), reply)


def new_id(prefix: str) -> str:
    return f"{prefix}-bp1{uuid4().hex[:17]}"


def listed(instances: Iterable[Instance]) -> list[Instance]:
    """In an order that means nothing: ESS documents none, so nobody should lean on one."""
    return sorted(instances, key=lambda instance: _mixed(instance.instance_id))


@lru_cache(maxsize=100_000)
def _mixed(instance_id: str) -> bytes:
    return hashlib.sha256(instance_id.encode()).digest()


def _asked(params: Params) -> str:
    """What a call asks, without what every call has anew."""
    changing = ("Signature", "SignatureNonce", "Timestamp", "TimeStamp", "SecurityToken", "AccessKeyId", "Format")
    return repr(sorted((name, value) for name, value in params.items() if name not in changing))
