"""Scaling groups, their instances and activities, and assumptions, under ESS's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any

from localcloud.ess.members import Member, Members

PENDING = ("Pending", "Pending:Wait")
REMOVING = ("Removing", "Removing:Wait")
STABLE = ("InService", "Protected", "Standby")  # what ESS compares the desired capacity with
REMOVABLE = (*STABLE, "Stopped")  # by id: protection only stops ESS itself


@dataclass
class Instance(Member):
    """An ECS instance in a scaling group."""

    instance_id: str
    created_at: datetime  # when it joined the group
    lifecycle_state: str = "InService"
    health_status: str = "Healthy"
    zone_id: str = "cn-hangzhou-h"
    instance_type: str = "ecs.g7.large"
    creation_type: str = "AutoCreated"
    entrusted: bool = True  # of an attached instance: whether ESS may release it
    scaling_configuration_id: str = ""
    scaling_activity_id: str = ""  # of the activity that added it
    launch_template_id: str = ""
    launch_template_version: str = ""
    load_balancer_weight: int = 50
    weighted_capacity: int = 1
    in_service_at: datetime | None = None  # of a Pending one that no activity brings in
    warmup_state: str = "NoNeedWarmup"
    spot_strategy: str = ""  # of a spot instance
    metrics: dict[str, Any] = field(
        default_factory=dict
    )  # by MetricName: newest value, or a series
    metrics_age_seconds: float = 60.0
    ecs_status: str = "Running"  # what became of the machine: Running, Stopped, Released
    tags: dict[str, str] = field(default_factory=dict)  # of the machine, besides ESS's own
    private_ip_address: str = ""  # empty: one that follows from the id

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Instance:
        """Returns what the constructor does, unchecked, in a third of the time, for large fleets.

        Plain defaults are the class's: a dataclass has them there.
        """
        instance = cls.__new__(cls)
        own = vars(instance)
        own.update(values)
        for name, factory in _factories():
            own.setdefault(name, factory())
        return instance


@cache
def _factories() -> tuple[tuple[str, Callable[[], Any]], ...]:
    """Returns the fields of which each instance has a default for itself, and what makes it."""
    return tuple(
        (f.name, f.default_factory) for f in fields(Instance) if f.default_factory is not MISSING
    )


@dataclass
class ScalingGroup:
    """A scaling group and its instances."""

    scaling_group_id: str
    created_at: datetime
    min_size: int
    max_size: int
    desired_capacity: int | None = None  # None: the group has no desired capacity
    name: str = ""
    lifecycle_state: str = "Active"
    group_type: str = "ECS"
    weighted: bool = False
    scaling_policy: str = "release"
    multi_az_policy: str = "PRIORITY"
    zone_ids: list[str] = field(
        default_factory=list
    )  # where instances are created; none: where some are
    vswitch_ids: list[str] = field(default_factory=list)
    removal_policies: list[str] = field(
        default_factory=lambda: ["OldestScalingConfiguration", "OldestInstance"]
    )
    suspended_processes: list[str] = field(default_factory=list)
    health_check_type: str = "NONE"  # of a fleet file; one made by CreateScalingGroup has ECS
    default_cooldown: int = 300
    cooldown_until: datetime | None = None  # for rules that alarms run
    health_checked_at: datetime | None = None
    group_deletion_protection: bool = False
    resource_group_id: str = ""
    active_scaling_configuration_id: str = ""
    launch_template_id: str = ""
    launch_template_version: str = ""
    attributes: dict[str, Any] = field(
        default_factory=dict
    )  # described again as given, without effect
    tags: list[dict[str, Any]] = field(default_factory=list)
    # by field of the reply, such as LoadBalancerIds
    balancers: dict[str, list[Any]] = field(default_factory=dict)
    # by key of a target: members that were there when it was attached without force
    outside_backends: dict[str, list[str]] = field(default_factory=dict)
    # by key of a target, weight by id: backends that the group left behind it
    left_backends: dict[str, dict[str, int]] = field(default_factory=dict)
    load_balancer_ok: bool = True
    db_instance_not_ok: str = ""  # id of a database in a state that forbids scaling
    service_role_ok: bool = True
    modified_at: datetime | None = None
    # of activities that mail and text messages are sent about
    alert_statuses: list[str] = field(default_factory=list)
    instances: Members[Instance] = field(default_factory=Members)
    # by id: instances that were removed; ecs_status says what became of each
    departed: dict[str, Instance] = field(default_factory=dict)

    def weight(self, instance: Instance) -> int:
        return instance.weighted_capacity if self.weighted else 1

    def capacities(self) -> Counter[str]:
        """Returns the capacity by lifecycle state."""
        key = ("capacities", self.weighted)
        return self.instances.remembered(key, self._count_capacities)

    def _count_capacities(self) -> Counter[str]:
        if not self.weighted:
            return Counter([instance.lifecycle_state for instance in self.instances.values()])
        capacity_by_state: Counter[str] = Counter()
        for instance in self.instances.values():
            capacity_by_state[instance.lifecycle_state] += instance.weighted_capacity
        return capacity_by_state

    def capacity(self, *states: str) -> int:
        capacity_by_state = self.capacities()
        return sum(capacity_by_state[state] for state in states)

    @property
    def recycles(self) -> bool:
        """Whether it can hold instances stopped, in economical mode."""
        return self.scaling_policy in ("recycle", "forcerecycle")

    @property
    def total_capacity(self) -> int:
        """Returns TotalCapacity.

        Pending and Removing count (ESS manual, Scaling activity process); whether Stopped does is
        not documented.
        """
        capacity_by_state = self.capacities()
        return capacity_by_state.total() - capacity_by_state["Stopped"]

    def capacities_by_origin(self) -> dict[str, int]:
        """Returns how much was attached, and how much ESS created."""
        attached = [i for i in self.instances.values() if i.creation_type == "Attached"]
        attached_capacity = self.counted(attached)
        return {
            "AttachedCapacity": attached_capacity,
            "AutoCreatedCapacity": self.total_capacity - attached_capacity,
        }

    @property
    def spot_count(self) -> int:
        """Returns how many are spot instances."""
        members = self.instances
        return members.remembered(
            "spot", lambda: sum(1 for instance in members.values() if instance.spot_strategy)
        )

    def arrivals(self) -> tuple[tuple[Instance, datetime], ...]:
        """Returns Pending instances that no activity brings in, and when each is in service."""
        members = self.instances
        return members.remembered(
            "arrivals",
            lambda: tuple(
                (instance, instance.in_service_at)
                for instance in members.values()
                if instance.lifecycle_state in PENDING and instance.in_service_at is not None
            ),
        )

    def counted(self, instances: Iterable[Instance]) -> int:
        """Returns the instances' share of TotalCapacity."""
        return sum(self.weight(i) for i in instances if i.lifecycle_state != "Stopped")


@dataclass
class Activity:
    """A scaling activity."""

    scaling_activity_id: str
    scaling_group_id: str
    started_at: datetime
    ends_at: datetime  # of its present stage, if it does not wait for hooks
    description: str
    cause: str
    capacity_at_start: int
    instance_ids: list[str] = field(default_factory=list)  # that it removes
    joining_ids: list[str] = field(default_factory=list)  # that it brings in
    detaches: bool = False  # what it removes keeps running
    keeps_backends: bool = False  # what it removes stays behind its load balancers
    waits_for_hooks: bool = False
    recycles: bool = False
    ignored: dict[str, str] = field(default_factory=dict)  # code by instance id
    parallel: bool = True
    trigger_source_type: str = "APIs"
    trigger_source_id: str = ""
    status_code: str = "InProgress"
    status_message: str = ""
    created: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    detail: str = ""
    requested_ids: list[str] = field(default_factory=list)  # of RemoveInstances, whatever happens
    decreases: bool = False  # it lowered the desired capacity
    hook_context: dict[str, Any] = field(default_factory=dict)  # LifecycleHookContext
    forced_status: str = ""  # status at its end, by a fault or a hook
    metadata: str = ""
    cooldown: int | None = None  # of the rule that began it; none: the group's
    request_id: str = ""  # of the call that began it
    turning_ids: list[str] = field(default_factory=list)  # that only change their state
    turns_to: str = ""  # that state
    # AttachedCapacity and AutoCreatedCapacity at the start; with TotalCapacity at the end
    capacities: dict[str, int] = field(default_factory=dict)
    capacities_at_end: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Assumptions:
    """What ESS does where its documentation is silent; localcloud/README.md lists them."""

    activity_seconds: float = 60.0
    max_instance_ids: int = 20  # in one call of RemoveInstances
    max_dimensions: int = 100  # instances in one call to CloudMonitor
    remove_is_parallel: bool = True  # RemoveInstances on a group with desired capacity
    recycle_on_release_group_is_an_error: bool = False
    refused_calls_burn_their_token: bool = False
    # or IDEMPOTENCE_SIGNATURE_MISMATCH, by another page of the manual
    mismatch_code: str = "IdempotentParameterMismatch"
    # by itself, as ESS does: reconciles, checks health, runs alarm tasks and scheduled tasks
    acts: bool = False
    health_check_seconds: float = 300.0
    remove_fires_hooks: bool = True
    suspended_scale_in_code: str = "IncorrectScalingGroupStatus"  # of the refusal
