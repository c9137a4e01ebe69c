"""The commands that bring the function to Function Compute, and ask it there: package, deploy, invoke, check."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from scalein.errors import ConfigurationError
from scalein_cli.local import EXAMPLE_POLICY
from scalein_cli.options import SMALL_FLEET, console_of
from scalein_cli.run import Form, Run, RunError, run_event


@click.command()
@click.option(
    "--runtime",
    type=click.Choice(["python3.10", "python3.12"]),
    default="python3.10",
    show_default=True,
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="To be beside index.py.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("scalein.zip"),
    show_default=True,
)
def package(runtime: str, policy: Path | None, output: Path) -> None:
    """Makes the zip that Function Compute is given; the same from the same input.

    It has handler/, the packages that locks/ pins by hash for the runtime, whatever Python runs this command, and
    byte code where that runtime's Python is on this machine. Left out is what is never imported: tests, type
    information, metadata, requests of ESS that the function does not send, and cryptography.

    The exit status is 0, or 1 where it could not be made.
    """
    from scalein_cli import package as command

    console = console_of()
    try:
        made = command.package(runtime, policy, output, console)
    except (command.PackageError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from error
    command.show(made, console)
    if not made.compiled:
        console.print(
            f"{runtime} is not on this machine: without byte code, a cold start takes longer."
        )


def _place(name: str, qualifier: str = "LATEST") -> Any:
    from scalein_cli.compute import Place

    service, _, function = name.partition("/")
    if not service or not function:
        raise click.UsageError("--function takes SERVICE/FUNCTION, such as scalein/scale-in")
    return Place(service, function, qualifier)


function_option = click.option(
    "--function", default="scalein/scale-in", show_default=True, metavar="SERVICE/FUNCTION"
)
endpoint_option = click.option(
    "--endpoint",
    envvar="SCALEIN_FC_ENDPOINT",
    default="",
    metavar="HOST",
    help="Of Function Compute, such as 1234567890.cn-hangzhou.fc.aliyuncs.com.  [default: SCALEIN_FC_ENDPOINT]",
)


@click.command()
@click.argument(
    "zip_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="[ZIP]",
    required=False,
)
@function_option
@endpoint_option
@click.option(
    "--runtime", type=click.Choice(["python3.10", "python3.12"]), help="[default: the package's]"
)
@click.option(
    "--timeout", type=click.IntRange(10, 86_400), help="Seconds.  [default: as it is; 60]"
)
@click.option("--memory", type=click.IntRange(128, 32_768), help="MB.  [default: as it is; 256]")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Variable to set; may be given again.",
)
@click.option(
    "--unset", multiple=True, metavar="NAME", help="Variable to take away; may be given again."
)
@click.option("--role", default="", metavar="ARN", help="RAM role of the service.")
@click.option(
    "--alias",
    default="",
    metavar="NAME",
    help="Publish a version, and have this alias point at it.",
)
@click.option("--on-success", default="", metavar="ARN", help="Destination of asynchronous calls.")
@click.option(
    "--on-failure", default="", metavar="ARN", help="Destination of those that fail for good."
)
@click.option(
    "--only-asynchronous",
    is_flag=True,
    help="Nothing but how the function is called asynchronously.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def deploy(zip_file: Path | None, **options: Any) -> None:
    """Deploys ZIP, as `scalein package` made it, to Function Compute 2.0.

    Makes or changes the service, the function and its asynchronous configuration (three retries, task ids for
    follow-ups); with --alias publishes a version and moves the alias to it. What differs from what is there is shown
    first, and done once you agree; what is not given stays as it is, variables too. The credentials are the
    environment's: ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET.

        scalein package && scalein deploy scalein.zip --env SCALEIN_DRY_RUN=true --alias prod

    With --only-asynchronous, and no ZIP, it completes what template.yml deployed.

    The exit status is 0 where it is deployed or nothing differs, 1 where it failed or you did not agree.
    """
    from scalein_cli import compute
    from scalein_cli import deploy as command

    variables = dict(variable.partition("=")[::2] for variable in options["variables"])
    if not all("=" in variable for variable in options["variables"]):
        raise click.UsageError("--env takes NAME=VALUE")
    if bool(zip_file) == options["only_asynchronous"]:
        raise click.UsageError("give ZIP, or --only-asynchronous")
    wanted = command.Wanted(
        _place(options["function"]),
        zip_file,
        options["runtime"],
        options["timeout"],
        options["memory"],
        variables,
        options["unset"],
        *(options[name] for name in ("role", "alias", "on_success", "on_failure")),
    )
    console = console_of()
    try:
        found = command.changes(compute.client(options["endpoint"]), wanted)
        if not found:
            console.print("Nothing differs.")
            return
        command.show(found, console)
        if options["dry_run"]:
            return
        if not options["yes"]:
            click.confirm("Do this?", abort=True)
        command.carry_out(found, console)
    except compute.ComputeError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("event", type=click.File("rb"))
@function_option
@endpoint_option
@click.option("--qualifier", default="LATEST", show_default=True, help="Version or alias.")
@click.option(
    "--local",
    is_flag=True,
    help="Instead: the function of this checkout, against a local Auto Scaling.",
)
@click.option(
    "--async",
    "later",
    is_flag=True,
    help="Do not wait for the answer; for the end of the invocation.",
)
@click.option(
    "--delay",
    default=0,
    show_default=True,
    type=click.IntRange(0, 3_600),
    help="With --async: seconds.",
)
@click.option(
    "--wait",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="With --async: seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, and nothing else.")
@click.option("--log", is_flag=True, help="Show the last 4 KB of the function's log as well.")
def invoke(event: Any, **options: Any) -> None:
    """Hands EVENT (a file, or - for standard input) to the deployed function, and shows what came of it.

    The exit status is 0 where the function answered, 1 where it raised or could not be called; with --async 0 where
    the invocation succeeded.
    """
    from scalein_cli import compute
    from scalein_cli import invoke as command

    payload, console = event.read(), console_of()
    if options["local"]:
        _invoke_local(payload, console, options["as_json"])
        return
    try:
        client, place = (
            compute.client(options["endpoint"]),
            _place(options["function"], options["qualifier"]),
        )
        if options["later"]:
            notes = Console(stderr=True) if options["as_json"] else console
            status, answer = command.invoke_later(
                client, place, payload, options["delay"], options["wait"], notes
            )
            notes.print(f"{status}.")
            if answer is None:
                notes.print("Its outcome is in the function's log, and goes to its destination.")
                sys.exit(status != "Succeeded")
            answered = answer
        else:
            answered = command.invoke(client, place, payload)
    except compute.ComputeError as error:
        raise click.ClickException(str(error)) from error
    if options["as_json"]:
        click.echo(json.dumps(answered.answer))
    else:
        command.show_answer(answered, console)
    if options["log"]:
        console.print(answered.log, highlight=False, markup=False)
    sys.exit(answered.failed)


def _invoke_local(payload: bytes, console: Console, as_json: bool) -> None:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(payload)
        file.flush()
        try:
            run_event(
                Run(Path(file.name), SMALL_FLEET, EXAMPLE_POLICY, False),
                console,
                Form(as_json, False),
            )
        except RunError as error:
            raise click.ClickException(str(error)) from error


@click.command()
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Policy document.",
)
@click.option(
    "--event", "events", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True
)
@click.option(
    "--template", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="template.yml."
)
@click.option(
    "--region", default="", metavar="ID", help="With --policy: ask ESS there about its groups."
)
@click.option(
    "--try-remove", is_flag=True, help="Target for the removal of an instance that is nobody, too."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print what was found as JSON, and nothing else."
)
def check(**options: Any) -> None:
    """Says whether a deployment will work, before the first alarm does.

    The policy: is it valid. Events: can the function read them. The template: are its RAM policies right, which
    Alibaba's validator does not look at. With --region, credentials and rights: every read that the policy needs is
    tried on every group of the policy, with the environment's credentials, and a missing RAM action is named.
    --try-remove asks ESS to remove an instance that cannot exist, which it refuses, but only after it has looked at
    the right to remove.

        scalein check --policy policy.json --template template.yml --region cn-hangzhou

    The exit status is 0 where all is good, 1 where something is wrong.
    """
    from scalein.policy import read_policy
    from scalein_cli import check as command

    if not (options["policy"] or options["events"] or options["template"]):
        raise click.UsageError("give --policy, --event or --template")
    found: list[command.Found] = []
    if options["policy"]:
        found += command.policy(options["policy"])
        if options["region"] and found[0].good:
            held = read_policy(options["policy"].read_text(encoding="utf-8"))
            found += command.rights(options["region"], held, options["try_remove"])
    found += [command.event(path) for path in options["events"]]
    found += command.template(options["template"]) if options["template"] else []
    if options["as_json"]:
        click.echo(command.as_json(found))
    else:
        command.show(found, console_of())
    sys.exit(not all(one.good for one in found))


COMMANDS = (package, deploy, invoke, check)
