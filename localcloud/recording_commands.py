"""The commands `record` and `compare`: what an account answers, and where this cloud differs."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
import uvicorn

from localcloud.assembly import build_cloud
from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.comparison import MISSING, Comparison, RecordingError, compare, read_recording
from localcloud.ess.model import Assumptions
from localcloud.fleet import FleetError, read_document
from localcloud.recorder import Recorder
from localcloud.server import endpoint_of, listening_socket
from localcloud.serving import exit_on_signals

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("record")
@click.option("--file", type=FILE, required=True, help="JSON lines are added to this file.")
@click.option(
    "--to",
    default="",
    show_default="the host that a call names",
    help="Address of the cloud, for clients that have this recorder as their endpoint.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
def record_command(file: Path, to: str, port: int) -> None:
    """Forwards calls to Alibaba Cloud, and records each with its answer, without secrets.

    Have clients call http://ess.REGION.aliyuncs.com with HTTP_PROXY=http://127.0.0.1:PORT, or, for
    signature 1.0, the address that the JSON line names, with --to. Ids of the account and its
    instances are recorded: read the file before it leaves your machine.
    """
    if to and not to.startswith(("http://", "https://")):
        raise click.UsageError(f"--to takes a URL, such as http://{to}")
    recorder = Recorder(file, to, lambda: datetime.now(timezone.utc))
    try:
        listener = listening_socket(port)
        file.touch()
    except OSError as error:
        raise click.ClickException(f"cannot record: {error}") from error
    exit_on_signals()
    config = uvicorn.Config(
        recorder,
        http="h11",
        log_level="critical",
        access_log=False,
        date_header=False,
        lifespan="off",
        proxy_headers=False,
    )
    with listener:
        click.echo(json.dumps({"endpoint": endpoint_of(listener), "file": str(file)}))
        uvicorn.Server(config).run(sockets=[listener])


@click.command("compare")
@click.argument("file", type=FILE)
@click.option("--fleet", type=FILE, required=True, help="What the account had at the beginning.")
@click.option("--acts/--still", default=True, help="Auto Scaling acts by itself, or only on calls.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each difference.")
def compare_command(file: Path, fleet: Path, acts: bool, as_json: bool) -> None:
    """Performs the calls of a recording on a local cloud, and prints where the answers differ.

    Ids and times are compared by where they recur. Ends with 1 where something differs.
    """
    try:
        entries = read_recording(file)
        comparison = compared(entries, read_document(fleet), acts)
    except (FleetError, RecordingError) as error:
        raise click.ClickException(str(error)) from error
    for difference in comparison.differences:
        line, action, place, recorded, local = difference
        shown = f"recorded {_shown(recorded)}, local {_shown(local)}"
        text = f"line {line}, {action}: {place}: {shown}"
        click.echo(json.dumps(difference._asdict()) if as_json else text)
    count = len(comparison.differences)
    summary = f"{comparison.compared} calls compared, {count} differences"
    skipped = f", {len(comparison.skipped)} skipped" if comparison.skipped else ""
    click.echo(f"{summary}{skipped}.", err=True)
    raise SystemExit(1 if count else 0)


def _shown(value: Any) -> str:
    """Returns a value as JSON has it: the text "5" is not the number 5."""
    return value if value == MISSING else json.dumps(value, ensure_ascii=False)


def compared(entries: list[dict[str, Any]], fleet: dict[str, Any], acts: bool) -> Comparison:
    """Compares a recording with a local cloud that starts from the fleet. Raises FleetError."""
    first = entries[0]["at"] if entries else "2000-01-01T00:00:00+00:00"
    clock = DrivenClock(datetime.fromisoformat(first))
    cloud = build_cloud(fleet, clock, Assumptions(acts=acts), Authenticator("compare", "compare"))
    try:
        return compare(entries, cloud)
    finally:
        if cloud.platform:
            cloud.platform.close()
