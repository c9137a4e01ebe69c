"""One HTTP port for Auto Scaling, CloudMonitor, Function Compute and the console."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from localcloud import answers, errors
from localcloud.answer_faults import BrokenResponse, apply_fault, response_instead
from localcloud.buses import control
from localcloud.cloud import LocalCloud
from localcloud.console import admin
from localcloud.console.history import ConsoleHistory
from localcloud.functions import endpoint
from localcloud.functions.fleet_function import FleetFunction
from localcloud.host_check import HostCheck
from localcloud.logs.endpoint import log_routes
from localcloud.queues import endpoint as queues_endpoint
from localcloud.triggers import http_endpoint, inspection
from localcloud.wire import Incoming, parameters

__all__ = ["LocalCloud", "application", "running", "server_for"]

SAMPLE_SECONDS = 1.0
MAX_CALL_BYTES = 4 << 20  # a form takes seconds to read for each ten times as much


def application(
    cloud: LocalCloud,
    when_ready: Callable[[], None],
    history: ConsoleHistory | None = None,
    function: FleetFunction | None = None,
    hosts: frozenset[str] = frozenset(),
) -> Starlette:
    """Returns the ASGI application.

    `history`: sampled all the time. `function`: what the console fires events at. `hosts`: names of
    this machine, besides its addresses, that a request may be for.
    """
    return Starlette(
        routes=_routes(cloud, history, function),
        lifespan=_lifespan(cloud, when_ready, history),
        exception_handlers={Exception: _internal_error},
        middleware=[Middleware(HostCheck, now=cloud.service.clock.now, hosts=hosts)],
    )


def _routes(
    cloud: LocalCloud, history: ConsoleHistory | None, function: FleetFunction | None
) -> list[Route]:
    authenticator, faults = cloud.authenticator, cloud.faults
    serve_account = queues_endpoint.account_endpoint(cloud.queues, authenticator, faults)

    async def serve(request: Request) -> Response:
        if queues_endpoint.is_account_request(request):
            return await serve_account(request)
        if _is_browser(request):
            return RedirectResponse("/console")
        incoming = await _read_incoming(request)
        if len(incoming.body) + len(incoming.query) > MAX_CALL_BYTES:
            return _refusal(request, errors.CallTooLarge())
        params = parameters(incoming)
        fault = cloud.faults.take(params.get("Action", ""))
        instead = response_instead(fault)
        if instead is not None:
            return instead
        answer = cloud.answer(incoming, params, request.url.netloc, fault)
        return await apply_fault(answer, fault, cloud.faults)

    routes = [Route("/", serve, methods=["GET", "POST", "PUT"])]
    routes += queues_endpoint.routes(cloud.queues, authenticator, faults)
    routes += inspection.routes(cloud.service, cloud.queues, cloud.triggers)
    routes += control.routes(cloud)
    if cloud.triggers is not None:
        routes += http_endpoint.routes(cloud.triggers, authenticator)
    if cloud.platform is not None:
        routes += admin.routes(cloud, history or ConsoleHistory(cloud), function)
        routes += endpoint.routes(cloud.platform, authenticator, faults)
        routes += log_routes(cloud.platform.logs, authenticator)
    elif cloud.functions is not None:
        routes += endpoint.queue_routes(cloud.functions, authenticator, faults)
    return routes


def _lifespan(
    cloud: LocalCloud, when_ready: Callable[[], None], history: ConsoleHistory | None
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if cloud.platform:
            cloud.platform.start()
        if cloud.triggers:
            cloud.triggers.start()
        sampling = asyncio.create_task(_sample_forever(history)) if history else None
        when_ready()
        yield
        if sampling:
            sampling.cancel()
        if cloud.triggers:
            await run_in_threadpool(cloud.triggers.close)
        if cloud.platform:
            await run_in_threadpool(cloud.platform.close)

    return lifespan


async def _internal_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, BrokenResponse):
        # A bug of this cloud's own is not to be mistaken for a fault on request.
        traceback.print_exception(error)
    return _refusal(request, errors.InternalError())


def _refusal(request: Request, error: errors.ApiError) -> Response:
    body = answers.error_body(error, answers.request_id(), request.url.netloc, "JSON")
    return Response(body, error.status, media_type=answers.CONTENT_TYPES["JSON"])


async def _sample_forever(history: ConsoleHistory) -> None:
    """Records capacity over time, also while no console is open."""
    while True:
        history.record()
        await asyncio.sleep(SAMPLE_SECONDS)


def listening_socket(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Returns a socket that listens, by default on this machine only; port 0 takes a free one."""
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer
    # waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def server_for(
    cloud: LocalCloud,
    when_ready: Callable[[], None],
    certificate: tuple[str, str] | None = None,
    history: ConsoleHistory | None = None,
    function: FleetFunction | None = None,
    hosts: frozenset[str] = frozenset(),
) -> uvicorn.Server:
    """Returns a server. `certificate`: files of the certificate and its key, for HTTPS."""

    # httptools parses where it is installed, which costs a third as much as h11.
    class Port(AutoHTTPProtocol):  # type: ignore[valid-type,misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            if cloud.faults.take_refused_connection():
                transport.abort()

        def shutdown(self) -> None:
            super().shutdown()
            # An idle client by HTTPS does not answer that its connection ends.
            if self.transport.is_closing():
                self.transport.abort()

    certfile, keyfile = certificate or (None, None)
    config = uvicorn.Config(
        application(cloud, when_ready, history, function, hosts),
        http=Port,
        log_level="critical",
        access_log=False,
        date_header=False,  # HostCheck sets it, by the cloud's clock
        # Longer than a pause between calls: the MNS SDK fails on a connection that has ended.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
    )
    return uvicorn.Server(config)


@contextmanager
def running(
    cloud: LocalCloud,
    certificate: tuple[str, str] | None = None,
    hosts: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """Serves from a thread of this process; yields host:port. For tests that drive the clock.

    Capacity is not sampled: between calls nothing but the test changes the cloud's state.
    """
    ready = threading.Event()
    server = server_for(cloud, ready.set, certificate, hosts=hosts)
    listener = listening_socket(0)

    def serve() -> None:
        with listener:
            server.run(sockets=[listener])

    threading.Thread(target=serve, daemon=True).start()
    ready.wait(10)
    try:
        yield endpoint_of(listener)
    finally:
        # Not waited for: stopping takes uvicorn two ticks of its clock, and tests are many.
        server.should_exit = True


def endpoint_of(listener: socket.socket) -> str:
    """Returns host:port by which this machine reaches it, also if it listens on all addresses."""
    host, port = listener.getsockname()
    return f"{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 (no address to bind)


def ready_line(
    cloud: LocalCloud, listener: socket.socket, certificate: tuple[str, str] | None = None
) -> str:
    """Returns the JSON line that says how to reach the cloud."""
    line = {
        "endpoint": endpoint_of(listener),
        "accessKeyId": cloud.authenticator.access_key_id,
        "accessKeySecret": cloud.authenticator.access_key_secret,
        "regionId": cloud.service.region_id,
    }
    if certificate:
        line["certificate"] = certificate[0]
    return json.dumps(line)


def _is_browser(request: Request) -> bool:
    """Whether a person opens the port's root, rather than a client of the API."""
    accepts_html = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and not request.url.query and accepts_html


async def _read_incoming(request: Request) -> Incoming:
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = request.url
    return Incoming(request.method, url.path, url.query, headers, await request.body())
