"""`scalein status`, `history`, `explain` and `init`: what an operator asks, at the terminal."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from localcloud.functions.model import NATIVE
from tests.support.clouds import Cloud, cloud_of, group
from tests.support.native import zipped_folder
from tests.support.platforms import Compute, compute_of
from tests.support.terminals import in_pipe, on_terminal, real_members, shell

WEB, JOBS, COLD, OFF = (f"asg-bp1{name:0>17}" for name in ("web", "jobs", "cold", "off"))
MEMBERS = real_members(18)
POLICY = {
    "groups": {
        WEB: {
            "floor": 3,
            "maxRemovedPerEvent": 2,
            "budget": {"instances": 4, "windowSeconds": 3_600},
            "cooldownSeconds": 600,
        },
        JOBS: {},
        COLD: {},
        OFF: {"paused": True},
    }
}


def activity(group_id: str, removed: int, ended_seconds_ago: int = 120) -> dict[str, object]:
    return {
        "scalingGroupId": group_id,
        "seconds": 30,
        "endedSecondsAgo": ended_seconds_ago,
        "statusCode": "Successful",
        "destroyed": removed,
    }


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    groups = [
        group(*MEMBERS[:6], scalingGroupId=WEB, minSize=2),
        group(*MEMBERS[6:12], scalingGroupId=JOBS, minSize=1),
        group(*MEMBERS[12:15], scalingGroupId=COLD, minSize=1, suspendedProcesses=["ScaleIn"]),
        group(*MEMBERS[15:], scalingGroupId=OFF, minSize=1, lifecycleState="Inactive"),
    ]
    history = [activity(JOBS, 2, 7_200), activity(JOBS, 1, 60_000)]
    with cloud_of(*groups, activities=history, start=datetime.now(timezone.utc)) as cloud:
        yield cloud


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY), encoding="utf-8")
    return file


def test_status_says_for_each_group_what_may_be_removed_and_why(cloud: Cloud, policy: Path) -> None:
    done = in_pipe("status", "--policy", str(policy), "--json", environment=shell(cloud))
    document = json.loads(done.stdout)
    web, jobs, cold, off = document["groups"]

    assert (done.returncode, document["place"]) == (0, "Auto Scaling in cn-hangzhou")
    assert [one["allows"] for one in document["groups"]] == [2, 5, 0, 0]
    assert web["capacity"] == {"total": 6, "minSize": 2, "desired": None, "headroom": 4}
    assert {one["guardrail"]: one["allows"] for one in web["limits"]} == {
        "min-size": 4, "floor": 3, "max-per-request": 2, "budget": 4,
    }  # fmt: skip
    assert (jobs["lastRemoval"]["removed"], jobs["lastRemoval"]["status"]) == (2, "Successful")
    assert [one["reason"] for one in cold["blockedBy"]] == ["scale-in-suspended"]
    assert [one["reason"] for one in off["blockedBy"]] == ["group-not-active", "paused"]
    assert cloud.calls("RemoveInstances") == []


@pytest.mark.parametrize("columns", [80, 120])
def test_status_is_one_row_a_group_whose_reason_is_whole(
    columns: int, cloud: Cloud, policy: Path
) -> None:
    arguments = ("status", "--policy", str(policy))
    text = on_terminal(columns, *arguments, environment=shell(cloud))

    assert max(map(len, text.splitlines())) <= columns
    assert re.findall(r"^ *(asg-\w+) +(\d+)  ", text, re.MULTILINE) == [
        (WEB, "2"), (JOBS, "5"), (COLD, "0"), (OFF, "0"),
    ]  # fmt: skip
    words = {word.strip(".,:") for word in text.split()}
    assert {"ScaleIn", "suspended", "max-per-request", "floor", "budget", "pauses"} <= words
    assert "…" not in text


def test_status_knows_the_stop_switch(cloud: Cloud, policy: Path) -> None:
    environment = shell(cloud, SCALEIN_STOP=WEB)
    done = in_pipe("status", "--policy", str(policy), "--json", environment=environment)
    web, jobs, *_ = json.loads(done.stdout)["groups"]

    assert [one["reason"] for one in web["blockedBy"]] == ["stop-switch"]
    assert (web["allows"], jobs["allows"]) == (0, 5)


def test_status_shows_a_group_that_cannot_be_read_beside_the_others(
    cloud: Cloud, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"groups": {JOBS: {}, "asg-bp1unknown": {}}}), encoding="utf-8")
    done = in_pipe("status", "--policy", str(file), environment=shell(cloud))

    assert done.returncode == 1
    assert re.search(rf"{JOBS} +5 ", done.stdout)
    assert re.search(r"asg-bp1unknown +\? .*InvalidScalingGroupId", done.stdout), done.stdout


def test_status_without_a_policy_says_what_to_give(cloud: Cloud) -> None:
    done = in_pipe("status", environment=shell(cloud))

    assert (done.returncode, done.stdout) == (1, "")
    assert "Give --policy FILE. For a local cloud, give --local" in done.stderr


LOGGED = 2  # instances of the removal in the log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the function wrote about a removal from a local group, and a refusal, as raw lines."""
    folder = tmp_path_factory.mktemp("log")
    with cloud_of(
        group(*MEMBERS[:6], scalingGroupId=WEB, minSize=1), start=datetime.now(timezone.utc)
    ) as cloud:
        environment = shell(cloud, SCALEIN_POLICY=json.dumps({"groups": {WEB: {}}}))
        lines = []
        for id, group_id in (("web-1", WEB), ("other-1", "asg-bp1other")):
            event = {"scalingGroupId": group_id, "remove": {"count": LOGGED}, "requestId": id}
            lines += in_pipe(
                json.dumps(event), environment=environment, program=("-c", HANDLE)
            ).stdout.splitlines()
    file = folder / "function.log"
    file.write_text("\n".join(["FC Invoke Start RequestId: fc-1", *lines]) + "\n", encoding="utf-8")
    return file


HANDLE = """
import sys
from types import SimpleNamespace
import index
context = SimpleNamespace(request_id="fc-1", function=SimpleNamespace(timeout=60), region="")
index.handler(sys.argv[1].encode(), context)
"""


def test_history_lists_messages_of_a_file_and_of_a_pipe_newest_first(log: Path) -> None:
    from_file = in_pipe("history", "--log", str(log), "--json", environment=shell())
    from_pipe = in_pipe(
        "history", "--log", "-", "--json", environment=shell(), text=log.read_text("utf-8")
    )
    document = json.loads(from_file.stdout)

    assert (from_file.returncode, from_file.stderr) == (0, "")
    assert [(m["requestId"], m["status"]) for m in document["messages"]] == [
        ("other-1", "refused"), ("web-1", "removing"),
    ]  # fmt: skip
    assert document["messages"] == json.loads(from_pipe.stdout)["messages"]
    assert document["source"] == str(log)
    only = in_pipe("history", "--log", str(log), "--group", WEB, environment=shell()).stdout
    assert "web-1  removing  2 instances accepted" in only
    assert "other-1" not in only


def test_explain_tells_the_story_of_a_message_and_of_an_instance(log: Path) -> None:
    message = in_pipe("explain", "web-1", "--log", str(log), environment=shell())
    oldest, youngest = (member["instanceId"] for member in (MEMBERS[0], MEMBERS[5]))
    selected = in_pipe("explain", oldest, "--log", str(log), environment=shell())
    retained = in_pipe("explain", youngest, "--log", str(log), environment=shell())

    assert [done.returncode for done in (message, selected, retained)] == [0, 0, 0]
    assert "Plan: 2 instances requested; capacity 6 to 4, MinSize 1." in message.stdout
    assert "The end is not in this log: its last outcome is removing." in message.stdout
    assert "Selected: OldestInstance" in selected.stdout
    assert "ESS accepted its removal, in scaling activity asa-" in selected.stdout
    assert "Retained: not needed. Instances before it" in retained.stdout
    document = json.loads(
        in_pipe("explain", oldest, "--log", str(log), "--json", environment=shell()).stdout
    )
    assert (document["kind"], len(document["story"])) == ("instance", 1)


def test_explain_says_that_an_absent_line_proves_nothing(log: Path) -> None:
    done = in_pipe("explain", "i-bp1unknown", "--log", str(log), environment=shell())

    assert done.returncode == 3
    assert done.stdout.startswith(f"Nothing in {log} about i-bp1unknown since ")
    assert "A line that is absent proves nothing" in done.stdout


def test_history_and_explain_end_lines_between_words_at_80_columns(log: Path) -> None:
    for command in (("history",), ("explain", "web-1")):
        text = on_terminal(80, *command, "--log", str(log), environment=shell())
        whole = in_pipe(*command, "--log", str(log), environment=shell()).stdout.split()
        assert text.split() == whole
        long = [line for line in text.splitlines() if len(line) > 80]
        assert all(str(log) in line for line in long)


def test_without_a_log_history_and_explain_are_of_ess(cloud: Cloud, policy: Path) -> None:
    given = ("--policy", str(policy), "--json")
    document = json.loads(in_pipe("history", *given, environment=shell(cloud)).stdout)

    assert document["source"] == "ESS (Auto Scaling in cn-hangzhou)"
    assert [(one["scalingGroupId"], one["removed"]) for one in document["activities"]] == [
        (JOBS, 2), (JOBS, 1),
    ]  # fmt: skip
    recent = in_pipe("history", "--since", "3h", *given, environment=shell(cloud))
    assert len(json.loads(recent.stdout)["activities"]) == 1
    member = MEMBERS[7]["instanceId"]
    explained = in_pipe("explain", member, environment=shell(cloud))
    assert (explained.returncode, explained.stderr) == (0, "")
    assert f"Now a member of {JOBS}." in explained.stdout
    assert "ESS knows no requestId and no reason" in explained.stdout
    unknown = in_pipe("explain", "web-1", *given[:2], environment=shell(cloud))
    assert (unknown.returncode, "proves nothing" in unknown.stdout) == (3, True)


@pytest.mark.parametrize("command", [("history",), ("explain", "web-1")])
def test_a_source_that_cannot_be_read_is_an_error_with_what_to_do(
    command: tuple[str, ...], cloud: Cloud
) -> None:
    none = in_pipe(*command, environment=shell(cloud))
    down = in_pipe(
        *command, "--group", WEB, environment=shell(cloud, SCALEIN_ESS_ENDPOINT="127.0.0.1:1")
    )
    logs = in_pipe(*command, "--project", "p", "--logstore", "l", environment=shell(cloud))

    assert [done.returncode for done in (none, down, logs)] == [1, 1, 1]
    assert "Give --policy, or --group ID." in none.stderr
    assert "127.0.0.1:1" in down.stderr
    assert "pip install 'scalein[logs]'" in logs.stderr
    wrong = in_pipe(*command, "--since", "yesterday", environment=shell(cloud))
    assert (wrong.returncode, "RFC 3339" in wrong.stderr) == (2, True)


def test_init_writes_a_policy_that_plan_and_check_take(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "first.json"
    done = in_pipe("init", "--group", WEB, "--output", str(file), environment=shell(cloud))
    next_command = done.stdout.splitlines()[-1].split()

    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(file.read_text("utf-8"))["groups"][WEB]) == {
        "comment", "order", "floor", "cooldownSeconds", "budget",
    }  # fmt: skip
    assert next_command[:2] == ["scalein", "plan"]
    assert in_pipe(*next_command[1:], environment=shell(cloud)).returncode == 0
    assert in_pipe("check", "--policy", str(file), environment=shell(cloud)).returncode == 0


def test_init_overwrites_nothing_unless_it_is_forced(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "first.json"
    file.write_text("mine", encoding="utf-8")
    arguments = ("init", "--group", WEB, "--output", str(file))
    refused = in_pipe(*arguments, environment=shell(cloud))
    before = file.read_text("utf-8")
    forced = in_pipe(*arguments, "--force", "--json", environment=shell(cloud))

    assert (refused.returncode, before) == (1, "mine")
    assert "--force" in refused.stderr
    assert json.loads(forced.stdout)["policy"] == json.loads(file.read_text("utf-8"))


def test_init_is_readable_at_80_columns(cloud: Cloud, tmp_path: Path) -> None:
    arguments = ("init", "--group", WEB, "--output", str(tmp_path / "p.json"))
    table = on_terminal(80, *arguments, environment=shell(cloud)).split("Written")[0]

    assert max(map(len, table.splitlines())) <= 80
    assert {"order", "floor", "cooldownSeconds", "budget"} <= set(table.split())


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Compute]:
    """A group beside a function of Function Compute 3.0 that stops it."""
    (tmp_path / "index.py").write_text("", encoding="utf-8")
    with compute_of(group(*MEMBERS[:6], scalingGroupId=WEB, minSize=1)) as compute:
        compute.platform.registry.put_function(
            NATIVE,
            {
                "functionName": "scalein",
                "runtime": "python3.10",
                "handler": "index.handler",
                "code": {"zipFile": base64.b64encode(zipped_folder(tmp_path)).decode()},
                "environmentVariables": {"SCALEIN_STOP": WEB},
            },
        )
        yield compute


def test_the_deployed_function_says_what_is_stopped_and_where_its_log_is(
    deployed: Compute, policy: Path
) -> None:
    environment = shell(SCALEIN_ESS_ENDPOINT=deployed.endpoint)
    function = ("--function", "scalein", "--endpoint", deployed.endpoint)
    arguments = ("--policy", str(policy), "--group", WEB, "--json")
    status = in_pipe("status", *function, *arguments, environment=environment)
    history = in_pipe("history", *function, environment=environment)

    (web,) = json.loads(status.stdout)["groups"]
    assert [one["reason"] for one in web["blockedBy"]] == ["stop-switch"]
    assert (history.returncode, history.stdout) == (1, "")
    assert "Function scalein writes to no log store (logConfig). Give --log" in history.stderr
