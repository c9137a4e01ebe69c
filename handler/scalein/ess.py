"""The only module that knows the ESS SDK: snapshot(), remove(). API 2014-08-28.

The SDK retries nothing for ESS and speaks plain HTTP unless told otherwise, so both are seen to here.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Any, cast

from scalein.clock import Deadline
from scalein.cold_start import UNREACHED_BY_US, cheap_imports, defer
from scalein.errors import GatewayError, OutcomeUnknown, Refused, Transient, TryLater
from scalein.ess_errors import error_of
from scalein.ess_replies import PAGE_SIZE, Inconsistent, Reply, activities_of, items_of, page_count, snapshot_of
from scalein.model import MAX_INSTANCES_PER_CALL, Activity, Snapshot
from scalein.scale_in import Removal
from scalein.settings import Credentials, Settings

with cheap_imports():
    for module in UNREACHED_BY_US:
        defer(module)
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import DescribeScalingActivitiesRequest
    from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
    from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import DescribeScalingInstancesRequest
    from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

# The SDK logs request URLs, string to sign and answers, tokens included; our errors say what may be said.
for logger in ("aliyunsdkcore", "aliyunsdkcore.http.http_response"):
    logging.getLogger(logger).setLevel(logging.CRITICAL + 1)

HISTORY_PAGE_SIZE = 50  # the most that ESS gives
MOST_HISTORY_PAGES = 20
LONGEST_ACTIVITY = timedelta(hours=6)  # as long as a lifecycle hook may hold one
CALLS_AT_ONCE = 4
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
ANSWER_SECONDS = 0.5  # less than this before the deadline, no call is begun
NO_PROXY = {"no-scheme": ""}  # the SDK takes HTTP_PROXY for loopback too, unless it is given a proxy table


class EssGateway:
    """ESS within the time of one invocation."""

    def __init__(self, settings: Settings, deadline: Deadline) -> None:
        local = settings.ess_endpoint is not None and not settings.ess_endpoint.secure
        self._client = client(settings.credentials, settings.region_id, local)
        self._settings = settings
        self._deadline = deadline

    def snapshot(self, scaling_group_id: str, history_seconds: int = 0) -> Snapshot:
        """The group, all of its instances and its activities so far back, read at the same time.

        Raises Refused for a group that is not there.
        """
        try:
            return self._read(scaling_group_id, history_seconds)
        except Inconsistent:
            pass  # an instance moved between two pages, as a rule: one more look
        try:
            return self._read(scaling_group_id, history_seconds)
        except Inconsistent as error:
            raise TryLater("DescribeScalingInstances", "Inconsistent", str(error)) from error

    def remove(self, removal: Removal) -> str:
        """One RemoveInstances call, repeated with the very same parameters where no answer comes: same ClientToken."""
        unanswered: Transient | None = None
        attempt = 0
        while True:
            try:
                return _activity_id(self._call(_remove_request(removal)))
            except Transient as error:
                unanswered = error if error.may_have_happened else unanswered
                if self._pause(attempt):
                    attempt += 1
                    continue
                if unanswered:
                    raise _unknown(unanswered) from error
                raise
            except GatewayError as error:
                if unanswered:  # this refusal may be the echo of our own success
                    raise _unknown(unanswered) from error
                raise

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        """Unknown instances are left out without a word (DescribeScalingInstances)."""
        found = set()
        for start in range(0, len(instance_ids), MAX_INSTANCES_PER_CALL):
            ids = instance_ids[start : start + MAX_INSTANCES_PER_CALL]
            reply = self._ask(partial(_members_request, ids))
            found |= {item.get("ScalingGroupId") for item in items_of(reply, "ScalingInstances", "ScalingInstance")}
        return {group for group in found if group}

    def _read(self, scaling_group_id: str, history_seconds: int) -> Snapshot:
        now = self._deadline.clock.now()

        def page(number: int) -> Reply:
            return self._ask(lambda: _instances_request(scaling_group_id, number))

        pool = _pool()
        since = now - timedelta(seconds=history_seconds)
        histories = [pool.submit(self._history, scaling_group_id, since)] if history_seconds else []
        reads = [pool.submit(self._ask, lambda: _groups_request(scaling_group_id))]
        try:
            first = page(1)
            reads += [pool.submit(page, number) for number in range(2, page_count(first) + 1)]
            group, *others = [read.result() for read in reads]
        finally:
            wait(cast("list[Future[Any]]", [*reads, *histories]))  # nothing runs on when the invocation is over
        groups = items_of(group, "ScalingGroups", "ScalingGroup")
        if not groups:
            raise Refused("DescribeScalingGroups", "InvalidScalingGroupId.NotFound", "there is no such scaling group.")
        snapshot = snapshot_of(scaling_group_id, groups, [first, *others], now)
        return snapshot._replace(activities=histories[0].result()) if histories else snapshot

    def _history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        """Every activity that ran at any time since then: newest first, so pages are read until one is older."""
        found: list[Activity] = []
        for number in range(1, MOST_HISTORY_PAGES + 1):
            reply = self._ask(partial(_activities_request, scaling_group_id, number))
            page = activities_of(reply)
            started = [activity.started_at for activity in found[-1:] + page]
            if started != sorted(started, reverse=True):
                raise Inconsistent("the activities are not listed newest first.")
            found += page
            if not page or page[-1].started_at < since - LONGEST_ACTIVITY or len(found) >= int(reply["TotalCount"]):
                return tuple(found)
        raise TryLater("DescribeScalingActivities", "TooMany", "the group has more activities than can be looked at.")

    def _ask(self, request: Callable[[], Any]) -> Reply:
        """A read, repeated with exponential backoff and full jitter while the deadline allows."""
        attempt = 0
        while True:
            try:
                return self._call(request())
            except Transient:
                if not self._pause(attempt):
                    raise
            attempt += 1

    def _pause(self, attempt: int) -> bool:
        """Waits before another try; False where no time would be left for it."""
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempt, 10))
        pause = random.uniform(0, longest)  # noqa: S311 (spreads load, guards nothing)
        if pause + ANSWER_SECONDS > self._deadline.remaining_seconds():
            return False
        self._deadline.clock.sleep(pause)
        return True

    def _call(self, request: Any) -> Reply:
        settings, left = self._settings, self._deadline.remaining_seconds()
        action = request.get_action_name()
        if left < ANSWER_SECONDS:
            raise TryLater(action, "Deadline", "no time is left in this invocation.")
        request.set_protocol_type("https")
        if settings.ess_endpoint is not None:
            request.set_endpoint(settings.ess_endpoint.host)
            request.set_protocol_type("https" if settings.ess_endpoint.secure else "http")
        request.request_network = settings.ess_network
        request.set_connect_timeout(min(settings.connect_timeout_seconds, left))
        request.set_read_timeout(min(settings.read_timeout_seconds, left))
        if settings.credentials.security_token:
            # What the SDK's own STS signer does; that one gives way to ALIYUN_* variables of the environment.
            request.add_query_param("SecurityToken", settings.credentials.security_token)
        try:
            reply = json.loads(self._client.do_action_with_exception(request))
        except (ClientException, ServerException, ValueError, IndexError) as error:
            # IndexError: the SDK's, on a SignatureDoesNotMatch whose message has no colon.
            raise error_of(action, error) from error
        if not isinstance(reply, dict):
            raise error_of(action, ValueError("not an object"))
        return reply


@cache
def _pool() -> ThreadPoolExecutor:
    """Idle threads, kept for the next invocation: starting and joining them costs 0.4 ms."""
    return ThreadPoolExecutor(CALLS_AT_ONCE, "scalein-read")


@lru_cache(maxsize=2)
def client(credentials: Credentials, region_id: str, local: bool) -> AcsClient:
    """Kept for the next invocation with the same credentials: a new one costs a TLS handshake and 3 ms."""
    return AcsClient(
        credentials.access_key_id,
        credentials.access_key_secret,
        region_id,
        auto_retry=False,
        proxy=NO_PROXY if local else None,
    )


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


def _unknown(error: Transient) -> OutcomeUnknown:
    return OutcomeUnknown(error.action, error.code, "no answer told whether the removal was accepted.")


def _activity_id(reply: Reply) -> str:
    if not reply.get("ScalingActivityId"):
        raise Transient("RemoveInstances", "NoActivity", "the answer names no scaling activity.")
    return str(reply["ScalingActivityId"])
