"""One HTTP port that speaks ESS and a little CloudMonitor: the gate, then the action, then the wire."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, MutableSequence
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from localcloud import errors, wire
from localcloud.ess.describe import (
    describe_scaling_activities,
    describe_scaling_activity_detail,
    describe_scaling_groups,
    describe_scaling_instances,
)
from localcloud.ess.remove import remove_instances
from localcloud.ess.service import Service
from localcloud.faults import ENDINGS, REFUSING, REMOVE, Fault, Faults
from localcloud.functions.endpoint import invocations
from localcloud.functions.queue import Functions
from localcloud.monitor.describe import describe_metric_last

Action = Callable[[Service, wire.Params], wire.Reply]

ACTIONS: dict[str, dict[str, Action]] = {  # by API version: of Auto Scaling, of CloudMonitor
    "2014-08-28": {
        "DescribeScalingActivities": describe_scaling_activities,
        "DescribeScalingActivityDetail": describe_scaling_activity_detail,
        "DescribeScalingGroups": describe_scaling_groups,
        "DescribeScalingInstances": describe_scaling_instances,
        "RemoveInstances": remove_instances,
    },
    "2019-01-01": {"DescribeMetricLast": describe_metric_last},
}


class Broken(Exception):
    """An answer that was to break off."""


@dataclass
class Call:
    """One call as the cloud saw it, for whoever wants to judge a client by what really arrived."""

    action: str
    params: wire.Params
    status: int
    code: str = ""  # of an error answer
    activity_id: str = ""  # of an accepted removal


@dataclass
class LocalCloud:
    """The service, and what stands before it."""

    service: Service
    gate: wire.Gate
    faults: Faults = field(default_factory=Faults)
    default_format: str = "JSON"
    functions: Functions | None = None
    calls: MutableSequence[Call] = field(default_factory=lambda: deque(maxlen=10_000))
    before: dict[tuple[str, ...], wire.Reply] = field(default_factory=dict)  # each read's last answer

    def answer(self, method: str, params: wire.Params, host: str, fault: Fault | None) -> Response:
        """One answer; whole and at once, so that every call sees and leaves a consistent state."""
        id, form, action = wire.request_id(), "JSON", params.get("Action", "")
        try:
            form = wire.answer_format(params, self.default_format)
            self.gate.check(method, params, datetime.now(timezone.utc))
            if fault and fault.kind in REFUSING:
                raise REFUSING[fault.kind]()
            reply = self._act(action, params) if fault is None else self._misbehaving(fault, action, params)
            body = wire.answer_body(action, reply, id, form)
            call = Call(action, params, 200, activity_id=str(reply.get("ScalingActivityId", "")))
        except errors.ApiError as error:
            body = wire.error_body(error, id, host, form)
            call = Call(action, params, error.status, error.code)
        self.calls.append(call)
        return Response(body, call.status, media_type=wire.CONTENT_TYPES[form])

    def _misbehaving(self, fault: Fault, action: str, params: wire.Params) -> wire.Reply:
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
            reply["ScalingInstances"]["ScalingInstance"][-1:] = []
        return reply

    def _act(self, action: str, params: wire.Params) -> wire.Reply:
        if params["Version"] not in ACTIONS:
            raise errors.NoSuchVersion()
        actions = ACTIONS[params["Version"]]
        if action not in actions:
            raise errors.ApiNotFound()
        reply = actions[action](self.service, params)
        if action.startswith("Describe") and self.faults.may_be("stale-read"):
            self.before[_read_key(params)] = deepcopy(reply)
        return reply


def _read_key(params: wire.Params) -> tuple[str, ...]:
    return tuple(params.get(name, "") for name in ("Action", "ScalingGroupId", "ScalingGroupId.1", "PageNumber"))


def application(cloud: LocalCloud, when_ready: Callable[[], None]) -> Starlette:
    async def serve(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        params = wire.parameters(request.url.query, body)
        fault = cloud.faults.take(params.get("Action", ""))
        if fault and fault.kind == "bad-gateway":
            return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")
        if fault and fault.kind == "reset":
            return _broken()
        answer = cloud.answer(request.method, params, request.url.netloc, fault)
        return await _spoilt(answer, fault)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        when_ready()
        yield

    async def failed(request: Request, error: Exception) -> Response:
        if not isinstance(error, Broken):
            traceback.print_exception(error)  # a fault of this cloud's own is not to be mistaken for one on request
        body = wire.error_body(errors.InternalError(), wire.request_id(), request.url.netloc, "JSON")
        return Response(body, 500, media_type=wire.CONTENT_TYPES["JSON"])

    routes = [Route("/", serve, methods=["GET", "POST"])]
    if cloud.functions is not None:
        routes.append(invocations(cloud.functions, cloud.gate, cloud.faults))
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: failed})


def listening(port: int) -> socket.socket:
    """A socket on this machine only; port 0 takes a free one."""
    # The protocol is named, for asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


def server_for(cloud: LocalCloud, when_ready: Callable[[], None]) -> uvicorn.Server:
    config = uvicorn.Config(
        application(cloud, when_ready), log_level="critical", access_log=False, timeout_graceful_shutdown=2
    )
    return uvicorn.Server(config)


@contextmanager
def running(cloud: LocalCloud) -> Iterator[str]:
    """Serves from a thread of this process; gives host:port. For tests, which then drive the cloud's clock."""
    ready = threading.Event()
    server = server_for(cloud, ready.set)
    listener = listening(0)
    host, port = listener.getsockname()

    def serve() -> None:
        with listener:
            server.run(sockets=[listener])

    threading.Thread(target=serve, daemon=True).start()
    ready.wait(10)
    try:
        yield f"{host}:{port}"
    finally:
        server.should_exit = True  # not waited for: stopping takes uvicorn two ticks of its clock, and tests are many


def ready_line(cloud: LocalCloud, listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return json.dumps(
        {
            "endpoint": f"{host}:{port}",
            "accessKeyId": cloud.gate.access_key_id,
            "accessKeySecret": cloud.gate.access_key_secret,
            "regionId": cloud.service.region_id,
        }
    )


async def _spoilt(answer: Response, fault: Fault | None) -> Response:
    """The answer as the fault leaves it; the work behind it is done."""
    kind = fault.kind if fault else ""
    if fault and kind == "slow":
        await asyncio.sleep(fault.seconds)
    if kind == "not-json":
        return Response("<!doctype html>", 200, media_type="text/html")
    if kind == "lost-answer":
        return _broken()
    if kind == "throttled-with-header":
        answer.headers["Retry-After"] = "1"
    return answer


def _broken() -> Response:
    """The server has to break the connection."""

    async def begun() -> AsyncIterator[bytes]:
        yield b"{"
        raise Broken

    return StreamingResponse(begun(), 200, headers={"content-length": "1000"}, media_type="application/json")
