"""`scalein deploy` and `promote` change only what they name, and show all that the function is."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clouds import group, instances
from tests.support.deploying import NATIVE, OLDER, ROLE, SECRET, Deployer, package
from tests.support.platforms import compute_of

QUEUES = "acs:mns:cn-hangzhou:1:/queues"


@pytest.fixture(params=[NATIVE, OLDER], ids=["3.0", "2.0"])
def function(request: pytest.FixtureRequest) -> Iterator[Deployer]:
    """A function that does not exist yet, of either generation."""
    with compute_of(group(*instances(6), minSize=2)) as compute:
        yield Deployer(compute, request.param)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return package(tmp_path)


def destinations(config: dict[str, Any]) -> dict[str, str]:
    return {event: to["destination"] for event, to in config["destinationConfig"].items()}


def test_a_new_function_begins_as_a_dry_run_with_a_role_and_task_ids(
    function: Deployer, code: Path
) -> None:
    output = function.create(code)
    made = function.function()

    assert made.environment["SCALEIN_DRY_RUN"] == "true"
    assert "begins as a dry run" in output
    assert (made.timeout, made.memory_size, made.initializer) == (60, 256, "index.initialize")
    config = function.config()
    assert config.get("asyncTask") or config["statefulInvocation"]
    assert config["maxAsyncRetryAttempts"] == 3
    assert SECRET not in output


def test_a_new_function_acts_at_once_only_if_it_is_set_to(function: Deployer, code: Path) -> None:
    function.create(code, "--env", "SCALEIN_DRY_RUN=false")

    assert function.function().environment["SCALEIN_DRY_RUN"] == "false"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "has no role, so it would have no credentials. Give --role"),
        (["--role", ROLE, "--env", "SCALEIN_DRYRUN=true"], "Did you mean SCALEIN_DRY_RUN?"),
        (["--role", ROLE, "--env", "SCALEIN_DRY_RUN=perhaps"], "SCALEIN_DRY_RUN must be one of"),
        (["--role", ROLE, "--env", "SCALEIN_LEDGER=http://x"], "SCALEIN_LEDGER cannot be read"),
        (["--role", ROLE, "--env", "SCALEIN_FOLLOW_UP_KEY=short"], "SCALEIN_FOLLOW_UP_KEY must"),
        (["--role", ROLE, "--env", "SCALEIN_STOP=asg-11"], "Did you mean asg-1?"),
        (
            ["--role", ROLE, "--env", 'SCALEIN_POLICY={"groups": {"asg-1": {"flor": 3}}}'],
            "$.groups",
        ),
        (["--role", ROLE, "--env", f"SCALEIN_POLICY={' ' * 5000}"], "Function Compute takes 4096"),
        (["--role", ROLE, "--unset", "SCALEIN_POLICY"], "has no policy (policy.json)"),
        (["--role", ROLE, "--log", "project"], "--log takes PROJECT/LOGSTORE"),
        (["--role", "scalein"], "--role takes an ARN, such as acs:ram::1234567890:role/NAME"),
        (["--role", ROLE, "--on-failure", "queue"], "--on-failure takes an ARN"),
        (["--role", ROLE, "--env", "SCALEN_DRY_RUN=true"], "Did you mean SCALEIN_DRY_RUN?"),
        (["--role", ROLE, "--env", "SCALE_IN_STOP=all"], "Did you mean SCALEIN_STOP?"),
        (["--role", ROLE, "--env", "scalein_stop=all"], "Did you mean SCALEIN_STOP?"),
        (["--role", ROLE, "--env", "=x"], "--env needs a name"),
    ],
)
def test_what_the_function_would_refuse_is_not_deployed(
    function: Deployer, code: Path, options: list[str], message: str
) -> None:
    said = function.refused("deploy", str(code), "--yes", *function.variables, *options)

    assert message in said
    assert function.compute.platform.registry.natives == {}
    assert function.compute.platform.registry.services == {}


def test_there_is_always_room_for_the_stop_switch(function: Deployer, code: Path) -> None:
    function.create(code)
    used = sum(len(f"{name}{value}") for name, value in function.function().environment.items())
    fillers = [f"FILLER={'x' * (4096 - used - len('FILLER') - free)}" for free in (63, 64)]

    assert "64 stay free" in function.refused("deploy", "--yes", "--env", fillers[0])
    function.done("deploy", "--yes", "--env", fillers[1])
    function.done("stop")
    function.done("deploy", "--yes", "--timeout", "90")


def test_a_wrong_setting_is_refused_without_a_zip_too(function: Deployer, code: Path) -> None:
    function.create(code)
    said = function.refused("deploy", "--yes", "--env", "SCALEIN_DRYRUN=false")

    assert "Did you mean SCALEIN_DRY_RUN?" in said
    assert "SCALEIN_DRYRUN" not in function.function().environment


def test_the_policy_is_in_the_package_or_a_variable_names_it(
    function: Deployer, tmp_path: Path
) -> None:
    inside = package(tmp_path, "inside.zip", policy__json='{"groups": {"asg-1": {}}}')
    wrong = package(tmp_path, "wrong.zip", policy__json="{}")
    outside = package(tmp_path)
    plain = ("--role", ROLE, "--yes")

    assert "groups" in function.refused("deploy", str(wrong), *plain)
    assert "scalein package --policy" in function.refused("deploy", str(outside), *plain)
    function.done("deploy", str(inside), *plain)
    # New code without a policy must not replace one with it.
    assert "has no policy" in function.refused("deploy", str(outside), "--yes")
    mounted = ("--env", "SCALEIN_POLICY_FILE=/mnt/policy/policy.json")
    function.done("deploy", str(outside), "--yes", *mounted)


def test_only_what_is_named_changes(function: Deployer, code: Path, tmp_path: Path) -> None:
    function.create(
        code,
        *("--timeout", "90", "--memory", "512", "--log", "project/store"),
        *("--on-success", f"{QUEUES}/good/messages", "--on-failure", f"{QUEUES}/bad/messages"),
    )
    before, config = dict(function.function().description), dict(function.config())
    more = package(tmp_path, "more.zip", new__txt="new")
    function.done("deploy", str(more), "--yes", "--unset", "SCALEIN_FOLLOW_UP_KEY")
    after = dict(function.function().description)

    assert after.pop("codeChecksum") != before.pop("codeChecksum")
    assert "SCALEIN_FOLLOW_UP_KEY" not in after["environmentVariables"]
    assert after.pop("environmentVariables") == {
        name: value
        for name, value in before.pop("environmentVariables").items()
        if name != "SCALEIN_FOLLOW_UP_KEY"
    }
    for times in (before, after):
        for name in ("lastModifiedTime", "codeSize"):
            times.pop(name)
    assert after == before
    assert function.config() == config


def test_another_log_keeps_the_other_settings_of_the_log(function: Deployer, code: Path) -> None:
    """In 3.0 the function has them, in 2.0 the service."""
    function.create(code, "--log", "project/store")
    owner = function.function().description
    log = (owner if function.name == NATIVE else function.service.description)["logConfig"]
    assert (log["logBeginRule"], log["enableRequestMetrics"]) == ("None", True)
    assert log.get("enableInstanceMetrics", False) == (function.name == NATIVE)

    log.update(logBeginRule="DefaultRegex", enableRequestMetrics=False)
    function.done("deploy", "--yes", "--log", "project/other")
    owner = function.function().description
    now = (owner if function.name == NATIVE else function.service.description)["logConfig"]
    assert now == {**log, "logstore": "other"}


@pytest.mark.parametrize(("ledger", "limit"), [("", "1"), ("redis://host", "no limit")])
def test_without_a_ledger_a_new_function_has_one_invocation_at_a_time(
    function: Deployer, code: Path, ledger: str, limit: str
) -> None:
    function.create(code, *(("--env", f"SCALEIN_LEDGER={ledger}") if ledger else ()))
    shown = " ".join(function.done("deploy", "--dry-run").split())

    assert f"concurrency {limit} =" in shown


def test_a_misspelt_variable_to_remove_is_refused(function: Deployer, code: Path) -> None:
    function.create(code)
    said = function.refused("deploy", "--yes", "--unset", "SCALEIN_FOLOW_UP_KEY")

    assert "has no variable SCALEIN_FOLOW_UP_KEY. Did you mean SCALEIN_FOLLOW_UP_KEY?" in said


@pytest.mark.parametrize("command", ["promote", "rollback", "deploy"])
@pytest.mark.parametrize("alias", ["LATEST", "latest", "1", "a b"])
def test_what_can_be_no_alias_is_refused(function: Deployer, command: str, alias: str) -> None:
    result = function.run(command, "--alias", alias, "--yes")

    assert (result.exit_code, f"{alias} cannot be an alias" in result.output) == (2, True)


def test_a_delay_without_an_asynchronous_invocation_is_refused(
    function: Deployer, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    result = function.run("invoke", str(event), "--delay", "5")

    assert (result.exit_code, "--delay needs --async" in result.output) == (2, True)


def test_a_function_that_loses_its_ledger_has_one_invocation_at_a_time_from_then_on(
    function: Deployer, code: Path
) -> None:
    function.create(code, "--env", "SCALEIN_LEDGER=redis://host")
    function.done("deploy", "--yes", "--unset", "SCALEIN_LEDGER")

    assert function.limit() == 1


def test_an_alias_has_the_limit_that_latest_has(function: Deployer, code: Path) -> None:
    function.create(code, "--alias", "prod")

    assert (function.limit("prod"), function.limit()) == (1, 1)


def test_a_first_deployment_that_was_interrupted_is_completed_by_the_same_command(
    function: Deployer, code: Path
) -> None:
    """What comes last, the configuration of asynchronous invocations, tells that it was."""
    output = function.create(code)
    service = function.service
    service.async_configs.clear()
    service.on_demand_configs.clear()
    service.reserved_concurrency = None
    function.create(code)

    assert output.rindex("done  asynchronous") > output.index("done  concurrency")
    assert function.config()["maxAsyncRetryAttempts"] == 3
    assert function.limit() == 1


def trigger(function: Deployer, qualifier: str) -> None:
    function.service.triggers.setdefault(function.function().name, {})["nightly"] = {
        "triggerName": "nightly",
        "triggerType": "timer",
        "qualifier": qualifier,
        "triggerConfig": {"cronExpression": "@every 24h", "enable": False},
    }


def test_an_alias_that_no_trigger_invokes_is_said_to_get_no_message(
    function: Deployer, code: Path
) -> None:
    function.create(code, "--alias", "prod")
    assert "No trigger" not in function.done("promote")  # senders may invoke it
    trigger(function, "LATEST")
    function.done("deploy", "--yes", "--timeout", "90")
    said = "No trigger invokes alias prod, so no message of theirs reaches it: nightly (LATEST)"

    assert "trigger nightly timer, invokes LATEST" in " ".join(function.done("deploy").split())
    for command in (["deploy", "--alias", "prod"], ["promote"], ["rollback", "--to", "1"]):
        assert said in " ".join(function.done(*command, "--yes").split()), command
    trigger(function, "prod")
    assert "No trigger" not in function.done("promote", "--yes")


def test_a_version_that_was_made_for_another_alias_is_not_gone_back_to_unasked(
    function: Deployer, code: Path
) -> None:
    function.create(code, "--alias", "prod")
    for timeout, alias in (("90", "staging"), ("120", "prod")):
        function.done("deploy", "--yes", "--timeout", timeout, "--alias", alias)
    said = function.refused("rollback", "--yes")

    assert "Version 2, the one before, may be another alias's: promoted: staging" in said
    assert "with --to: 3 (promoted: prod), 2 (promoted: staging), 1 (promoted: prod)" in said
    assert function.version_of("prod") == "3"


def test_no_value_of_a_variable_that_is_not_known_to_be_plain_is_shown(
    function: Deployer, code: Path
) -> None:
    secrets = {
        "HTTPS_PROXY": "http://user:canary-1@proxy:3128",
        "DB_PASSWD": "canary-2",
        "DSN": "mysql://user:canary-3@host/db",
        "SCALEIN_LEDGER": "redis://:canary-4@host",
    }
    options = [part for name, value in secrets.items() for part in ("--env", f"{name}={value}")]
    function.create(code, "--alias", "prod")
    output = function.done("deploy", "--yes", "--alias", "prod", *options)
    output += function.done("rollback", "--yes")

    assert "DB_PASSWD" in output
    assert "canary" not in output


def test_a_destination_that_is_not_named_stays(function: Deployer, code: Path) -> None:
    function.create(code, "--on-success", f"{QUEUES}/good/messages")
    function.done("deploy", "--yes", "--on-failure", f"{QUEUES}/bad/messages")

    assert destinations(function.config()) == {
        "onSuccess": f"{QUEUES}/good/messages",
        "onFailure": f"{QUEUES}/bad/messages",
    }


def test_a_function_without_an_asynchronous_configuration_gets_none_unasked(
    function: Deployer, code: Path
) -> None:
    function.create(code)
    function.service.async_configs.clear()
    function.done("deploy", "--yes", "--timeout", "90")
    assert function.service.async_configs == {}
    function.done("deploy", "--yes", "--on-failure", f"{QUEUES}/bad/messages")
    assert function.config()["maxAsyncRetryAttempts"] == 3


def test_an_old_version_behind_the_alias_is_a_difference(
    function: Deployer, code: Path, tmp_path: Path
) -> None:
    function.create(code, "--alias", "prod")
    more = package(tmp_path, "more.zip", new__txt="new")
    function.done("deploy", str(more), "--yes")
    output = function.done("deploy", str(more), "--yes", "--alias", "prod")

    assert "a new version, of LATEST" in output
    assert (
        function.function("prod").description["codeChecksum"]
        == function.function().description["codeChecksum"]
    )
    assert "Nothing to change." in function.done("deploy", str(more), "--alias", "prod")


def test_a_pause_in_the_policy_reaches_the_alias(function: Deployer, code: Path) -> None:
    function.create(code, "--alias", "prod")
    paused = json.dumps({"groups": {"asg-1": {"paused": True}}})
    function.done("deploy", "--yes", "--env", f"SCALEIN_POLICY={paused}", "--alias", "prod")

    assert function.function("prod").environment["SCALEIN_POLICY"] == paused
    assert function.version_of("prod") == "2"


def test_all_that_the_function_is_is_shown(function: Deployer, code: Path) -> None:
    function.create(
        code,
        *("--log", "project/store", "--alias", "prod"),
        *("--on-failure", f"{QUEUES}/bad/messages"),
    )
    output = " ".join(function.done("deploy", "--dry-run").split())

    for what in (
        *("code sha256 ", f"role {ROLE}", "runtime python3.10", "handler index.handler"),
        *("memory 256 MB", "timeout 60 s", "log project project", "log store store"),
        *("concurrency 1", "versions 1", "alias prod version 1"),
        *("async LATEST: maxAsyncRetryAttempts 3", "async prod: maxAsyncRetryAttempts 3"),
        *("variable SCALEIN_DRY_RUN true", "variable SCALEIN_FOLLOW_UP_KEY (hidden)"),
    ):
        assert what in output
    assert output.count(f"{QUEUES}/bad/messages") == 2
    assert SECRET not in output


def test_that_a_secret_differs_is_shown_and_nothing_of_it(function: Deployer, code: Path) -> None:
    function.create(code)
    other = "another follow-up key that no output shows"
    output = function.done("deploy", "--yes", "--env", f"SCALEIN_FOLLOW_UP_KEY={other}")

    assert "(hidden, another value)" in output
    assert SECRET not in output
    assert other not in output
    assert function.function().environment["SCALEIN_FOLLOW_UP_KEY"] == other


def test_nothing_is_deployed_without_consent(function: Deployer, code: Path) -> None:
    options = ("deploy", str(code), "--role", ROLE, *function.variables)
    shown = function.done(*options, "--dry-run")
    refused = function.run(*options)

    assert refused.exit_code == 1
    assert "Apply these changes?" in refused.output
    assert "SCALEIN_DRY_RUN" in shown
    assert function.compute.platform.registry.natives == {}
    assert function.compute.platform.registry.services == {}


def test_a_package_is_deployed_to_the_runtime_that_it_was_made_for(
    function: Deployer, tmp_path: Path
) -> None:
    made = package(tmp_path, "compiled.zip")
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("rpds/rpds.cpython-312-x86_64-linux-gnu.so", "")
    options = ("deploy", str(made), "--role", ROLE, "--yes", *function.variables)

    assert "made for python3.12, not for python3.10" in function.refused(
        *options, "--runtime", "python3.10"
    )
    function.done(*options)
    assert function.function().runtime == "python3.12"


def test_what_is_no_package_is_refused(function: Deployer, tmp_path: Path) -> None:
    text, empty = tmp_path / "text.zip", tmp_path / "empty.zip"
    text.write_text("x")
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("main.py", "")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): ...")

    assert "is not a zip file" in function.refused("deploy", str(text), "--role", ROLE)
    assert "has no index.py" in function.refused("deploy", str(empty), "--role", ROLE)
    assert "has no scalein/" in function.refused("deploy", str(other), "--role", ROLE)
    assert "does not exist" in function.refused("deploy", "--timeout", "90")


def test_promoting_gives_the_alias_what_latest_is_and_its_configuration(
    function: Deployer, code: Path
) -> None:
    function.create(code, "--on-failure", f"{QUEUES}/bad/messages")
    function.done("promote", "--yes")
    assert function.version_of("prod") == "1"
    assert destinations(function.config("prod")) == {"onFailure": f"{QUEUES}/bad/messages"}
    assert "Nothing to change" in function.done("promote")

    function.done("deploy", "--yes", "--timeout", "90")
    function.done("deploy", "--yes", "--on-failure", f"{QUEUES}/other/messages")
    assert function.function("prod").timeout == 60
    output = function.done("promote", "--yes")
    assert "done  alias prod at a new version, of LATEST: version 2\n" in output
    assert function.function("prod").timeout == 90
    assert destinations(function.config("prod")) == {"onFailure": f"{QUEUES}/other/messages"}
    assert "60 s" in output
    assert "90 s" in output


def test_a_version_that_is_there_already_is_not_published_again(
    function: Deployer, code: Path
) -> None:
    """Function Compute refuses a version without a change since the last."""
    function.create(code, "--alias", "prod")
    output = function.done("promote", "--yes", "--alias", "next")

    assert "done  alias next at version 1, which is what LATEST is\n" in output
    assert (function.version_of("prod"), function.version_of("next")) == ("1", "1")
    assert list(function.service.versions) == ["1"]


def test_rolling_back_needs_no_zip_and_takes_the_version_before_or_a_named_one(
    function: Deployer, code: Path
) -> None:
    function.create(code, "--alias", "prod")
    for timeout in ("90", "120"):
        function.done("deploy", "--yes", "--timeout", timeout, "--alias", "prod")
    function.done("rollback", "--yes")
    assert (function.version_of("prod"), function.function("prod").timeout) == ("2", 90)
    function.done("rollback", "--yes", "--to", "1")
    assert function.function("prod").timeout == 60
    function.done("rollback", "--yes", "--to", "3")
    assert function.function("prod").timeout == 120
    assert function.function().timeout == 120

    assert "has no version 9. Name another one with --to" in function.refused(
        "rollback", "--yes", "--to", "9"
    )
    assert "has no alias test" in function.refused("rollback", "--alias", "test")
    function.done("rollback", "--yes", "--to", "1")
    assert "There is no version before 1" in function.refused("rollback", "--yes")


def test_a_share_of_another_version_ends_with_a_promotion(function: Deployer, code: Path) -> None:
    function.create(code, "--alias", "prod")
    function.done("deploy", "--yes", "--timeout", "90", "--alias", "prod")
    function.service.aliases["prod"]["additionalVersionWeight"] = {"1": 0.1}

    assert "version 2, 10% to version 1" in function.done("promote", "--yes")
    assert not function.service.aliases["prod"]["additionalVersionWeight"]


def test_the_function_is_invoked_in_a_qualifier_and_answers(function: Deployer, code: Path) -> None:
    function.create(code, "--alias", "prod")
    event = {"scalingGroupId": "asg-1", "remove": {"count": 1}}

    assert function.outcome(event, "--qualifier", "prod")["status"] == "dry-run"
    assert function.outcome(event, "--async")["status"] == "dry-run"


def test_a_busy_function_is_said_to_be_busy_and_what_helps(function: Deployer, code: Path) -> None:
    function.create(code)
    function.service.reserved_concurrency = 0
    for config in function.service.on_demand_configs.values():
        config["maximumInstanceCount"] = 0
    result = function.invoke({}, "--wait", "0")

    assert result.exit_code == 1
    assert "ResourceExhausted (HTTP 429)" in result.output
    assert "Other invocations run: try again in a minute." in result.output
