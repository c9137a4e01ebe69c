"""Serves a local cloud from the command line, until a signal."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NamedTuple, cast

import click
import uvicorn
from starlette.types import ASGIApp

from localcloud.certificate import CertificateError, self_signed_certificate
from localcloud.cloud import LocalCloud
from localcloud.console.history import ConsoleHistory
from localcloud.declared import deploy_declared
from localcloud.fleet import FleetError
from localcloud.functions.fleet_function import FleetFunction
from localcloud.persistence import Persistence, StateFile
from localcloud.server import endpoint_of, listening_socket, ready_line, server_for


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int
    https: bool
    names: frozenset[str]  # of this machine, besides its addresses


def serve(
    cloud: LocalCloud, function: FleetFunction | None, address: Address, state: Path | None
) -> None:
    """Serves until a signal; saves to `state` after each change. Raises ClickException."""
    with ExitStack() as stack:
        if cloud.platform:
            stack.callback(cloud.platform.close)
        try:
            listener = stack.enter_context(listening_socket(address.port, address.host))
            certificate = _certificate(stack, address)
        except CertificateError as error:
            raise click.ClickException(f"no certificate for --https: {error}") from error
        except OSError as error:
            place = f"port {address.port} of {address.host}"
            message = f"cannot listen on {place}: {error.strerror}; give another --port, or 0"
            raise click.ClickException(message) from error
        history = ConsoleHistory(cloud)
        endpoint = endpoint_of(listener)
        if function:
            function.endpoint = endpoint
            try:
                deploy_declared(function)
            except FleetError as error:
                raise click.ClickException(f"the fleet file is wrong: {error}") from error
            _deploy_at_reset(cloud, function)
        exit_on_signals()
        scheme = "https" if address.https else "http"

        def print_ready() -> None:
            click.echo(f"Console: {scheme}://{endpoint}/console", err=True)
            click.echo(ready_line(cloud, listener, certificate))

        server = server_for(cloud, print_ready, certificate, history, function, address.names)
        if state is None:
            server.run(sockets=[listener])
            return
        file = StateFile(state, cloud)
        try:
            file.save()
        except OSError as error:
            raise click.ClickException(f"cannot save to {state}: {error.strerror}") from error
        server.config.app = Persistence(cast("ASGIApp", server.config.app), file)
        try:
            asyncio.run(_serve_and_save(server, listener, file))
        finally:
            file.save()


def _deploy_at_reset(cloud: LocalCloud, function: FleetFunction) -> None:
    """Lets a reset bring the function's triggers back, too."""
    reset = cloud.reset

    def reset_with_triggers() -> None:
        if reset is not None:
            reset()
        deploy_declared(function)

    cloud.reset = reset_with_triggers if reset else None


async def _serve_and_save(server: uvicorn.Server, listener: socket.socket, file: StateFile) -> None:
    saving = asyncio.create_task(file.save_forever())
    try:
        await server.serve(sockets=[listener])
    finally:
        saving.cancel()


def _certificate(stack: ExitStack, address: Address) -> tuple[str, str] | None:
    if not address.https:
        return None
    return stack.enter_context(self_signed_certificate(address.host))


def exit_on_signals() -> None:
    """Ends this process cleanly on SIGTERM and Ctrl-C.

    uvicorn stops gracefully on a signal, then raises it again, which must end in a clean exit, not
    in a traceback.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)


def _exit(_: int, __: FrameType | None) -> None:
    sys.exit(0)
