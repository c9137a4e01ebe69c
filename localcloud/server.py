"""One HTTP port for Auto Scaling, CloudMonitor, Function Compute and the console."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from localcloud import admin, answers, errors
from localcloud.cloud import LocalCloud
from localcloud.console.overview import Watch
from localcloud.deployed import Deployed
from localcloud.faults import GATEWAYS, Fault, Faults
from localcloud.functions import endpoint
from localcloud.garble import garbled
from localcloud.guard import Guard
from localcloud.wire import Incoming, parameters

__all__ = ["LocalCloud", "application", "running", "server_for"]


LARGE, BOMB = 64 << 20, 200 << 20
SPACES = b" " * (1 << 16)


class Broken(Exception):
    """An answer that was to break off."""


def application(
    cloud: LocalCloud,
    when_ready: Callable[[], None],
    watch: Watch | None = None,
    deployed: Deployed | None = None,
    hosts: frozenset[str] = frozenset(),
) -> Starlette:
    """`hosts`: names of this machine, besides its addresses, that a request may be for."""

    async def serve(request: Request) -> Response:
        if _a_person(request):
            return RedirectResponse("/console")
        incoming = await _incoming(request)
        params = parameters(incoming)
        fault = cloud.faults.take(params.get("Action", ""))
        if fault and fault.kind == "bad-gateway":
            return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")
        if fault and fault.kind == "reset":
            return _broken()
        return await _spoilt(cloud.answer(incoming, params, request.url.netloc, fault), fault, cloud.faults)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if cloud.platform:
            cloud.platform.start()
        watching = asyncio.create_task(_watched(watch)) if watch else None
        when_ready()
        yield
        if watching:
            watching.cancel()
        if cloud.platform:
            await run_in_threadpool(cloud.platform.close)

    async def failed(request: Request, error: Exception) -> Response:
        if not isinstance(error, Broken):
            traceback.print_exception(error)  # a fault of this cloud's own is not to be mistaken for one on request
        body = answers.error_body(errors.InternalError(), answers.request_id(), request.url.netloc, "JSON")
        return Response(body, 500, media_type=answers.CONTENT_TYPES["JSON"])

    routes = [Route("/", serve, methods=["GET", "POST"])]
    if cloud.platform is not None:
        routes += admin.routes(cloud, watch or Watch(cloud), deployed)
        routes += endpoint.routes(cloud.platform, cloud.gate, cloud.faults)
    elif cloud.functions is not None:
        routes.append(endpoint.invocations(cloud.functions, cloud.gate, cloud.faults))
    guard = Middleware(Guard, now=cloud.service.clock.now, hosts=hosts)
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: failed}, middleware=[guard])


async def _watched(watch: Watch) -> None:
    """Capacity over time, whoever looks."""
    while True:
        watch.sample()
        await asyncio.sleep(1)


def listening(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket on this machine only, unless told otherwise; port 0 takes a free one."""
    # The protocol is named, for asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def server_for(
    cloud: LocalCloud,
    when_ready: Callable[[], None],
    certificate: tuple[str, str] | None = None,
    watch: Watch | None = None,
    deployed: Deployed | None = None,
    hosts: frozenset[str] = frozenset(),
) -> uvicorn.Server:
    """`certificate`: files of the certificate and its key, for HTTPS. `deployed`: what the console fires events at."""

    class Port(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if cloud.faults.refuses_connection():
                transport.abort()

    certfile, keyfile = certificate or (None, None)
    config = uvicorn.Config(
        application(cloud, when_ready, watch, deployed, hosts),
        http=Port,
        log_level="critical",
        access_log=False,
        date_header=False,  # the guard's, by the cloud's clock
        timeout_graceful_shutdown=2,
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
    )
    return uvicorn.Server(config)


@contextmanager
def running(cloud: LocalCloud) -> Iterator[str]:
    """Serves from a thread of this process; gives host:port. For tests, which then drive the cloud's clock.

    Nothing watches capacity: between calls the cloud's state is the test's own.
    """
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


def ready_line(cloud: LocalCloud, listener: socket.socket, certificate: tuple[str, str] | None = None) -> str:
    host, port = listener.getsockname()
    told = {
        "endpoint": f"{host}:{port}",
        "accessKeyId": cloud.gate.access_key_id,
        "accessKeySecret": cloud.gate.access_key_secret,
        "regionId": cloud.service.region_id,
    }
    return json.dumps({**told, "certificate": certificate[0]} if certificate else told)


def _a_person(request: Request) -> bool:
    """A browser at the port's root, and no client of the API."""
    return request.method == "GET" and not request.url.query and "text/html" in request.headers.get("accept", "")


async def _incoming(request: Request) -> Incoming:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Incoming(request.method, request.url.path, request.url.query, headers, await request.body())


async def _spoilt(answer: Response, fault: Fault | None, faults: Faults) -> Response:
    """The answer as the fault leaves it; the work behind it is done."""
    kind = fault.kind if fault else ""
    if fault and kind == "slow":
        await asyncio.sleep(fault.seconds)
    if kind == "not-json":
        return Response("<!doctype html>", 200, media_type="text/html")
    if kind == "lost-answer":
        return _broken()
    if kind in GATEWAYS:
        status, page = GATEWAYS[kind]
        headers = {"location": "https://login.invalid/"} if status == 302 else None
        return Response(page, status, headers, "text/html")
    body = bytes(answer.body)
    if kind == "garbled":
        return Response(garbled(body, faults.chance), answer.status_code, media_type="application/json")
    if fault and kind == "drip":
        return _streamed(_dripping(body, fault.seconds), answer.status_code, len(body))
    if kind == "half-body":
        return _streamed(_half(body), answer.status_code, len(body))
    if kind == "too-large":
        return _streamed(_large(body), answer.status_code, LARGE)
    if kind == "gzip-bomb":
        packed = gzip.compress(body + b" " * BOMB)
        return Response(packed, answer.status_code, {"content-encoding": "gzip"}, "application/json")
    if kind == "throttled-with-header":
        answer.headers["Retry-After"] = "1"
    return answer


def _streamed(parts: AsyncIterator[bytes], status: int, length: int) -> Response:
    return StreamingResponse(parts, status, {"content-length": str(length)}, "application/json")


async def _dripping(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for byte in body:
        yield bytes((byte,))
        await asyncio.sleep(seconds)


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise Broken


async def _large(body: bytes) -> AsyncIterator[bytes]:
    yield body
    for _ in range((LARGE - len(body)) // len(SPACES)):
        yield SPACES
    yield b" " * ((LARGE - len(body)) % len(SPACES))


def _broken() -> Response:
    """The server has to break the connection."""

    async def begun() -> AsyncIterator[bytes]:
        yield b"{"
        raise Broken

    return StreamingResponse(begun(), 200, headers={"content-length": "1000"}, media_type="application/json")
