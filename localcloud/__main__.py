"""The command line: `python -m localcloud --help`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from types import FrameType
from typing import Any, NamedTuple

import click

from localcloud.authenticator import Authenticator
from localcloud.certificate import CertificateError, self_signed_certificate
from localcloud.cloud import LocalCloud
from localcloud.console.history import ConsoleHistory
from localcloud.declared import add_declared, deploy_with_triggers
from localcloud.faults import KINDS, Fault, parse_fault
from localcloud.fleet import (
    add_faults,
    add_keys,
    add_rate_limits,
    save_fleet,
)
from localcloud.functions.fleet_function import FleetFunction, fleet_function_of
from localcloud.functions.instances import Account
from localcloud.functions.platform import Platform
from localcloud.lag import Lag
from localcloud.rate_limits import parse_limit
from localcloud.server import listening_socket, ready_line, server_for
from localcloud.start import fleet_errors, start_services

FLEETS = Path(__file__).parent / "fleets"


class _Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int
    https: bool
    names: frozenset[str]  # of this machine, besides its addresses


def _each(parse: Callable[[str], Any]) -> Callable[..., list[Any]]:
    """Returns what parses each value of an option that may be repeated."""

    def parse_all(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
        try:
            return [parse(text) for text in texts]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return parse_all


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
@click.option(
    "--host",
    default="127.0.0.1",
    help="Address to listen on. Any but 127.0.0.1 may be reached from other machines.",
)
@click.option(
    "--https",
    is_flag=True,
    help="Serve HTTPS with a self-signed certificate; the JSON line names its file.",
)
@click.option(
    "--fleet",
    type=click.Path(dir_okay=False, path_type=Path),
    default=FLEETS / "small.json",
    show_default="localcloud/fleets/small.json",
    help="File of the scaling groups to start from; localcloud/fleet.schema.json has its form.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Start from this file if it exists, instead of the fleet, and save to it at the end.",
)
@click.option(
    "--activity-seconds",
    type=click.FloatRange(0),
    help="How long an activity takes; overrides the fleet file.",
)
@click.option(
    "--acts/--still",
    default=True,
    help="Auto Scaling acts by itself (restores capacity, checks health, runs tasks), or only on "
    "calls.",
)
@click.option("--access-key-id", default="localcloud", help="The key to accept.")
@click.option(
    "--access-key-secret",
    default="",
    show_default="made at start",
    help="The secret of the key; the JSON line has it.",
)
@click.option(
    "--allowed-host",
    "hosts",
    multiple=True,
    help="Another name of this machine that requests may be for; may be repeated.",
)
@click.option(
    "--lists-lag",
    type=click.FloatRange(0),
    default=0.0,
    help="Age in seconds of the state that lists of groups and instances show.",
)
@click.option(
    "--history-lag",
    type=click.FloatRange(0),
    default=0.0,
    help="Age in seconds of the state that the history of activities shows.",
)
@click.option("--lag-varies", is_flag=True, help="Each read has a random lag, up to these two.")
@click.option(
    "--security-token",
    default="",
    show_default="any, or none",
    help="Accept only calls with this token.",
)
@click.option(
    "--default-format",
    type=click.Choice(["JSON", "XML"]),
    default="JSON",
    help="Format of the answer to a call that names none.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=_each(parse_fault),
    metavar="KIND[:ACTION[:TIMES[:SECONDS]]]",
    help="Cause a fault, such as throttled:RemoveInstances:2; may be repeated. "
    f"Kinds: {', '.join(KINDS)}.",
)
@click.option(
    "--rate-limit",
    "rate_limits",
    multiple=True,
    callback=_each(parse_limit),
    metavar="ACTION:CALLS",
    help="How many calls a second an account may make of an action, or of each (*); may be "
    "repeated.",
)
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of calls that get a fault, 0 to 1.",
)
@click.option(
    "--fault-kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Kind of fault for --fault-rate; may be repeated.",
)
@click.option(
    "--fault-seed", default=0, help="Seed for --fault-rate: the same seed gives the same faults."
)
def main(
    port: int,
    host: str,
    https: bool,
    fleet: Path,
    state: Path | None,
    activity_seconds: float | None,
    acts: bool,
    access_key_id: str,
    access_key_secret: str,
    hosts: tuple[str, ...],
    lists_lag: float,
    history_lag: float,
    lag_varies: bool,
    security_token: str,
    default_format: str,
    faults: list[Fault],
    rate_limits: list[tuple[str, float]],
    fault_rate: float,
    kinds: tuple[str, ...],
    fault_seed: int,
) -> None:
    """Starts Alibaba Cloud Auto Scaling (ESS) on this machine.

    The parts of CloudMonitor and Function Compute that it needs start too. When it is ready, it
    prints one JSON line {"endpoint", "accessKeyId", "accessKeySecret", "regionId"}, and to standard
    error the address of its console. It serves until SIGTERM or Ctrl-C.
    """
    document, service, elsewhere = start_services(fleet, state, activity_seconds, acts)
    secret = access_key_secret or token_hex(16)
    account = Account(service.region_id, access_key_id, secret, security_token, service.account_id)

    platform = Platform(service.clock, account, service.send_message)
    authenticator = Authenticator(access_key_id, secret, security_token)
    cloud = LocalCloud(
        service,
        authenticator,
        default_format=default_format,
        platform=platform,
        elsewhere=elsewhere,
    )
    add_keys(document, authenticator)
    add_rate_limits(document, cloud.rate_limits)
    for action, calls in rate_limits:
        cloud.rate_limits.set(action, calls)
    cloud.lag = Lag(lists_lag, history_lag, varies=lag_varies)
    add_faults(document, cloud.faults)
    with fleet_errors():
        add_declared(document, cloud)
    cloud.faults.pending += faults
    if fault_rate:
        cloud.faults.set_random(fault_rate, kinds or KINDS, fault_seed)
    function = fleet_function_of(document, fleet, platform)
    address = _Address(host, port, https, frozenset(hosts))
    _serve(cloud, platform, function, address, state)


def _serve(
    cloud: LocalCloud,
    platform: Platform,
    function: FleetFunction | None,
    address: _Address,
    state: Path | None,
) -> None:
    """Serves until a signal, then saves the state."""
    with ExitStack() as stack:
        stack.callback(platform.close)
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
        platform.on_invocation = history.record_invocation
        bound_host, bound_port = listener.getsockname()
        if function:
            function.endpoint = f"{bound_host}:{bound_port}"
            with fleet_errors():
                deploy_with_triggers(function)
        # uvicorn stops gracefully on a signal, then raises it again, which must end in a clean
        # exit, not in a traceback.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit)
        scheme = "https" if address.https else "http"

        def print_ready() -> None:
            click.echo(f"Console: {scheme}://{bound_host}:{bound_port}/console", err=True)
            click.echo(ready_line(cloud, listener, certificate))

        server = server_for(cloud, print_ready, certificate, history, function, address.names)
        try:
            server.run(sockets=[listener])
        finally:
            if state:
                cloud.advance()
                save_fleet(cloud.service, state, cloud.elsewhere.values())


def _certificate(stack: ExitStack, address: _Address) -> tuple[str, str] | None:
    if not address.https:
        return None
    return stack.enter_context(self_signed_certificate(address.host))


def _exit(_: int, __: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main(prog_name="python -m localcloud")
