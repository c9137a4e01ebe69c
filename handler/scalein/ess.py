"""The only module that knows the ESS SDK: snapshot(), remove(). API 2014-08-28.

The SDK retries nothing for ESS and speaks plain HTTP unless told otherwise, so both are seen to here.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Any

from scalein.clock import Deadline
from scalein.cold_start import UNREACHED_BY_US, cheap_imports, defer
from scalein.errors import GatewayError, OutcomeUnknown, Refused, Transient, TryLater
from scalein.ess_errors import error_of
from scalein.model import MAX_INSTANCES_PER_CALL, Instance, ScalingGroup, Snapshot
from scalein.scale_in import Removal
from scalein.settings import Credentials, Settings

with cheap_imports():
    for module in UNREACHED_BY_US:
        defer(module)
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
    from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import DescribeScalingInstancesRequest
    from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

# The SDK logs request URLs, string to sign and answers, tokens included; our errors say what may be said.
for logger in ("aliyunsdkcore", "aliyunsdkcore.http.http_response"):
    logging.getLogger(logger).setLevel(logging.CRITICAL + 1)

PAGE_SIZE = 100
CALLS_AT_ONCE = 4
MOST_INSTANCES = 10_000  # of a group; the quota is typically 2,000
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
ANSWER_SECONDS = 0.5  # less than this before the deadline, no call is begun
NO_PROXY = {"no-scheme": ""}  # the SDK takes HTTP_PROXY for loopback too, unless it is given a proxy table

Reply = dict[str, Any]


class EssGateway:
    """ESS within the time of one invocation."""

    def __init__(self, settings: Settings, deadline: Deadline) -> None:
        local = settings.ess_endpoint is not None and not settings.ess_endpoint.secure
        self._client = client(settings.credentials, settings.region_id, local)
        self._settings = settings
        self._deadline = deadline

    def snapshot(self, scaling_group_id: str) -> Snapshot:
        """The group and all of its instances, read at the same time. Raises Refused for a group that is not there."""
        try:
            return self._read(scaling_group_id)
        except _Inconsistent:
            pass  # an instance moved between two pages, as a rule: one more look
        try:
            return self._read(scaling_group_id)
        except _Inconsistent as error:
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
            found |= {item.get("ScalingGroupId") for item in _items(reply, "ScalingInstances", "ScalingInstance")}
        return {group for group in found if group}

    def _read(self, scaling_group_id: str) -> Snapshot:
        def page(number: int) -> Reply:
            return self._ask(lambda: _instances_request(scaling_group_id, number))

        pool = _pool()
        reads = [pool.submit(self._ask, lambda: _groups_request(scaling_group_id))]
        try:
            first = page(1)
            reads += [pool.submit(page, number) for number in range(2, _page_count(first) + 1)]
            group, *others = [read.result() for read in reads]
        finally:
            wait(reads)  # nothing runs on when the invocation is over
        groups = _items(group, "ScalingGroups", "ScalingGroup")
        if not groups:
            raise Refused("DescribeScalingGroups", "InvalidScalingGroupId.NotFound", "there is no such scaling group.")
        return _snapshot(scaling_group_id, groups, [first, *others])

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


class _Inconsistent(Exception):
    """ESS's answers contradict each other, or lack what every decision needs."""


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


def _page_count(reply: Reply) -> int:
    """Raises _Inconsistent."""
    total = reply.get("TotalCount")
    if not isinstance(total, int) or not 0 <= total <= MOST_INSTANCES:
        raise _Inconsistent("TotalCount is not a number of instances.")
    return -(-total // PAGE_SIZE)


def _items(reply: Reply, plural: str, singular: str) -> list[Any]:
    """Lists travel as {plural: {singular: [...]}}; absent means empty."""
    inner = reply.get(plural) or {}
    return list(inner.get(singular) or ()) if isinstance(inner, dict) else list(inner)


def _snapshot(scaling_group_id: str, groups: list[Any], pages: list[Reply]) -> Snapshot:
    """Raises _Inconsistent: a read that contradicts itself must never look like 'none left'."""
    found = [item for page in pages for item in _items(page, "ScalingInstances", "ScalingInstance")]
    totals = {page.get("TotalCount") for page in pages}
    try:
        if totals != {len(found)} or len({item["InstanceId"] for item in found}) != len(found):
            raise _Inconsistent(f"{len(found)} instances are listed, another number of them is counted.")
        if any(item.get("ScalingGroupId", scaling_group_id) != scaling_group_id for item in [*groups, *found]):
            raise _Inconsistent("an answer speaks of another scaling group.")
        return Snapshot(_group(groups[0]), tuple(_instance(item) for item in found))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _Inconsistent(f"an answer lacks or garbles what a decision needs ({type(error).__name__}).") from error


def _group(item: Reply) -> ScalingGroup:
    weighted = bool(item.get("Weighted"))
    stable: list[Any] = [item.get(counter) for counter in ("ActiveCapacity", "ProtectedCapacity", "StandbyCapacity")]
    return ScalingGroup(
        id=item["ScalingGroupId"],
        lifecycle_state=item["LifecycleState"],
        min_size=int(item["MinSize"]),
        total_capacity=int(item["TotalCapacity"]),
        # Whether a weighted group's counters count weights is not documented, so they are left aside there.
        stable_capacity=None if weighted or None in stable else sum(int(counter) for counter in stable),
        weighted=weighted,
        removal_policies=tuple(_items(item, "RemovalPolicies", "RemovalPolicy")),
        multi_az_policy=item.get("MultiAZPolicy") or "PRIORITY",
        suspended_processes=tuple(_items(item, "SuspendedProcesses", "SuspendedProcess")),
    )


def _instance(item: Reply) -> Instance:
    template = item.get("LaunchTemplateId")
    from_template = f"{template}:{item.get('LaunchTemplateVersion')}" if template else ""
    weight = item.get("WeightedCapacity")
    return Instance(
        id=item["InstanceId"],
        lifecycle_state=item["LifecycleState"],
        zone_id=item.get("ZoneId") or "",
        scaling_configuration=item.get("ScalingConfigurationId") or from_template,
        joined_at=_time(item.get("CreatedTime") or item.get("CreationTime")),
        weight=None if weight is None else int(weight),
    )


def _time(text: str | None) -> datetime | None:
    """`2020-12-21T03:11:00Z` (CreatedTime) or `2020-12-21T03:11Z` (CreationTime): when it joined the group."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
