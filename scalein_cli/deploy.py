"""`scalein deploy`: shows what would change in Function Compute, and changes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalein_cli.cloud_access import profile_option
from scalein_cli.options import (
    RUNTIMES,
    console_for_output,
    endpoint_option,
    existing_file,
    function_option,
    promoted_option,
    yes_option,
)

if TYPE_CHECKING:
    from scalein_cli.deployment import Deployment


@click.command("deploy")
@click.argument("zip_file", type=existing_file, metavar="[ZIP]", required=False)
@function_option
@endpoint_option
@profile_option
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    help="Runtime.  [default: unchanged; of a new function, the one that ZIP was made for]",
)
@click.option(
    "--timeout",
    type=click.IntRange(10, 86_400),
    help="Timeout in seconds.  [default: unchanged; 60 for a new function]",
)
@click.option(
    "--memory",
    type=click.IntRange(128, 32_768),
    help="Memory in MB.  [default: unchanged; 256 for a new function]",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Environment variable to set; may be given several times.",
)
@click.option(
    "--unset",
    multiple=True,
    metavar="NAME",
    help="Environment variable to remove; may be given several times.",
)
@click.option("--role", default="", metavar="ARN", help="RAM role. A new function needs one.")
@click.option("--log", default="", metavar="PROJECT/LOGSTORE", help="Where its log goes.")
@promoted_option
@click.option(
    "--on-success", default="", metavar="ARN", help="Destination of successful asynchronous calls."
)
@click.option(
    "--on-failure", default="", metavar="ARN", help="Destination of failed asynchronous calls."
)
@click.option("--dry-run", is_flag=True, help="Print the changes and apply none.")
@yes_option
def deploy_command(zip_file: Path | None, **options: Any) -> None:
    """Deploy ZIP, or change settings of the function.

    ZIP is a file that `scalein package` made. Prints all that the function is and will be, and
    changes what is named once you agree: what is not named stays. A first deployment that was
    interrupted is completed by the same command. Function Compute 3.0 is meant,
    unless --function is SERVICE/FUNCTION. Refuses what the function would refuse: an unknown or
    wrong setting, no policy, no role. A new function begins as a dry run.

    \b
        scalein package --policy policy.json
        scalein deploy scalein.zip --role acs:ram::1234567890:role/scalein
        scalein deploy --env SCALEIN_DRY_RUN=false

    Uses the credentials that `aliyun` uses. The exit
    status is 0 if it is deployed or nothing changes, 1 if it failed or you did not agree.
    """
    from scalein_cli.changes import apply_changes, confirm, print_rows
    from scalein_cli.compute import open_function
    from scalein_cli.deployment import plan_deployment
    from scalein_cli.triggers import warn_if_unreached

    deployment = _deployment(zip_file, options)
    console = console_for_output()
    function = open_function(options["function"], options["endpoint"])
    plan = plan_deployment(function, deployment)
    print_rows(plan.rows, console)
    if deployment.alias and not plan.is_new:
        warn_if_unreached(function, deployment.alias, console)
    if not plan.changes:
        console.print("Nothing to change.")
        return
    if plan.is_new and "SCALEIN_DRY_RUN" not in deployment.variables:
        console.print(
            "A new function begins as a dry run. Let it act with scalein deploy --env "
            "SCALEIN_DRY_RUN=false."
        )
    if options["dry_run"]:
        return
    confirm("Apply these changes?", options["yes"])
    apply_changes(list(plan.changes), console)


def _deployment(zip_file: Path | None, options: Mapping[str, Any]) -> Deployment:
    """The deployment that the options describe. Raises click.UsageError, CommandError."""
    from scalein_cli.deployment import Deployment
    from scalein_cli.preflight import ARN_EXAMPLES, Package, check_arn, check_names

    if not all("=" in variable for variable in options["variables"]):
        raise click.UsageError("--env takes NAME=VALUE")
    variables = dict(variable.partition("=")[::2] for variable in options["variables"])
    check_names(variables)
    for option in ARN_EXAMPLES:
        check_arn(option, options[option.removeprefix("--").replace("-", "_")])
    return Deployment(
        Package(zip_file.read_bytes(), str(zip_file)) if zip_file else None,
        runtime=options["runtime"],
        timeout=options["timeout"],
        memory=options["memory"],
        variables=variables,
        unset=options["unset"],
        role=options["role"],
        log=options["log"],
        alias=options["alias"],
        on_success=options["on_success"],
        on_failure=options["on_failure"],
    )
