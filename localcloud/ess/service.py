"""Auto Scaling's state over time: the only module in which anything changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import uuid4

from localcloud import errors
from localcloud.clock import Clock
from localcloud.ess.model import PENDING, Activity, Instance, Knobs, ScalingGroup
from localcloud.ess.refill import refill
from localcloud.wire import Params, Reply

HISTORY = timedelta(days=30)


@dataclass
class Service:
    """Call `advance` before reading: nothing happens in the background."""

    clock: Clock
    region_id: str
    knobs: Knobs
    groups: dict[str, ScalingGroup] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    tokens: dict[str, tuple[str, Reply | None]] = field(default_factory=dict)  # token: what was asked, what came of it

    def advance(self) -> datetime:
        """Brings everything up to the clock, and says what it shows."""
        now = self.clock.now()
        for group in self.groups.values():
            for instance in group.instances.values():
                if instance.lifecycle_state in PENDING and instance.in_service_at and instance.in_service_at <= now:
                    instance.lifecycle_state = "InService"
        for activity in self.activities.values():
            if activity.status_code == "InProgress" and activity.ends_at <= now:
                self._finish(activity)
        if self.knobs.refills:
            for group in self.groups.values():
                refill(self, group, now)
        return now

    def group(self, scaling_group_id: str) -> ScalingGroup:
        try:
            return self.groups[scaling_group_id]
        except KeyError as error:
            raise errors.ScalingGroupNotFound() from error

    def running(self, scaling_group_id: str) -> list[Activity]:
        return [
            activity
            for activity in self.activities.values()
            if activity.scaling_group_id == scaling_group_id and activity.status_code == "InProgress"
        ]

    def start_removal(self, group: ScalingGroup, removed: list[Instance], activity: Activity, decrease: bool) -> None:
        if decrease and group.desired_capacity is not None:
            # From desired, not from the live count (ESS guide, Expected number of instances).
            group.desired_capacity -= group.counted(removed)
            activity.decreases = True
        for instance in removed:
            instance.lifecycle_state = "Removing"
        self.activities[activity.scaling_activity_id] = activity

    def replay(self, params: Params) -> Reply | None:
        """The answer that this ClientToken had, if these are its parameters. Raises IdempotentParameterMismatch."""
        token = params.get("ClientToken", "")
        if token not in self.tokens:
            return None
        asked, reply = self.tokens[token]
        if asked != _asked(params):
            raise errors.IdempotentParameterMismatch()
        return reply

    def remember(self, params: Params, reply: Reply | None) -> None:
        if params.get("ClientToken"):
            self.tokens[params["ClientToken"]] = (_asked(params), reply)

    def _finish(self, activity: Activity) -> None:
        group = self.groups[activity.scaling_group_id]
        self._let_stay(activity, group)
        for instance_id in activity.instance_ids:
            instance = group.instances[instance_id]
            if instance.creation_type == "Attached" and not instance.entrusted:
                fate = "Running"  # it only leaves the group, and keeps billing
            elif activity.recycles:
                instance.lifecycle_state = fate = "Stopped"  # stays a member, in economical mode
                activity.stopped.append(instance_id)
            else:
                fate = "Released"
                activity.destroyed.append(instance_id)
            instance.ecs_status = fate
            if fate != "Stopped":
                group.left[instance_id] = group.instances.pop(instance_id)
        activity.status_code = activity.ending or ("Warning" if activity.ignored else "Successful")
        activity.detail = _detail(activity)

    def _let_stay(self, activity: Activity, group: ScalingGroup) -> None:
        """Those that cannot leave after all, where the activity is to end badly."""
        if not activity.ending:
            return
        staying = activity.instance_ids[: 1 if activity.ending == "Warning" else None]
        activity.instance_ids = [id for id in activity.instance_ids if id not in staying]
        if not activity.instance_ids and activity.ending == "Warning":
            activity.ending = "Failed"  # a Warning has at least one that left
        for id in staying:
            group.instances[id].lifecycle_state = "InService"
            activity.ignored[id] = "IncorrectInstanceStatus"
        if activity.decreases and group.desired_capacity is not None:
            group.desired_capacity += group.counted(group.instances[id] for id in staying)


def new_id(prefix: str) -> str:
    return f"{prefix}-bp1{uuid4().hex[:17]}"


def listed(instances: list[Instance]) -> list[Instance]:
    """In an order that means nothing: ESS documents none, so nobody should lean on one."""
    return sorted(instances, key=lambda instance: _mixed(instance.instance_id))


@lru_cache(maxsize=100_000)
def _mixed(instance_id: str) -> bytes:
    return hashlib.sha256(instance_id.encode()).digest()


def _asked(params: Params) -> str:
    """What a call asks, without what every call has anew."""
    changing = ("Signature", "SignatureNonce", "Timestamp", "TimeStamp", "SecurityToken", "AccessKeyId", "Format")
    return repr(sorted((name, value) for name, value in params.items() if name not in changing))


def _detail(activity: Activity) -> str:
    lines = []
    if activity.destroyed:
        lines.append(f'ECS instances "{", ".join(activity.destroyed)}" are released.')
    if activity.stopped:
        lines.append(f'ECS instances "{", ".join(activity.stopped)}" are stopped.')
    gone = set(activity.destroyed) | set(activity.stopped)
    left = [instance_id for instance_id in activity.instance_ids if instance_id not in gone]
    if left:
        lines.append(f'ECS instances "{", ".join(left)}" left the scaling group.')
    lines += [f'Ignore to remove instance "{instance_id}"({code}).' for instance_id, code in activity.ignored.items()]
    return "\n".join(lines) + "\n"
