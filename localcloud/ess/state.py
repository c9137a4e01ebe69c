"""The state of Auto Scaling: groups and what belongs to them, activities, tokens, messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from localcloud import errors
from localcloud.answers import Reply, request_id
from localcloud.buses.model import DEFAULT, Bus, Delivery, FunctionCall
from localcloud.clock import Clock
from localcloud.ess import messages
from localcloud.ess.bus_events import bus_event
from localcloud.ess.model import Activity, Assumptions, Instance, ScalingGroup
from localcloud.ess.resources import (
    Alarm,
    Configuration,
    Hook,
    LifecycleAction,
    Receiver,
    Rule,
    ScheduledTask,
)
from localcloud.monitor.rule import EventRule, MetricRule
from localcloud.regions import HOME_ACCOUNT
from localcloud.wire import Params

HISTORY = timedelta(days=30)
NEW_IN_EVERY_CALL = (
    *("Signature", "SignatureNonce", "Timestamp", "TimeStamp"),
    *("SecurityToken", "AccessKeyId", "Format"),
)


@dataclass
class EssState:
    """All that Auto Scaling remembers, and how an activity begins. Time passes in `Service`."""

    clock: Clock
    region_id: str
    assumptions: Assumptions
    groups: dict[str, ScalingGroup] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    # by ClientToken: when it was used, the call's parameters, the reply
    tokens: dict[str, tuple[datetime, str, Reply | None]] = field(default_factory=dict)
    configurations: dict[str, Configuration] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    lifecycle_actions: dict[str, LifecycleAction] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    scheduled_tasks: dict[str, ScheduledTask] = field(default_factory=dict)
    receivers: list[Receiver] = field(default_factory=list)
    # to receivers, newest last
    sent_messages: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=1_000))
    metric_rules: dict[str, MetricRule] = field(default_factory=dict)  # CloudMonitor's
    event_rules: dict[str, EventRule] = field(default_factory=dict)  # CloudMonitor's, by name
    buses: dict[str, Bus] = field(default_factory=dict)  # EventBridge's
    event_deliveries: list[Delivery] = field(default_factory=list)  # from them, on their way
    balancer_statuses: dict[str, str] = field(default_factory=dict)  # of an SLB; else it is active
    started_at: datetime | None = None  # metric series count from here
    account_id: str = HOME_ACCOUNT

    def __post_init__(self) -> None:
        self.started_at = self.started_at or self.clock.now()
        self._at: datetime = self.started_at  # everything has happened up to here
        # takes what is sent to a queue or topic: its ARN, the content, and whether it is plain text
        self.deliver: Callable[[str, Mapping[str, Any], bool], object] = lambda *_: None
        # writes a text to a queue or topic; returns whether there is one
        self.write: Callable[[str, str], bool] = lambda *_: False
        # invokes a function, and gives its error, or nothing, to the second argument
        self.invoke: Callable[[FunctionCall, Callable[[str], None]], None] = _no_function
        # takes the events of EventBridge's default bus: triggers listen here
        self.listen: Callable[[Mapping[str, Any]], object] = lambda _: None
        self.buses.setdefault(DEFAULT, Bus(DEFAULT, self.started_at))
        self.request_id = ""  # of the call that is being performed

    @property
    def place(self) -> tuple[str, str]:
        """Returns account and region, to which all of this belongs."""
        return self.account_id, self.region_id

    def emit(self, event: Mapping[str, Any]) -> None:
        """Takes an event for EventBridge's default bus, which `Service` has."""

    def report(self, system_event: Mapping[str, Any]) -> None:
        """Takes a system event for CloudMonitor's event rules, as `emit`."""

    def in_progress(self) -> list[Activity]:
        return [a for a in self.activities.values() if a.status_code == "InProgress"]

    def running(self, scaling_group_id: str) -> list[Activity]:
        """Returns the activities of one group that have not ended."""
        return [a for a in self.in_progress() if a.scaling_group_id == scaling_group_id]

    def group(self, scaling_group_id: str) -> ScalingGroup:
        """Returns the group. Raises ApiError where there is none."""
        try:
            return self.groups[scaling_group_id]
        except KeyError as error:
            raise errors.ScalingGroupNotFound() from error

    def group_of(self, instance_id: str) -> ScalingGroup | None:
        """Returns the group that has the instance."""
        return next((g for g in self.groups.values() if instance_id in g.instances), None)

    def is_released(self, instance_id: str) -> bool:
        """Whether an instance left a group, and its machine was released."""
        left = (g.departed.get(instance_id) for g in self.groups.values())
        return any(instance is not None and instance.ecs_status == "Released" for instance in left)

    def start_removal(
        self, group: ScalingGroup, removed: list[Instance], activity: Activity, decrease: bool
    ) -> None:
        """Begins to take instances out of the group.

        Hooks hold them first (CreateLifecycleHook: after they left the load balancer).
        """
        if decrease and group.desired_capacity is not None:
            # From desired, not from the live count (ESS guide, Expected number of instances).
            group.desired_capacity -= group.counted(removed)
            activity.decreases = True
        activity.capacities = group.capacities_by_origin()
        self._begin(activity)
        self.notify(group, "SCALE_IN_START", activity, activity.started_at)
        is_held = self.hold(group, activity, "SCALE_IN", activity.started_at)
        for instance in removed:
            instance.lifecycle_state = "Removing:Wait" if is_held else "Removing"

    def start_joining(
        self, group: ScalingGroup, joining: list[Instance], activity: Activity
    ) -> None:
        """Begins to bring instances into the group."""
        activity.capacities = group.capacities_by_origin()
        for instance in joining:
            instance.lifecycle_state = "Pending"
            instance.scaling_activity_id = activity.scaling_activity_id
            group.instances[instance.instance_id] = instance
        activity.joining_ids = [instance.instance_id for instance in joining]
        self._begin(activity)
        self.notify(group, "SCALE_OUT_START", activity, activity.started_at)

    def start_turning(
        self, group: ScalingGroup, turning: list[Instance], activity: Activity
    ) -> None:
        """Begins to give instances another state, once the activity ends."""
        activity.turning_ids = [instance.instance_id for instance in turning]
        activity.capacities = group.capacities_by_origin()
        self._begin(activity)

    def hold(self, group: ScalingGroup, activity: Activity, transition: str, now: datetime) -> bool:
        """Has the hooks of a transition hold the activity's instances; returns whether any does."""
        ids = activity.joining_ids or activity.instance_ids
        hooks = list(self._hooks_of(group, transition, activity.hook_context)) if ids else []
        for hook in hooks:
            action = LifecycleAction(
                lifecycle_action_token=str(uuid4()).upper(),
                lifecycle_hook_id=hook.lifecycle_hook_id,
                scaling_activity_id=activity.scaling_activity_id,
                instance_ids=list(ids),
                ends_at=now + timedelta(seconds=hook.heartbeat_timeout),
                default_result=hook.default_result,
                began_at=now,
            )
            self.lifecycle_actions[action.lifecycle_action_token] = action
            if hook.notification_arn:
                content = messages.hook_content(hook, group, action, activity)
                self._send(hook.notification_arn, group, content, now)
        activity.waits_for_hooks = bool(hooks)
        return activity.waits_for_hooks

    def notify(self, group: ScalingGroup, kind: str, activity: Activity, now: datetime) -> None:
        """Sends a message to the receivers of such events."""
        on_bus = bus_event(kind, self.place, group, activity, now)
        if on_bus is not None:
            self.emit(on_bus)
        event = f"AUTOSCALING:{kind}"
        content = messages.notice_content(event, group, activity)
        self.report(messages.message_body(messages.MONITOR, self.place, group, content, now))
        for receiver in self.receivers:
            in_group = receiver.scaling_group_id == group.scaling_group_id
            if in_group and event in receiver.notification_types:
                is_plain = receiver.message_encoding == "PlainText"
                self._send(receiver.notification_arn, group, content, now, is_plain)

    def send_message(self, arn: str, content: Mapping[str, Any]) -> None:
        """Sends what another service, such as Function Compute, has for a queue or topic."""
        self.sent_messages.append({"to": arn, "content": dict(content)})
        self.deliver(arn, content, False)

    def replay(self, params: Params) -> Reply | None:
        """Returns the reply that this ClientToken had, if these are its parameters.

        Raises ApiError where the parameters differ.
        """
        token = params.get("ClientToken", "")
        if token not in self.tokens:
            return None
        _, fingerprint, reply = self.tokens[token]
        if fingerprint != _fingerprint(params):
            raise errors.TOKEN_MISMATCHES[self.assumptions.mismatch_code]()
        return reply

    def remember(self, params: Params, reply: Reply | None) -> None:
        """Stores the reply to a call with a ClientToken."""
        if not params.get("ClientToken"):
            return
        while self.tokens and self._at - next(iter(self.tokens.values()))[0] > HISTORY:
            del self.tokens[next(iter(self.tokens))]
        self.tokens[params["ClientToken"]] = (self._at, _fingerprint(params), reply)

    def _begin(self, activity: Activity) -> None:
        for id, other in list(self.activities.items()):
            if activity.started_at - other.started_at > HISTORY:
                del self.activities[id]
        self.activities[activity.scaling_activity_id] = activity
        activity.request_id = self.request_id or request_id()

    def _hooks_of(
        self, group: ScalingGroup, transition: str, context: Mapping[str, Any]
    ) -> Iterator[Hook]:
        """Yields the hooks that hold instances now. `context`: LifecycleHookContext of the call."""
        if context.get("DisableLifecycleHook"):
            return
        ignored = context.get("IgnoredLifecycleHookIds") or ()
        effective = (group.scaling_group_id, transition, "Active")
        for hook in self.hooks.values():
            is_effective = (hook.scaling_group_id, hook.transition, hook.status) == effective
            if is_effective and hook.lifecycle_hook_id not in ignored:
                yield hook

    def _send(
        self,
        arn: str,
        group: ScalingGroup,
        content: Mapping[str, Any],
        now: datetime,
        is_plain: bool = False,
    ) -> None:
        body = messages.message_body(arn, self.place, group, content, now)
        fields = {"at": now.isoformat(), "to": arn, "scalingGroupId": group.scaling_group_id}
        self.sent_messages.append({**fields, "content": dict(content), "body": body})
        self.deliver(arn, body, is_plain)


def _no_function(_: FunctionCall, end: Callable[[str], None]) -> None:
    end("FunctionNotFound")


def new_id(prefix: str) -> str:
    """Returns an id as ESS makes them, such as asg-bp1...: random, 17 digits at its end."""
    return f"{prefix}-bp1{uuid4().hex[:17]}"


def _fingerprint(params: Params) -> str:
    """Returns a call's parameters as text, without those that differ in every call."""
    return repr(sorted((k, value) for k, value in params.items() if k not in NEW_IN_EVERY_CALL))
