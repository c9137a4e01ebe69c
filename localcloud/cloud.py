"""The cloud behind its port: authentication, then a fault if one is due, then the action."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableSequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from time import perf_counter

from starlette.responses import Response

from localcloud import answers, balancers, ecs, errors, location, sts
from localcloud.answers import Reply
from localcloud.authenticator import Authenticator, access_key_id, caller_of
from localcloud.buses import actions as buses
from localcloud.ess import catalogue, owners
from localcloud.ess.service import Service
from localcloud.faults import FORCED_STATUSES, REFUSALS, REMOVE, Fault, Faults
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.functions.platform import Platform
from localcloud.lag import Lag, group_id_in
from localcloud.monitor import describe as monitor
from localcloud.queues.service import QueueService
from localcloud.ram import ESS, PRODUCTS, RolePolicy
from localcloud.rate_limits import RateLimits
from localcloud.regions import REGIONS, Place, region_of
from localcloud.triggers.runner import Runner
from localcloud.wire import Incoming, Params

Perform = Callable[[Service, Params], Reply]

PERFORM_BY_VERSION: dict[str, Perform] = {
    **dict.fromkeys(catalogue.VERSIONS, catalogue.perform),
    "2019-01-01": monitor.perform,
    ecs.VERSION: ecs.perform,
    buses.VERSION: buses.perform,
    balancers.SLB_VERSION: balancers.perform,
    balancers.ALB_VERSION: balancers.perform_alb,
    location.VERSION: location.perform,
}
NESTED = "2014-08-28"  # every list one level deeper
READS = ("Describe", "List", "Get", "View")
READ_KEY = ("Version", "Action", "ScalingGroupId", "ScalingGroupId.1", "PageNumber")


@dataclass
class Call:
    """One call as the cloud saw it: what a test judges a client by."""

    action: str
    params: Params
    status: int
    code: str = ""  # of an error answer
    activity_id: str = ""  # of an accepted removal
    at: datetime | None = None  # by the cloud's clock
    caller: str = ""  # access key id
    request_id: str = ""
    milliseconds: float = 0.0  # that its processing took


@dataclass
class LocalCloud:
    """Auto Scaling, CloudMonitor and Function Compute, and what stands before them."""

    service: Service
    authenticator: Authenticator
    faults: Faults = field(default_factory=Faults)
    default_format: str = "JSON"
    functions: InvocationQueue | None = None  # asynchronous invocations that a test delivers
    platform: Platform | None = None  # or the whole of Function Compute
    calls: MutableSequence[Call] = field(default_factory=lambda: deque(maxlen=1_000))
    last_reply_by_read: dict[tuple[str, ...], Reply] = field(default_factory=dict)
    lag: Lag = field(default_factory=Lag)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    role_policy: RolePolicy | None = None  # None: the key may do everything
    # by account and region: all but the first, `service`
    elsewhere: dict[Place, Service] = field(default_factory=dict)
    queues: QueueService = field(init=False)  # of all accounts and regions
    triggers: Runner | None = None  # of the functions, where there are functions
    changes: int = 0  # calls of actions that change something
    # back to what it started from, where that is known
    reset: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        home = self.service
        self.queues = QueueService(home.clock, home.region_id, home.account_id)
        if self.platform is not None:
            self.triggers = Runner(self.platform, self.queues)
        self.connect()

    def connect(self) -> None:
        """Lets what the services send arrive."""
        for service in self.services():
            self._connect(service)

    def _connect(self, service: Service) -> None:
        """Lets what a service sends arrive: in queues, and on the bus that triggers listen to."""
        service.deliver, service.write = self.queues.deliver, self.queues.deliver_text
        if self.triggers is not None:
            service.listen, service.invoke = self.triggers.take_event, self.triggers.take_call

    def services(self) -> list[Service]:
        """Returns the Auto Scaling of each account and region, its own first."""
        return [self.service, *self.elsewhere.values()]

    def advance(self) -> datetime:
        """Does everywhere what has fallen due; returns the clock's time."""
        for service in self.elsewhere.values():
            service.advance()
        return self.service.advance()

    def service_at(self, account_id: str, region_id: str) -> Service:
        """Returns the Auto Scaling of an account in a region, empty where it was not used yet.

        Raises ApiError for a region that does not exist.
        """
        place = (account_id, region_id)
        if place == self.service.place:
            return self.service
        if place not in self.elsewhere:
            if region_id not in {*REGIONS, *(s.region_id for s in self.services())}:
                raise errors.RegionNotFound()
            home = self.service
            self.elsewhere[place] = Service(
                home.clock, region_id, home.assumptions, account_id=account_id
            )
            self._connect(self.elsewhere[place])
        return self.elsewhere[place]

    def answer(
        self, incoming: Incoming, params: Params, host: str, fault: Fault | None
    ) -> Response:
        """Performs one call and returns the answer.

        It does not yield in between: every call sees a consistent state, and leaves one.
        """
        id, format, action = answers.request_id(), "JSON", params.get("Action", "")
        started = perf_counter()
        try:
            format = answers.answer_format(params, self.default_format)
            self.authenticator.check(incoming, params, datetime.now(timezone.utc))
            account_id = self.authenticator.account_of(incoming, params, self.service.account_id)
            now = self.service.clock.now()
            self.rate_limits.check(account_id, action, now)
            caller = sts.Caller(access_key_id(incoming, params), account_id)
            self._check_rights(caller, incoming, params, now)
            if fault and fault.kind in REFUSALS:
                raise REFUSALS[fault.kind]()
            service = self.service_at(account_id, region_of(params, self.service.region_id))
            service.request_id = id
            self.changes += not action.startswith(READS)
            if params["Version"] == sts.VERSION:
                place = service.region_id
                reply = sts.perform(self.authenticator, caller, params, place, now)
            else:
                reply = self._perform_with_fault(service, fault, action, params)
            nested = answers.nested(reply) if params["Version"] == NESTED else reply
            body = answers.answer_body(action, nested, id, format)
            activity_id = str(reply.get("ScalingActivityId", ""))
            call = Call(action, params, 200, activity_id=activity_id)
        except errors.ApiError as error:
            product = PRODUCTS.get(params.get("Version", ""), ESS)
            body = answers.error_body(error, id, host, format, product)
            call = Call(action, params, error.status, error.code)
        call.at, call.request_id = self.service.clock.now(), id
        call.caller = caller_of(incoming, params)
        call.milliseconds = (perf_counter() - started) * 1_000
        self.calls.append(call)
        headers = {"x-acs-request-id": id}
        return Response(body, call.status, headers, answers.CONTENT_TYPES[format])

    def _check_rights(
        self, caller: sts.Caller, incoming: Incoming, params: Params, now: datetime
    ) -> None:
        """Raises ApiError where the session has ended, or RAM forbids the call."""
        token = params.get("SecurityToken") or incoming.headers.get("x-acs-security-token")
        identities = self.authenticator.identities
        identities.check_session(caller.key_id, token, now)
        if params.get("Action") in sts.FREE:
            return
        place = (caller.account_id, region_of(params, self.service.region_id))
        service = next((s for s in self.services() if s.place == place), None)
        judged = owners.with_groups(service, params)
        own = self.role_policy is None or all(self.role_policy.permits(one) for one in judged)
        if own and all(identities.permits(caller.key_id, one) for one in judged):
            return
        raise sts.NoPermission() if params["Version"] == sts.VERSION else errors.ForbiddenRam()

    def _perform_with_fault(
        self, service: Service, fault: Fault | None, action: str, params: Params
    ) -> Reply:
        if fault is None:
            return self.perform(action, params, service)
        read_key = _read_key(service, params)
        if fault.kind == "stale-read" and read_key in self.last_reply_by_read:
            return self.last_reply_by_read[read_key]
        if fault.kind == "state-change" and action == REMOVE:
            _make_pending(service, params)
        known = set(service.activities)
        reply = self.perform(action, params, service)
        accepted = reply.get("ScalingActivityId")
        if fault.kind in FORCED_STATUSES and accepted and accepted not in known:
            service.activities[accepted].forced_status = FORCED_STATUSES[fault.kind]
        if fault.kind == "page-drift" and "ScalingInstances" in reply:
            reply["ScalingInstances"][-1:] = []
        return reply

    def perform(self, action: str, params: Params, service: Service | None = None) -> Reply:
        """Performs an action, late where reads lag; returns its reply, flat. Raises ApiError."""
        service = service or self.service
        if params["Version"] not in PERFORM_BY_VERSION:
            raise errors.NoSuchVersion()
        perform = PERFORM_BY_VERSION[params["Version"]]
        if self.lag.is_on:
            reply = self._perform_late(service, perform, action, params)
        else:
            service.observe = None
            self.lag.forget()
            reply = perform(service, params)
        if action.startswith("Describe") and self.faults.is_possible("stale-read"):
            self.last_reply_by_read[_read_key(service, params)] = deepcopy(reply)
        return reply

    def _perform_late(
        self, service: Service, perform: Perform, action: str, params: Params
    ) -> Reply:
        """Performs a read on the past that it shows, and all else on the present."""
        lag, only = self.lag, group_id_in(params)
        service.observe = lambda at: lag.record(service, at)
        now = service.advance()
        lag.record(service, now, only)
        seconds = lag.seconds(action, now)
        if seconds:
            return perform(lag.past(service, now - timedelta(seconds=seconds), only), params)
        try:
            return perform(service, params)
        finally:
            lag.record(service, now, only)


def _make_pending(service: Service, params: Params) -> None:
    """Makes the first instance that a removal names Pending for a minute."""
    group = service.groups.get(params.get("ScalingGroupId", ""))
    instance = group and group.instances.get(params.get("InstanceId.1", ""))
    if instance and instance.lifecycle_state == "InService":
        instance.lifecycle_state = "Pending"
        instance.in_service_at = service.clock.now() + timedelta(seconds=60)


def _read_key(service: Service, params: Params) -> tuple[str, ...]:
    return (*service.place, *(params.get(name, "") for name in READ_KEY))
