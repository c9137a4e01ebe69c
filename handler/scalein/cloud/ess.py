"""The only module that knows the ESS SDK: snapshot(), remove(). API 2014-08-28."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, TypeVar, cast

from scalein.clock import Deadline
from scalein.cloud.gateway import GROUP_ONLY, Removal
from scalein.cloud.replies import (
    MAX_ACTIVITIES,
    PAGE_SIZE,
    Inconsistent,
    Reply,
    activities_of,
    activity_id_of,
    group_of,
    groups_of_members,
    known_activities_of,
    members_of,
    page_count,
    snapshot_of,
    total_of,
)
from scalein.cloud.sdk import Answered, Sdk, pool
from scalein.cold_start import cheap_imports
from scalein.decision.model import (
    MAX_INSTANCES_PER_CALL,
    Activity,
    Metric,
    ReadScope,
    Sample,
    Snapshot,
)
from scalein.errors import (
    ConfigurationError,
    GatewayError,
    OutcomeUnknown,
    Refused,
    Transient,
    TryLater,
)
from scalein.settings import Settings
from scalein.timing import CallTimer

with cheap_imports():
    from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import (
        DescribeScalingActivitiesRequest,
    )
    from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import (
        DescribeScalingGroupsRequest,
    )
    from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
        DescribeScalingInstancesRequest,
    )
    from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

HISTORY_PAGE_SIZE = 50  # the most that ESS gives
MAX_HISTORY_PAGES = 20
MAX_ACTIVITY_IDS = 20  # ScalingActivityId.1..20
MAX_ACTIVITY_DURATION = timedelta(hours=6)  # as long as a lifecycle hook may hold one

Samples = dict[str, Sample]
Read = TypeVar("Read")


class EssGateway:
    """ESS within the time of one invocation."""

    def __init__(
        self, settings: Settings, deadline: Deadline, tally: CallTimer | None = None
    ) -> None:
        self._sdk = Sdk(settings, deadline, tally or CallTimer(deadline.clock))
        self._settings = settings
        self._deadline = deadline

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        """The group, all of its instances and what else is needed, read at the same time.

        Raises Refused for a group that is not there.
        """
        return _consistent(
            "DescribeScalingInstances", lambda: self._read(scaling_group_id, read_scope)
        )

    def remove(self, removal: Removal) -> str:
        """One RemoveInstances call, repeated with the very same parameters where no answer comes: same ClientToken."""
        unanswered: Transient | None = None
        attempt = 0
        while True:
            try:
                return _activity_id(self._call(_remove_request(removal)).reply)
            except Transient as error:
                unanswered = error if error.may_have_happened else unanswered
                if self._sdk.pause(attempt):
                    attempt += 1
                    continue
                if unanswered:
                    raise _unknown(unanswered) from error
                raise
            except (GatewayError, ConfigurationError) as error:
                if unanswered:  # this refusal may be the echo of our own success
                    raise _unknown(unanswered) from error
                raise

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        """As far as ESS still knows them: it forgets after 30 days."""
        return _consistent("DescribeScalingActivities", lambda: self._activities(activity_ids))

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """Every activity of the group that ran at any time since then, newest first."""
        return _consistent(
            "DescribeScalingActivities", lambda: self._history(scaling_group_id, since)
        )

    def _activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        found: list[Activity] = []
        for start in range(0, len(activity_ids), MAX_ACTIVITY_IDS):
            ids = activity_ids[start : start + MAX_ACTIVITY_IDS]
            found += known_activities_of(self._ask(partial(_known_activities_request, ids)), ids)
        return tuple(found)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        """Unknown instances are left out without a word (DescribeScalingInstances)."""
        return _consistent("DescribeScalingInstances", lambda: self._groups_of(instance_ids))

    def _groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(instance_ids), MAX_INSTANCES_PER_CALL):
            ids = instance_ids[start : start + MAX_INSTANCES_PER_CALL]
            found |= groups_of_members(self._ask(partial(_members_request, ids)), ids)
        return found

    def _read(self, scaling_group_id: str, read_scope: ReadScope) -> Snapshot:
        now, threads = self._deadline.clock.now(), pool()
        since = now - timedelta(seconds=read_scope.history_seconds)
        histories = (
            [threads.submit(self._history, scaling_group_id, since)]
            if read_scope.history_seconds
            else []
        )
        groups = threads.submit(self._answered, partial(_groups_request, scaling_group_id))
        reads: list[Future[tuple[Reply, Samples]]] = []

        def read_pages(numbers: range) -> None:
            reads.extend(
                threads.submit(self._page, scaling_group_id, number, read_scope.metric)
                for number in numbers
            )

        try:
            guess = page_counts().get(scaling_group_id, 1)
            read_pages(range(2, guess + 1))
            first = self._ask(partial(_instances_request, scaling_group_id, 1))
            count = page_counts()[scaling_group_id] = page_count(first)
            read_pages(range(guess + 1, count + 1))
            samples = self._samples(first, read_scope.metric)
            pages = [(first, samples), *[read.result() for read in reads[: max(0, count - 1)]]]
            group = group_of(groups.result().reply, scaling_group_id)
        finally:
            wait(
                cast("list[Future[Any]]", [groups, *reads, *histories])
            )  # nothing runs on after the invocation
        if group is None:
            total_of(first, most=0)  # a group that has instances is there
            raise Refused(
                "DescribeScalingGroups",
                "InvalidScalingGroupId.NotFound",
                "there is no such scaling group.",
            )
        snapshot = snapshot_of(scaling_group_id, group, [reply for reply, _ in pages], now)
        return snapshot._replace(
            activities=histories[0].result() if histories else None,
            samples={id: sample for _, found in pages for id, sample in found.items()}
            if read_scope.metric
            else None,
            cloud_time=groups.result().cloud_time,
        )

    def _page(
        self, scaling_group_id: str, number: int, metric: Metric | None
    ) -> tuple[Reply, Samples]:
        """One page of the instances, and what CloudMonitor says of those: as far as possible at the same time."""
        reply = self._ask(partial(_instances_request, scaling_group_id, number))
        return reply, self._samples(reply, metric)

    def _samples(self, reply: Reply, metric: Metric | None) -> Samples:
        """Of the instances on a page that may leave."""
        if metric is None:
            return {}
        from scalein.cloud.metrics import Monitor  # only where an order goes by a metric

        ids = [
            item["InstanceId"]
            for item in members_of(reply)
            if item.get("LifecycleState") == "InService"
        ]
        return Monitor(self._sdk, self._settings.cms_endpoint).samples(metric, ids)

    def _history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """Every activity that ran at any time since then: newest first, so pages are read until one is older."""
        found: dict[str, Activity] = {}
        last: datetime | None = None
        for number in range(1, MAX_HISTORY_PAGES + 1):
            reply = self._ask(partial(_activities_request, scaling_group_id, number))
            page, total = activities_of(reply, scaling_group_id), total_of(reply, MAX_ACTIVITIES)
            started = [*([last] if last else []), *(activity.started_at for activity in page)]
            if started != sorted(started, reverse=True):
                raise Inconsistent("the activities are not listed newest first.")
            found |= {activity.id: activity for activity in page}
            if len(found) == total:
                return tuple(found.values())
            if len(found) > total or len(page) < HISTORY_PAGE_SIZE:
                raise Inconsistent("another number of activities is listed than is counted.")
            last = page[-1].started_at
            if last < since - MAX_ACTIVITY_DURATION:
                return tuple(found.values())
        raise TryLater(
            "DescribeScalingActivities",
            "TooMany",
            "the group has more activities than can be looked at.",
        )

    def _ask(self, request: Callable[[], Any]) -> Reply:
        """A read, repeated while the deadline allows."""
        return self._answered(request).reply

    def _answered(self, request: Callable[[], Any]) -> Answered:
        return self._sdk.repeated(lambda: self._call(request()))

    def _call(self, request: Any) -> Answered:
        request.request_network = self._settings.ess_network
        return self._sdk.call(request, self._settings.ess_endpoint, "SCALEIN_ESS_ENDPOINT")


@cache
def page_counts() -> dict[str, int]:
    """Of each group when it was last read: a guess, so that all of its pages are read at the same time."""
    return {}


def _groups_request(scaling_group_id: str) -> DescribeScalingGroupsRequest:
    request = DescribeScalingGroupsRequest()
    request.set_ScalingGroupIds([scaling_group_id])
    return request


def _instances_request(scaling_group_id: str, page: int) -> DescribeScalingInstancesRequest:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId(scaling_group_id)
    request.set_PageSize(PAGE_SIZE)
    request.set_PageNumber(page)
    return request


def _activities_request(scaling_group_id: str, page: int) -> DescribeScalingActivitiesRequest:
    request = DescribeScalingActivitiesRequest()
    request.set_ScalingGroupId(scaling_group_id)
    request.set_PageSize(HISTORY_PAGE_SIZE)
    request.set_PageNumber(page)
    return request


def _known_activities_request(activity_ids: tuple[str, ...]) -> DescribeScalingActivitiesRequest:
    request = DescribeScalingActivitiesRequest()
    request.set_ScalingActivityIds(list(activity_ids))
    request.set_PageSize(HISTORY_PAGE_SIZE)
    return request


def _members_request(instance_ids: tuple[str, ...]) -> DescribeScalingInstancesRequest:
    request = DescribeScalingInstancesRequest()
    request.set_InstanceIds(list(instance_ids))
    request.set_PageSize(PAGE_SIZE)
    return request


def _remove_request(removal: Removal) -> RemoveInstancesRequest:
    request, options = RemoveInstancesRequest(), removal.options
    request.set_ScalingGroupId(removal.scaling_group_id)
    request.set_InstanceIds(list(removal.instance_ids))
    request.set_ClientToken(removal.client_token)
    if options.remove_policy is not None:
        request.set_RemovePolicy(options.remove_policy)
    if options.decrease_desired_capacity is not None:
        request.set_DecreaseDesiredCapacity(options.decrease_desired_capacity)
    if options.stop_instance_timeout_seconds is not None:
        request.set_StopInstanceTimeout(options.stop_instance_timeout_seconds)
    hooks: Reply = {}
    if options.disable_lifecycle_hook is not None:
        hooks["DisableLifecycleHook"] = options.disable_lifecycle_hook
    if options.ignored_lifecycle_hook_ids:
        hooks["IgnoredLifecycleHookIds"] = list(options.ignored_lifecycle_hook_ids)
    if hooks:
        request.set_LifecycleHookContext(hooks)
    return request


def _consistent(action: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except Inconsistent:
        pass  # an instance moved between two pages, as a rule: one more look
    try:
        return read()
    except Inconsistent as error:
        raise TryLater(action, "Inconsistent", str(error)) from error


def _unknown(error: Transient) -> OutcomeUnknown:
    return OutcomeUnknown(
        error.action, error.code, "no answer told whether the removal was accepted."
    )


def _activity_id(reply: Reply) -> str:
    """Raises Transient: without an activity, the outcome of the call is unknown."""
    try:
        return activity_id_of(reply)
    except Inconsistent:
        raise Transient(
            "RemoveInstances", "NoActivity", "the answer names no scaling activity."
        ) from None
