"""The command line: `python -m localcloud --help`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import click

from localcloud.assembly import build_cloud
from localcloud.authenticator import Authenticator
from localcloud.clock import AdvancingClock
from localcloud.ess.model import Assumptions
from localcloud.faults import KINDS, Fault, parse_fault
from localcloud.fleet import FleetError, read_document
from localcloud.functions.fleet_function import fleet_function_of
from localcloud.lag import Lag
from localcloud.rate_limits import parse_limit
from localcloud.recording_commands import compare_command, record_command
from localcloud.serving import Address, serve
from localcloud.version import current_version

FLEETS = Path(__file__).parent / "fleets"


def _each(parse: Callable[[str], Any]) -> Callable[..., list[Any]]:
    """Returns what parses each value of an option that may be repeated."""

    def parse_all(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
        try:
            return [parse(text) for text in texts]
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return parse_all


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(current_version(), prog_name="alibaba-localcloud")
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
    help="Start from this file if it exists, instead of the fleet, and save each change to it.",
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
    metavar="KIND",
    help="Kind of fault for --fault-rate, as of --fault; may be repeated.",
)
@click.option(
    "--fault-seed", default=0, help="Seed for --fault-rate: the same seed gives the same faults."
)
@click.pass_context
def main(
    context: click.Context,
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
    if context.invoked_subcommand is not None:
        return
    key = Authenticator(access_key_id, access_key_secret or token_hex(16), security_token)
    clock = AdvancingClock()
    try:
        document = read_document(fleet)
        saved = read_document(state) if state and state.exists() else None
        clock.advance(float((saved or {}).get("aheadSeconds", 0)))
        cloud = build_cloud(document, clock, Assumptions(acts=acts), key, saved, activity_seconds)
    except FleetError as error:
        hint = "localcloud/fleet.schema.json has its form"
        raise click.ClickException(f"the fleet file is wrong: {error}; {hint}") from error
    cloud.default_format = default_format
    for action, calls in rate_limits:
        cloud.rate_limits.set(action, calls)
    cloud.lag = Lag(lists_lag, history_lag, varies=lag_varies)
    cloud.faults.pending += faults
    if fault_rate:
        cloud.faults.set_random(fault_rate, kinds or KINDS, fault_seed)
    function = fleet_function_of(document, fleet, cloud.platform) if cloud.platform else None
    serve(cloud, function, Address(host, port, https, frozenset(hosts)), state)


main.add_command(record_command)
main.add_command(compare_command)

if __name__ == "__main__":
    main(prog_name="python -m localcloud")
