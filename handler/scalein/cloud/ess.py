"""ESS as a `Gateway`: reads a group, its history and its activities, and removes instances."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TypeVar

from scalein.clock import Deadline
from scalein.cloud.ess_requests import (
    HISTORY_PAGE_SIZE,
    MAX_ACTIVITY_IDS,
    activities_by_id_request,
    activities_request,
    group_request,
    instances_by_id_request,
    instances_request,
    remove_request,
)
from scalein.cloud.fields import Inconsistent, Reply
from scalein.cloud.gateway import GROUP_ONLY, Removal
from scalein.cloud.parallel import Reads
from scalein.cloud.replies import (
    MAX_ACTIVITIES,
    Page,
    Traits,
    activities_by_id_of,
    activities_of,
    activity_id_of,
    cloud_time_of,
    group_of,
    groups_of_members,
    page_count,
    page_of,
    snapshot_of,
    total_of,
)
from scalein.cloud.retries import REMOVE, Retries
from scalein.cloud.sdk import Sdk
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
    ScaleInError,
    Transient,
    TryLater,
)
from scalein.settings import Settings
from scalein.timing import CallTimer

MAX_HISTORY_PAGES = 20
MAX_ACTIVITY_DURATION = timedelta(hours=6)  # as long as a lifecycle hook may hold one

Samples = dict[str, Sample]
Value = TypeVar("Value")


class EssGateway:
    """ESS within the time of one invocation."""

    def __init__(
        self,
        settings: Settings,
        deadline: Deadline,
        timer: CallTimer | None = None,
        retries: Retries | None = None,
    ) -> None:
        """`retries`: while the deadline allows, if none are given."""
        timer, retries = timer or CallTimer(deadline.clock), retries or Retries(deadline)
        self._sdk = Sdk(settings, timer, retries)
        self._sdk_without_reserve = Sdk(settings, timer, retries.without_reserve())
        self._clock = deadline.clock

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        """Returns the group, all of its instances and what else `read_scope` names, read in
        parallel. Raises GatewayError; Refused for an unknown group.
        """
        gateway = self._without_reserve() if read_scope.is_last else self
        read = partial(gateway._snapshot, scaling_group_id, read_scope)
        return _read_consistently("DescribeScalingInstances", read)

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        """Returns these scaling activities, less those that ESS no longer knows: it keeps them for
        30 days. Raises GatewayError.
        """
        read = partial(self._without_reserve()._activities, activity_ids)
        return _read_consistently("DescribeScalingActivities", read)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """Returns each activity of the group that ran at any time since then, newest first.

        Raises GatewayError.
        """
        read = partial(self._history, scaling_group_id, since)
        return _read_consistently("DescribeScalingActivities", read)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        """Returns the scaling groups that have any of these instances; instances of no group are
        left out (DescribeScalingInstances). Raises GatewayError.
        """
        read = partial(self._groups_of, instance_ids)
        return _read_consistently("DescribeScalingInstances", read)

    def check_removal(self) -> None:
        """Raises Paused."""
        self._sdk.attempts(REMOVE)

    def remove(self, removal: Removal) -> str:
        """Makes one RemoveInstances call and returns the id of the scaling activity.

        Without an answer it repeats the call with the very same parameters: the ClientToken has ESS
        answer with the first activity. Raises GatewayError; OutcomeUnknown if an attempt may
        have been accepted.
        """
        attempts = self._sdk.attempts(REMOVE)
        unanswered: Transient | None = None
        while True:
            try:
                activity_id = _activity_id(
                    self._sdk.call(remove_request(removal), removal.scaling_group_id)
                )
            except Transient as error:
                unanswered = error if error.may_have_happened else unanswered
                if attempts.wait_to_repeat(error):
                    continue
                if unanswered:
                    raise _outcome_unknown(unanswered, error) from error
                raise
            except (GatewayError, ConfigurationError) as error:
                attempts.record_answer(error)
                if unanswered:  # the unanswered attempt may be why ESS refuses this one
                    raise _outcome_unknown(unanswered, error) from error
                raise
            attempts.record_answer()
            return activity_id

    def _without_reserve(self) -> EssGateway:
        """Returns this gateway for reads after which RemoveInstances is not called."""
        gateway = copy(self)
        gateway._sdk = self._sdk_without_reserve
        return gateway

    def _snapshot(self, scaling_group_id: str, read_scope: ReadScope) -> Snapshot:
        now, metric = self._clock.now(), read_scope.metric
        with Reads(self._sdk.costs) as reads:
            known_traits: Traits = {}

            def add_pages(numbers: range) -> list[Future[tuple[Page, Samples]]]:
                page = partial(self._page, scaling_group_id, metric, known_traits)
                return [reads.add(partial(page, number)) for number in numbers]

            since = now - timedelta(seconds=read_scope.history_seconds)
            history = (
                reads.add(partial(self._history, scaling_group_id, since))
                if read_scope.history_seconds
                else None
            )
            read_group = partial(self._sdk.read, partial(group_request, scaling_group_id))
            group_read = reads.add(read_group)
            guess = page_counts().get(scaling_group_id, 1)
            page_reads = add_pages(range(2, guess + 1))
            reads.start()
            first = self._sdk.read(partial(instances_request, scaling_group_id, 1))
            count = page_counts()[scaling_group_id] = page_count(first)
            page_reads += add_pages(range(guess + 1, count + 1))
            reads.start()
            pages = [self._with_samples(first, scaling_group_id, metric, known_traits)]
            reads.finish()
            pages += [read.result() for read in page_reads[: max(0, count - 1)]]
            group_reply = group_read.result()
            group = group_of(group_reply, scaling_group_id)
        if group is None:
            raise _unknown_group(first)
        samples = {id: sample for _, page in pages for id, sample in page.items()}
        return snapshot_of(group, [page for page, _ in pages], now)._replace(
            activities=history.result() if history else None,
            samples=samples if read_scope.metric else None,
            cloud_time=cloud_time_of(group_reply, self._clock.now()),
        )

    def _page(
        self, scaling_group_id: str, metric: Metric | None, known_traits: Traits, number: int
    ) -> tuple[Page, Samples]:
        reply = self._sdk.read(partial(instances_request, scaling_group_id, number))
        return self._with_samples(reply, scaling_group_id, metric, known_traits)

    def _with_samples(
        self, reply: Reply, scaling_group_id: str, metric: Metric | None, known_traits: Traits
    ) -> tuple[Page, Samples]:
        """Returns a page, and the metric's newest values of its instances in service. It runs in
        the thread that reads, while others await their answers.
        """
        page = page_of(reply, scaling_group_id, known_traits)
        if metric is None:
            return page, {}
        from scalein.cloud.metrics import newest_samples  # only if an order goes by a metric

        ids = [i.id for i in page.instances if i.lifecycle_state == "InService"]
        return page, newest_samples(self._sdk, metric, ids)

    def _activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        activities: list[Activity] = []
        for start in range(0, len(activity_ids), MAX_ACTIVITY_IDS):
            ids = activity_ids[start : start + MAX_ACTIVITY_IDS]
            activities += activities_by_id_of(
                self._sdk.read(partial(activities_by_id_request, ids)), ids
            )
        return tuple(activities)

    def _history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """Reads pages, newest first, until an activity is too old to have run since then."""
        activity_by_id: dict[str, Activity] = {}
        last: datetime | None = None
        for number in range(1, MAX_HISTORY_PAGES + 1):
            reply = self._sdk.read(partial(activities_request, scaling_group_id, number))
            page, total = activities_of(reply, scaling_group_id), total_of(reply, MAX_ACTIVITIES)
            started = [*([last] if last else []), *(activity.started_at for activity in page)]
            if started != sorted(started, reverse=True):
                raise Inconsistent("the activities are not listed newest first.")
            activity_by_id |= {activity.id: activity for activity in page}
            if len(activity_by_id) == total:
                return tuple(activity_by_id.values())
            if len(activity_by_id) > total or len(page) < HISTORY_PAGE_SIZE:
                raise Inconsistent("the number of listed activities differs from TotalCount.")
            last = page[-1].started_at
            if last < since - MAX_ACTIVITY_DURATION:
                return tuple(activity_by_id.values())
        raise TryLater(
            "DescribeScalingActivities",
            "TooMany",
            f"the group has more than {MAX_HISTORY_PAGES * HISTORY_PAGE_SIZE} recent activities.",
        )

    def _groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        group_ids: set[str] = set()
        for start in range(0, len(instance_ids), MAX_INSTANCES_PER_CALL):
            ids = instance_ids[start : start + MAX_INSTANCES_PER_CALL]
            group_ids |= groups_of_members(
                self._sdk.read(partial(instances_by_id_request, ids)), ids
            )
        return group_ids


@cache
def page_counts() -> dict[str, int]:
    """Returns how many pages each group had at its last read: a guess of how many to read now.

    With it, all pages are read in parallel.
    """
    return {}


def _read_consistently(action: str, read: Callable[[], Value]) -> Value:
    """Returns what `read` does; reads once more if ESS's answers contradict each other."""
    try:
        return read()
    except Inconsistent:
        pass  # usually an instance moved between two pages
    try:
        return read()
    except Inconsistent as error:
        raise TryLater(action, "Inconsistent", str(error)) from error


def _unknown_group(first_page: Reply) -> Refused:
    """Returns the refusal. Raises Inconsistent if the group has instances, so that it exists."""
    total_of(first_page, max_value=0)
    return Refused(
        "DescribeScalingGroups", "InvalidScalingGroupId.NotFound", "there is no such scaling group."
    )


def _outcome_unknown(unanswered: Transient, last: ScaleInError) -> OutcomeUnknown:
    error = OutcomeUnknown(
        unanswered.action, unanswered.code, "no answer says whether the removal was accepted."
    )
    error.retry_after_seconds = last.retry_after_seconds
    return error


def _activity_id(reply: Reply) -> str:
    """Raises Transient: without an activity, the outcome of the call is unknown."""
    try:
        return activity_id_of(reply)
    except Inconsistent:
        raise Transient(
            "RemoveInstances", "NoActivity", "the answer names no scaling activity."
        ) from None
