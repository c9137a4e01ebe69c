"""The command line: `python -m localcloud --help`."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click

from localcloud.clock import SystemClock
from localcloud.ess.model import Knobs
from localcloud.faults import KINDS, Fault, parsed
from localcloud.fleet import FleetError, read_fleet
from localcloud.server import LocalCloud, listening, ready_line, server_for
from localcloud.wire import Gate

FLEETS = Path(__file__).parent / "fleets"


def _faults(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[Fault]:
    try:
        return [parsed(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--fleet",
    type=click.Path(dir_okay=False, path_type=Path),
    default=FLEETS / "small.json",
    show_default="localcloud/fleets/small.json",
    help="Scaling groups to start from (localcloud/fleet.schema.json says how).",
)
@click.option("--activity-seconds", type=click.FloatRange(0), help="How long an activity takes, over the fleet file.")
@click.option("--access-key-id", default="localcloud", help="The key to accept.")
@click.option("--access-key-secret", default="localcloud-secret", help="Its secret.")
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
def main(
    port: int,
    fleet: Path,
    activity_seconds: float | None,
    access_key_id: str,
    access_key_secret: str,
    security_token: str,
    default_format: str,
    faults: list[Fault],
) -> None:
    """Starts Alibaba Cloud Auto Scaling (ESS) on this machine.

    Prints one JSON line {"endpoint", "accessKeyId", "accessKeySecret", "regionId"} when it is ready, and serves until
    it gets SIGTERM or Ctrl-C. It listens on 127.0.0.1 only.
    """
    try:
        service = read_fleet(fleet, SystemClock(), Knobs())
        if activity_seconds is not None:
            service.knobs = replace(service.knobs, activity_seconds=activity_seconds)
    except FleetError as error:
        raise click.ClickException(f"the fleet file is wrong: {error}") from error
    cloud = LocalCloud(service, Gate(access_key_id, access_key_secret, security_token), default_format=default_format)
    cloud.faults.pending += faults
    try:
        listener = listening(port)
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; give another --port, or 0") from error
    # uvicorn stops gracefully on a signal, then raises it again: which must end in a clean exit, not in a trace.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with listener:
        server_for(cloud, lambda: click.echo(ready_line(cloud, listener))).run(sockets=[listener])


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main(prog_name="python -m localcloud")
