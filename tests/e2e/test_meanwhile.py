"""Two commands on one function at the same moment: neither undoes what the other one did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scalein_cli.compute import open_function
from scalein_cli.errors import CommandError
from scalein_cli.function_api import ApiError, FunctionApi
from scalein_cli.stop_switch import Switch, set_switch
from tests.support.clouds import group, instances
from tests.support.deploying import NATIVE, OLDER, Deployer, package
from tests.support.deployment import KEY_VARIABLES
from tests.support.platforms import compute_of

SETTING = "SCALEIN_SETTLE_SECONDS"


@pytest.fixture(params=[NATIVE, OLDER], ids=["3.0", "2.0"])
def function(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployer]:
    """A function of either generation, with an alias at its first version."""
    for name, value in KEY_VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with compute_of(group(*instances(6)), group(scalingGroupId="asg-2")) as compute:
        deployer = Deployer(compute, request.param)
        deployer.create(package(tmp_path), "--alias", "prod")
        yield deployer


def stops(function: Deployer) -> list[str | None]:
    return [function.function(q).environment.get("SCALEIN_STOP") for q in ("LATEST", "prod")]


class Meanwhile:
    """A function's API; something happens once, just before a call of this method."""

    def __init__(self, function: Deployer, method: str, act: Callable[[], object]) -> None:
        self._api = open_function(function.name, function.compute.endpoint)
        self._method, self._acts = method, [act]

    def __getattr__(self, name: str) -> Any:
        if name == self._method and self._acts:
            self._acts.pop()()
        return getattr(self._api, name)


@pytest.mark.parametrize(
    ("prepared", "command"),
    [
        ((), ("deploy", "--env", f"{SETTING}=120")),
        ((), ("deploy", "--env", f"{SETTING}=120", "--alias", "prod")),
        (("deploy", "--timeout", "90"), ("promote",)),
        (("deploy", "--timeout", "90", "--alias", "prod"), ("rollback",)),
        (("stop", "--group", "asg-2"), ("start",)),
        (("stop", "--group", "asg-2"), ("start", "--group", "asg-2")),
    ],
)
def test_a_stop_outlasts_a_command_that_waits_for_consent(
    function: Deployer, prepared: tuple[str, ...], command: tuple[str, ...]
) -> None:
    if prepared:
        yes = () if prepared[0] == "stop" else ("--yes",)
        function.done(*prepared, *yes)
    result = function.agreed(lambda: function.done("stop"), *command)

    assert result.exit_code == 1
    output = " ".join(result.output.split())
    assert "was changed meanwhile" in output or "All groups are stopped" in output
    assert stops(function) == ["all", "all"]
    assert SETTING not in function.function().environment


def test_what_nobody_was_shown_is_not_promoted(function: Deployer) -> None:
    function.done("deploy", "--yes", "--timeout", "90")
    other = ("deploy", "--yes", "--env", f"{SETTING}=99")
    result = function.agreed(lambda: function.done(*other), "promote")

    assert result.exit_code == 1
    assert function.version_of("prod") == "1"


def test_a_variable_that_another_person_sets_meanwhile_stays(function: Deployer) -> None:
    other = ("deploy", "--yes", "--env", f"{SETTING}=99")
    result = function.agreed(
        lambda: function.done(*other), "deploy", "--env", "SCALEIN_RETRY=raise"
    )

    assert result.exit_code == 1
    assert function.function().environment[SETTING] == "99"
    assert "SCALEIN_RETRY" not in function.function().environment


def test_a_destination_that_another_person_sets_meanwhile_stays(function: Deployer) -> None:
    arn = "acs:mns:cn-hangzhou:1:/queues/{}/messages"
    other = ("deploy", "--yes", "--on-failure", arn.format("theirs"))
    mine = ("deploy", "--on-failure", arn.format("mine"))
    result = function.agreed(lambda: function.done(*other), *mine)

    assert result.exit_code == 1
    assert "theirs" in str(function.config())


@pytest.mark.parametrize("method", ["update", "aliases", "publish", "put_alias"])
@pytest.mark.parametrize("is_lent", [False, True])
def test_of_two_stops_at_once_both_hold(function: Deployer, method: str, is_lent: bool) -> None:
    if is_lent:
        function.done("deploy", "--yes", "--timeout", "90")
    other = ("stop", "--group", "asg-2")
    api: Any = Meanwhile(function, method, lambda: function.run(*other))
    set_switch(api, Switch(True, ("asg-1",)), lambda _: None)
    function.done(*other)

    for value in stops(function):
        assert set((value or "").split(",")) == {"asg-1", "asg-2"}
    assert function.function().timeout == (90 if is_lent else 60)


def test_what_is_deployed_while_latest_is_lent_is_not_overwritten(function: Deployer) -> None:
    function.done("deploy", "--yes", "--timeout", "90")
    other = ("deploy", "--yes", "--memory", "512")
    api: Any = Meanwhile(function, "publish", lambda: function.done(*other))
    with pytest.raises(CommandError, match=r"\(memorySize\) was changed meanwhile"):
        set_switch(api, Switch(True), lambda _: None)

    assert function.function().memory_size == 512
    assert "note " in function.done("stop")  # where LATEST's own timeout is


def test_an_alias_that_cannot_be_read_does_not_keep_latest_from_stopping(
    function: Deployer,
) -> None:
    api = open_function(function.name, function.compute.endpoint)

    class Throttled:
        def __getattr__(self, name: str) -> Any:
            return getattr(api, name)

        def aliases(self) -> None:
            raise ApiError(429, "ResourceThrottled", "slow down")

    throttled: Any = Throttled()
    with pytest.raises(CommandError, match="Not done: the aliases"):
        set_switch(throttled, Switch(True), lambda _: None)
    assert stops(function) == ["all", None]


ENDED = """
import os, signal, sys
from scalein_cli.compute import open_function
from scalein_cli.stop_switch import Switch, set_switch
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as one of nohup ignores this
api = open_function(sys.argv[1], sys.argv[2])
class Ending:
    def __getattr__(self, name):
        if name == "publish":
            os.kill(os.getpid(), int(sys.argv[3]))
        return getattr(api, name)
set_switch(Ending(), Switch(True), print)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_latest_gets_its_own_back_before_a_signal_ends_the_command(
    function: Deployer, number: signal.Signals
) -> None:
    function.done("deploy", "--yes", "--timeout", "90")
    ended = subprocess.run(
        [sys.executable, "-c", ENDED, function.name, function.compute.endpoint, str(int(number))],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == -number
    assert "ends as soon as" in ended.stdout
    assert function.function().timeout == 90
    assert "note " not in function.done("stop")


def test_the_description_of_a_version_is_short_however_many_groups_are_stopped(
    function: Deployer,
) -> None:
    descriptions: list[str] = []

    class Recording:
        def __init__(self, api: FunctionApi) -> None:
            self._api = api

        def __getattr__(self, name: str) -> Any:
            return getattr(self._api, name)

        def publish(self, description: str) -> str:
            descriptions.append(description)
            return self._api.publish(description)

    function.done("deploy", "--yes", "--timeout", "90")
    api: Any = Recording(open_function(function.name, function.compute.endpoint))
    groups = tuple(f"asg-bp1exampleexample{number:02}" for number in range(50))
    set_switch(api, Switch(True, groups), lambda _: None)

    assert all(len(description) < 64 for description in descriptions)
    assert descriptions
