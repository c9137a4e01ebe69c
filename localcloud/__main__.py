"""The command line: `python -m localcloud --help`."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from types import FrameType
from typing import Any

import click

from localcloud.certificate import CertificateError, self_made
from localcloud.clock import AdvancingClock
from localcloud.cloud import LocalCloud
from localcloud.console.overview import Watch
from localcloud.deployed import deployed_of
from localcloud.ess.model import Knobs
from localcloud.ess.service import Service
from localcloud.faults import KINDS, Fault, parsed
from localcloud.fleet import FleetError, document_in, faults_of, save_fleet, service_of
from localcloud.functions.instances import Identity
from localcloud.functions.platform import Platform
from localcloud.lag import Lag
from localcloud.server import listening, ready_line, server_for
from localcloud.wire import Gate

FLEETS = Path(__file__).parent / "fleets"


def _faults(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[Fault]:
    try:
        return [parsed(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", help="Address to listen on; all but 127.0.0.1 can be reached by others.")
@click.option("--https", is_flag=True, help="With a self-made certificate; its file is told when it is ready.")
@click.option(
    "--fleet",
    type=click.Path(dir_okay=False, path_type=Path),
    default=FLEETS / "small.json",
    show_default="localcloud/fleets/small.json",
    help="Scaling groups to start from (localcloud/fleet.schema.json says how).",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Start from this file if it is there, instead of the fleet, and save to it at the end.",
)
@click.option("--activity-seconds", type=click.FloatRange(0), help="How long an activity takes, over the fleet file.")
@click.option("--acts/--still", default=True, help="Whether Auto Scaling refills, checks health and runs tasks.")
@click.option("--access-key-id", default="localcloud", help="The key to accept.")
@click.option(
    "--access-key-secret", default="", show_default="made at start", help="Its secret; the JSON line says it."
)
@click.option(
    "--allowed-host", "hosts", multiple=True, help="Another name by which this machine may be asked; may be repeated."
)
@click.option("--lists-lag", type=click.FloatRange(0), default=0.0, help="Lists show the past: so many seconds ago.")
@click.option("--history-lag", type=click.FloatRange(0), default=0.0, help="The history of activities does.")
@click.option("--lag-varies", is_flag=True, help="Each read is as late as chance will have it, up to these.")
@click.option("--security-token", default="", show_default="any, or none", help="Accept only calls with this token.")
@click.option("--default-format", type=click.Choice(["JSON", "XML"]), default="JSON", help="Where a call names none.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=_faults,
    metavar="KIND[:ACTION[:TIMES[:SECONDS]]]",
    help=f"Misbehave, such as throttled:RemoveInstances:2. Kinds: {', '.join(KINDS)}.",
)
@click.option("--fault-rate", type=click.FloatRange(0, 1), default=0.0, help="Share of calls that meet a fault.")
@click.option("--fault-kind", "kinds", multiple=True, type=click.Choice(KINDS), help="For the rate; may be repeated.")
@click.option("--fault-seed", default=0, help="For the rate: the same seed gives the same faults.")
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
    fault_rate: float,
    kinds: tuple[str, ...],
    fault_seed: int,
) -> None:
    """Starts Alibaba Cloud Auto Scaling (ESS) on this machine, with what of CloudMonitor and Function Compute it needs.

    Prints one JSON line {"endpoint", "accessKeyId", "accessKeySecret", "regionId"} when it is ready, and serves until
    it gets SIGTERM or Ctrl-C. The address of the console goes to standard error.
    """
    document, service = _started(fleet, state, activity_seconds, acts)
    access_key_secret = access_key_secret or token_hex(16)
    gate = Gate(access_key_id, access_key_secret, security_token)
    identity = Identity(service.region_id, access_key_id, access_key_secret, security_token)
    platform = Platform(service.clock, identity, lambda arn, body: service.sent.append({"to": arn, "content": body}))
    cloud = LocalCloud(service, gate, default_format=default_format, platform=platform)
    cloud.lag = Lag(lists_lag, history_lag, varies=lag_varies)
    faults_of(document, cloud.faults)
    cloud.faults.pending += faults
    if fault_rate:
        cloud.faults.at_random(fault_rate, kinds or KINDS, fault_seed)
    with ExitStack() as stack:
        stack.callback(platform.close)
        try:
            listener = stack.enter_context(listening(port, host))
            certificate = stack.enter_context(self_made(host)) if https else None
        except (OSError, CertificateError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise click.ClickException(f"port {port}: {why}; give another --port, or 0") from error
        watch = Watch(cloud)
        platform.watch = watch.decided
        deployed = deployed_of(document, fleet, platform)
        if deployed:
            deployed.endpoint = "{}:{}".format(*listener.getsockname())
        # uvicorn stops gracefully on a signal, then raises it again: which must end in a clean exit, not in a trace.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        line = ready_line(cloud, listener, certificate)
        console = "{}://{}:{}/console".format("https" if https else "http", *listener.getsockname())

        def say() -> None:
            click.echo(f"Console: {console}", err=True)
            click.echo(line)

        try:
            server_for(cloud, say, certificate, watch, deployed, frozenset(hosts)).run(sockets=[listener])
        finally:
            if state:
                service.advance()
                save_fleet(service, state)


def _started(
    fleet: Path, state: Path | None, activity_seconds: float | None, acts: bool
) -> tuple[dict[str, Any], Service]:
    try:
        document = document_in(fleet)
        start = document_in(state) if state and state.exists() else document
        service = service_of(start, AdvancingClock(), Knobs(acts=acts))
    except FleetError as error:
        raise click.ClickException(f"the fleet file is wrong: {error}") from error
    if activity_seconds is not None:
        service.knobs = replace(service.knobs, activity_seconds=activity_seconds)
    return document, service


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main(prog_name="python -m localcloud")
