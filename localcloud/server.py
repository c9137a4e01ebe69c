"""One HTTP port for Auto Scaling, CloudMonitor, Function Compute and the console."""

from __future__ import annotations

import asyncio
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
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from localcloud import admin, answers, errors
from localcloud.cloud import LocalCloud
from localcloud.console.overview import Watch
from localcloud.deployed import Deployed
from localcloud.functions import endpoint
from localcloud.guard import Guard
from localcloud.spoiling import Broken, broken, spoilt
from localcloud.wire import Incoming, parameters

__all__ = ["LocalCloud", "application", "running", "server_for"]


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
            return broken()
        return await spoilt(cloud.answer(incoming, params, request.url.netloc, fault), fault, cloud.faults)

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
