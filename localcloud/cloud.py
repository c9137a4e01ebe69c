"""The cloud behind its port: the gate, then a fault if one is due, then the action, then the answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableSequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from starlette.responses import Response

from localcloud import answers, errors
from localcloud.answers import Reply
from localcloud.ess import catalogue
from localcloud.ess.service import Service
from localcloud.faults import ENDINGS, REFUSING, REMOVE, Fault, Faults
from localcloud.functions.platform import Platform
from localcloud.functions.queue import Functions
from localcloud.lag import Lag, group_asked
from localcloud.monitor import describe as monitor
from localcloud.wire import Gate, Incoming, Params

PRODUCTS: dict[str, Callable[[Service, Params], Reply]] = {
    **dict.fromkeys(catalogue.VERSIONS, catalogue.perform),
    "2019-01-01": monitor.perform,
}
NESTED = "2014-08-28"  # every list one level deeper


@dataclass
class Call:
    """One call as the cloud saw it, for whoever wants to judge a client by what really arrived."""

    action: str
    params: Params
    status: int
    code: str = ""  # of an error answer
    activity_id: str = ""  # of an accepted removal


@dataclass
class LocalCloud:
    """The service, and what stands before it."""

    service: Service
    gate: Gate
    faults: Faults = field(default_factory=Faults)
    default_format: str = "JSON"
    functions: Functions | None = None  # asynchronous invocations that somebody else delivers
    platform: Platform | None = None  # or the whole of Function Compute
    calls: MutableSequence[Call] = field(default_factory=lambda: deque(maxlen=1_000))
    before: dict[tuple[str, ...], Reply] = field(default_factory=dict)  # each read's last answer
    lag: Lag = field(default_factory=Lag)

    def answer(self, incoming: Incoming, params: Params, host: str, fault: Fault | None) -> Response:
        """One answer; whole and at once, so that every call sees and leaves a consistent state."""
        id, form, action = answers.request_id(), "JSON", params.get("Action", "")
        try:
            form = answers.answer_format(params, self.default_format)
            self.gate.check(incoming, params, datetime.now(timezone.utc))
            if fault and fault.kind in REFUSING:
                raise REFUSING[fault.kind]()
            reply = self._act(action, params) if fault is None else self._misbehaving(fault, action, params)
            nested = answers.nested(reply) if params["Version"] == NESTED else reply
            body = answers.answer_body(action, nested, id, form)
            call = Call(action, params, 200, activity_id=str(reply.get("ScalingActivityId", "")))
        except errors.ApiError as error:
            body = answers.error_body(error, id, host, form)
            call = Call(action, params, error.status, error.code)
        self.calls.append(call)
        return Response(body, call.status, media_type=answers.CONTENT_TYPES[form], headers={"x-acs-request-id": id})

    def _misbehaving(self, fault: Fault, action: str, params: Params) -> Reply:
        if fault.kind == "stale-read" and _read_key(params) in self.before:
            return self.before[_read_key(params)]
        if fault.kind == "state-change" and action == REMOVE:
            group = self.service.groups.get(params.get("ScalingGroupId", ""))
            instance = group and group.instances.get(params.get("InstanceId.1", ""))
            if instance and instance.lifecycle_state == "InService":
                instance.lifecycle_state = "Pending"
                instance.in_service_at = self.service.clock.now() + timedelta(seconds=60)
        known = set(self.service.activities)
        reply = self._act(action, params)
        accepted = reply.get("ScalingActivityId")
        if fault.kind in ENDINGS and accepted and accepted not in known:
            self.service.activities[accepted].ending = ENDINGS[fault.kind]
        if fault.kind == "page-drift" and "ScalingInstances" in reply:
            reply["ScalingInstances"][-1:] = []
        return reply

    def _act(self, action: str, params: Params) -> Reply:
        if params["Version"] not in PRODUCTS:
            raise errors.NoSuchVersion()
        if self.lag.is_on:
            reply = self._late(action, params)
        else:
            self.service.observe = None
            self.lag.forget()
            reply = PRODUCTS[params["Version"]](self.service, params)
        if action.startswith("Describe") and self.faults.may_be("stale-read"):
            self.before[_read_key(params)] = deepcopy(reply)
        return reply

    def _late(self, action: str, params: Params) -> Reply:
        """By the present, or for a read by the past that it shows."""
        service, perform, lag, only = self.service, PRODUCTS[params["Version"]], self.lag, group_asked(params)
        service.observe = lambda at: lag.note(service, at)
        now = service.advance()
        lag.note(service, now, only)
        seconds = lag.seconds(action, now)
        if seconds:
            return perform(lag.shown(service, now - timedelta(seconds=seconds), only), params)
        try:
            return perform(service, params)
        finally:
            lag.note(service, now, only)


def _read_key(params: Params) -> tuple[str, ...]:
    return tuple(
        params.get(name, "") for name in ("Version", "Action", "ScalingGroupId", "ScalingGroupId.1", "PageNumber")
    )
