"""`scalein stop` and `start`: without a ZIP, effective at the next invocation, which says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scalein_cli.compute import open_function
from scalein_cli.errors import CommandError
from scalein_cli.function_api import ApiError, FunctionApi, NoAnswer
from scalein_cli.promotion import plan_rollback
from scalein_cli.stop_switch import Switch, set_switch
from tests.support.clouds import group, instances
from tests.support.deploying import NATIVE, OLDER, Deployer, package
from tests.support.deployment import KEY_VARIABLES
from tests.support.platforms import compute_of

EVENT = {"scalingGroupId": "asg-1", "remove": {"count": 1}}


@pytest.fixture(params=[NATIVE, OLDER], ids=["3.0", "2.0"])
def function(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployer]:
    """A function of either generation that acts, with an alias at its first version."""
    with compute_of(
        group(*instances(6), minSize=2),
        group(*instances(4, prefix="j"), scalingGroupId="asg-2", minSize=1),
    ) as compute:
        deployer = Deployer(compute, request.param)
        acting = ("--env", "SCALEIN_DRY_RUN=false", "--alias", "prod")
        deployer.create(package(tmp_path), *acting)
        yield deployer


def content(function: Deployer, qualifier: str = "LATEST") -> tuple[str, dict[str, Any]]:
    """Code and settings."""
    description = dict(function.function(qualifier).description)
    for name in ("lastModifiedTime", "createdTime", "codeSize"):
        description.pop(name)
    return description.pop("codeChecksum"), description


def stop_of(function: Deployer, qualifier: str = "LATEST") -> str | None:
    return function.function(qualifier).environment.get("SCALEIN_STOP")


def unstopped(found: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    code, settings = found
    variables = settings["environmentVariables"].items()
    others = {name: value for name, value in variables if name != "SCALEIN_STOP"}
    return code, {**settings, "environmentVariables": others}


@pytest.mark.parametrize("qualifier", ["LATEST", "prod"])
def test_the_next_invocation_says_that_it_is_stopped(function: Deployer, qualifier: str) -> None:
    function.done("stop")
    outcome = function.outcome(EVENT, "--qualifier", qualifier)

    assert (outcome["status"], outcome["blockedBy"]["reason"]) == ("blocked", "stop-switch")
    assert "scalein start" in outcome["message"]
    function.done("start", "--yes")
    again = {**EVENT, "requestId": "again"}
    assert function.outcome(again, "--qualifier", qualifier)["status"] == "removing"


def test_one_group_is_stopped_and_the_others_go_on(function: Deployer) -> None:
    function.done("stop", "--group", "asg-2")
    other = {**EVENT, "scalingGroupId": "asg-2"}

    assert function.outcome(other)["blockedBy"]["reason"] == "stop-switch"
    assert function.outcome(EVENT)["status"] == "removing"


def test_groups_are_stopped_and_started_one_after_the_other(function: Deployer) -> None:
    function.done("stop", "--group", "asg-1")
    function.done("stop", "--group", "asg-2")
    assert stop_of(function, "prod") == "asg-1,asg-2"
    function.done("start", "--yes", "--group", "asg-1")
    assert (stop_of(function), stop_of(function, "prod")) == ("asg-2", "asg-2")
    function.done("stop")
    assert stop_of(function, "prod") == "all"
    assert "none can be started by itself" in function.refused("start", "--group", "asg-1")
    function.done("start", "--yes")
    assert (stop_of(function), stop_of(function, "prod")) == (None, None)


def test_stopping_twice_changes_nothing_more(function: Deployer) -> None:
    function.done("stop")
    version = function.version_of("prod")
    output = function.done("stop")

    assert output.count("same  ") == 2
    assert function.version_of("prod") == version


def test_latest_is_never_published_and_stays_what_it_is(function: Deployer, tmp_path: Path) -> None:
    """New code and settings wait in LATEST for a promotion, or one is half done."""
    more = package(tmp_path, "more.zip", new__txt="new")
    function.done("deploy", str(more), "--yes", "--timeout", "90", "--memory", "512")
    latest, prod = content(function), content(function, "prod")
    function.done("stop")

    assert unstopped(content(function, "prod")) == prod
    assert unstopped(content(function)) == latest
    assert (stop_of(function), stop_of(function, "prod")) == ("all", "all")
    published = {
        f.description["codeChecksum"]
        for v in function.service.versions.values()
        for f in v.values()
    }
    assert published == {prod[0]}
    function.done("start", "--yes")
    assert (content(function), content(function, "prod")) == (latest, prod)
    assert function.version_of("prod") == "1"


def test_a_promotion_does_not_end_a_stop(function: Deployer, tmp_path: Path) -> None:
    function.done("stop")
    more = package(tmp_path, "more.zip", new__txt="new")
    function.done("deploy", str(more), "--yes", "--alias", "prod")
    assert stop_of(function, "prod") == "all"

    function.done("deploy", "--yes", "--unset", "SCALEIN_STOP")
    assert "Run scalein start first" in function.refused("promote", "--yes")
    assert stop_of(function, "prod") == "all"


def test_a_rollback_does_not_end_a_stop(function: Deployer) -> None:
    function.done("deploy", "--yes", "--timeout", "90", "--alias", "prod")
    function.done("stop")
    function.done("rollback", "--yes")

    assert (function.function("prod").timeout, stop_of(function, "prod")) == (60, "all")
    assert function.function().timeout == 90
    function.done("start", "--yes")
    assert (function.version_of("prod"), stop_of(function, "prod")) == ("1", None)


def test_every_alias_is_stopped_and_no_version_keeps_a_share(function: Deployer) -> None:
    function.done("promote", "--yes", "--alias", "test")
    function.done("deploy", "--yes", "--timeout", "90", "--alias", "prod")
    function.service.aliases["prod"]["additionalVersionWeight"] = {"1": 0.5}
    function.done("stop")

    assert (stop_of(function, "prod"), stop_of(function, "test")) == ("all", "all")
    assert not function.service.aliases["prod"]["additionalVersionWeight"]


def test_a_share_that_came_after_a_stop_is_ended_by_the_next(function: Deployer) -> None:
    function.done("stop")
    function.service.aliases["prod"]["additionalVersionWeight"] = {"1": 0.5}
    function.done("stop")

    assert not function.service.aliases["prod"]["additionalVersionWeight"]


def test_a_rollback_passes_over_the_versions_of_a_stop(function: Deployer) -> None:
    function.done("stop")
    function.done("start", "--yes")
    function.done("deploy", "--yes", "--timeout", "90", "--alias", "prod")
    function.done("rollback", "--yes")

    assert (function.version_of("prod"), stop_of(function, "prod")) == ("1", None)


def test_a_rollback_goes_back_to_what_was_promoted_during_a_stop(function: Deployer) -> None:
    function.done("stop")
    function.done("deploy", "--yes", "--timeout", "90", "--alias", "prod")
    function.done("start", "--yes")
    function.done("deploy", "--yes", "--timeout", "120", "--alias", "prod")
    function.done("rollback", "--yes")

    assert (function.function("prod").timeout, stop_of(function, "prod")) == (90, None)


def test_rollbacks_during_a_stop_go_back_one_version_each(function: Deployer) -> None:
    for timeout in ("90", "120"):
        function.done("deploy", "--yes", "--timeout", timeout, "--alias", "prod")
    function.done("stop")
    for seconds in (90, 60):
        function.done("rollback", "--yes")
        assert (function.function("prod").timeout, stop_of(function, "prod")) == (seconds, "all")

    assert "There is no version before" in function.refused("rollback", "--yes")


def test_a_function_without_an_alias_is_stopped(tmp_path: Path) -> None:
    with compute_of(group(*instances(6))) as compute:
        function = Deployer(compute, NATIVE)
        function.create(package(tmp_path))
        function.done("stop")

        assert stop_of(function) == "all"
        assert function.service.versions == {}


def test_the_other_functions_of_a_service_stay_what_they_are(tmp_path: Path) -> None:
    """In 2.0 a version has all functions of the service."""
    with compute_of(group(*instances(6))) as compute:
        function, other = Deployer(compute, OLDER), Deployer(compute, "scalein/other")
        other.create(package(tmp_path))
        function.create(package(tmp_path), "--alias", "prod")
        other.done("deploy", "--yes", "--timeout", "90")
        function.done("stop")

        assert (other.function("prod").timeout, other.function().timeout) == (60, 90)
        assert stop_of(function, "prod") == "all"
        assert stop_of(other, "prod") is None


class Broken:
    """A function whose API refuses a call of one method: the one of this number."""

    def __init__(self, function: FunctionApi, method: str, number: int) -> None:
        self._function, self._method, self._left = function, method, number

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._function, name)
        if name != self._method:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if not self._left:
                raise ApiError(500, "InternalServerError", "an internal error has occurred")
            return found(*arguments, **named)

        return call


def api_of(function: Deployer, monkeypatch: pytest.MonkeyPatch) -> FunctionApi:
    for name, value in KEY_VARIABLES.items():
        monkeypatch.setenv(name, value)
    return open_function(function.name, function.compute.endpoint)


@pytest.mark.parametrize(
    ("method", "number"),
    [
        ("update", 1),  # of LATEST itself
        ("update", 2),  # LATEST gets the alias's version
        ("update", 3),  # LATEST gets its own back
        ("publish", 1),
        ("put_alias", 1),
        ("read_code", 1),
    ],
)
def test_a_failure_in_between_says_what_remains_and_a_second_run_ends_it(
    method: str,
    number: int,
    function: Deployer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = package(tmp_path, "more.zip", new__txt="new")
    function.done("deploy", str(more), "--yes", "--timeout", "90")
    latest, prod = content(function), content(function, "prod")
    api: Any = Broken(api_of(function, monkeypatch), method, number)
    lines: list[str] = []
    with pytest.raises(CommandError) as caught:
        set_switch(api, Switch(is_on=True), lines.append)
    backups = [Path(line.partition("its own is kept in ")[2]) for line in lines if "kept" in line]

    if (method, number) == ("update", 3):
        assert "did not get its own code and settings back" in caught.value.message
        (backup,) = backups
        assert backup.stat().st_mode & 0o077 == 0
        assert (backup / "code.zip").read_bytes() == more.read_bytes()
        shutil.rmtree(backup)
        function.done("deploy", str(more), "--yes", "--timeout", "90")  # as the message says
    else:
        assert unstopped(content(function)) == latest
        assert not any(backup.exists() for backup in backups)
    assert "Not done: " in caught.value.message
    assert "Run the command again" in caught.value.message
    function.done("stop")
    assert (stop_of(function), stop_of(function, "prod")) == ("all", "all")
    assert unstopped(content(function)) == latest
    assert unstopped(content(function, "prod")) == prod


class Unanswering:
    """A function whose alias is moved, and the answer is lost."""

    def __init__(self, function: FunctionApi) -> None:
        self._function = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def put_alias(self, name: str, version: str, is_new: bool) -> None:
        self._function.put_alias(name, version, is_new)
        raise NoAnswer("ConnectionError")


def test_a_rollback_whose_answer_is_lost_is_done(
    function: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run again, as the message of a failure says, it would go back one version more."""
    function.done("deploy", "--yes", "--timeout", "90", "--alias", "prod")
    api: Any = Unanswering(api_of(function, monkeypatch))
    change = plan_rollback(api, "prod", None, lambda _: None)
    assert change
    change.apply()

    assert function.version_of("prod") == "1"


class Deploying:
    """A function that another person deploys to once, just before a version is made of it."""

    def __init__(self, function: FunctionApi, code: bytes) -> None:
        self._function, self._codes = function, [code]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def publish(self, description: str) -> str:
        while self._codes:
            self._function.update({}, self._codes.pop())
        return self._function.publish(description)


def test_code_that_is_deployed_at_the_same_moment_gets_no_alias(
    function: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod = content(function, "prod")
    other = package(tmp_path, "other.zip", other__txt="x").read_bytes()
    api: Any = Deploying(api_of(function, monkeypatch), other)
    lines: list[str] = []
    set_switch(api, Switch(is_on=True), lines.append)

    assert "FAILED  alias prod" in lines
    assert api.read_code() == other
    assert unstopped(content(function, "prod")) == prod
    assert stop_of(function, "prod") == "all"


def test_what_fails_for_latest_does_not_keep_the_alias_from_stopping(
    function: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    function.done("stop")
    function.done("start", "--yes")  # a version with the stop is there
    api: Any = Broken(api_of(function, monkeypatch), "update", 1)
    with pytest.raises(CommandError, match="Not done: LATEST; the rest is"):
        set_switch(api, Switch(is_on=True), lambda _: None)

    assert (stop_of(function), stop_of(function, "prod")) == (None, "all")


@pytest.mark.parametrize("value", ["", " ", ",", "asg 1", "asg-1;asg-2", "x" * 65])
def test_what_is_no_id_of_a_group_is_a_wrong_use(function: Deployer, value: str) -> None:
    for command in ("stop", "start"):
        assert function.run(command, "--group", value).exit_code == 2
    assert stop_of(function) is None


def test_ids_may_be_separated_by_commas_and_all_means_all(function: Deployer) -> None:
    function.done("stop", "--group", "asg-1, asg-2")
    assert stop_of(function) == "asg-1,asg-2"
    function.done("stop", "--group", "All")
    assert stop_of(function) == "all"


def test_a_group_that_the_policy_lacks_is_not_stopped(function: Deployer, tmp_path: Path) -> None:
    refused = function.refused("stop", "--group", "asg-1", "--group", "asg_1")
    assert "Nothing was stopped" in refused
    assert "Did you mean asg-1?" in refused
    assert stop_of(function) is None
    inside = package(tmp_path, "inside.zip", policy__json='{"groups": {"asg-3": {}}}')
    function.done("deploy", str(inside), "--yes", "--unset", "SCALEIN_POLICY")
    assert "asg_3 is not in the policy" in function.refused("stop", "--group", "asg_3")
    function.done("stop", "--group", "asg-3")
    function.done("start", "--yes")
    function.done("stop", "--group", "asg-2")  # the alias's version has it


def test_a_policy_that_cannot_be_read_does_not_keep_a_group_from_stopping(
    function: Deployer,
) -> None:
    mounted = ("--unset", "SCALEIN_POLICY", "--env", "SCALEIN_POLICY_FILE=/mnt/policy/policy.json")
    function.done("deploy", "--yes", *mounted)

    assert "is not checked" in function.done("stop", "--group", "asg-9")
    assert stop_of(function, "prod") == "asg-9"


def test_starting_asks_first(function: Deployer) -> None:
    function.done("stop")
    start = function.run("start")

    assert start.exit_code == 1
    assert "all groups -> nothing" in start.output
    assert stop_of(function, "prod") == "all"
