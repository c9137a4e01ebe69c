"""package, deploy, invoke and check as a person types them, against a local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.functions.fleet_function import zipped
from localcloud.functions.pythons import python_of
from scalein_cli.package import RUNTIMES
from tests.support.clouds import group, instances
from tests.support.deployment import KEY
from tests.support.platforms import HANDLER, Compute, compute_of, site_packages
from tests.support.redis_server import redis_server

ROOT = Path(__file__).parents[2]
POLICY: dict[str, Any] = {"groups": {"asg-1": {}}}
SECRET = "a follow-up key that no log may show"


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of(group(*instances(6), minSize=2)) as found:
        yield found


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """As `scalein package` makes it, without the packages: they come from this Python."""
    made = tmp_path / "code.zip"
    made.write_bytes(zipped(HANDLER))
    return made


def scalein(
    compute: Compute | None, *arguments: str, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    variables = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALIBABA", "SCALEIN"))
        },
        "PYTHONPATH": f"{HANDLER}:{ROOT}",
        **more,
    }
    if compute:
        variables |= {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
            "SCALEIN_FC_ENDPOINT": compute.endpoint,
            "SCALEIN_ESS_ENDPOINT": compute.endpoint,
            **more,
        }
    command = [sys.executable, "-m", "scalein_cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=variables, input=stdin, capture_output=True, text=True, check=False
    )


def deployed(compute: Compute, code: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PYTHONPATH": site_packages(),
        "SCALEIN_POLICY": json.dumps(POLICY),
        "SCALEIN_ESS_ENDPOINT": compute.endpoint,
        "SCALEIN_FC_ENDPOINT": compute.endpoint,
        "SCALEIN_FOLLOW_UP_KEY": SECRET,
        "SCALEIN_FC_FUNCTION": "scalein/scale-in",  # python3.12 does not name the service
    }
    variables = [
        part for name, value in environment.items() for part in ("--env", f"{name}={value}")
    ]
    return scalein(compute, "deploy", str(code), *variables, *more)


def test_deploying_shows_what_differs_and_does_it_once(compute: Compute, code: Path) -> None:
    first = deployed(compute, code, "--yes", "--alias", "prod", "--runtime", "python3.10")
    assert (first.returncode, first.stderr) == (0, "")
    assert "done  alias prod" in first.stdout
    assert SECRET not in first.stdout
    again = deployed(compute, code, "--yes", "--alias", "prod")
    assert again.stdout == "Nothing differs.\n"
    changed = deployed(compute, code, "--yes", "--alias", "prod", "--timeout", "90")
    assert "timeout 60 s" in changed.stdout
    assert "timeout 90 s" in changed.stdout
    assert compute.client.get_alias("scalein", "prod").data["versionId"] == "2"


def test_what_is_not_given_is_not_changed(compute: Compute, code: Path) -> None:
    """New code must not take the dry run away."""
    deployed(
        compute,
        code,
        "--yes",
        "--env",
        "SCALEIN_DRY_RUN=true",
        "--timeout",
        "90",
        "--memory",
        "512",
    )
    with zipfile.ZipFile(code, "a") as archive:
        archive.writestr("new.txt", "new")
    done = scalein(compute, "deploy", str(code), "--yes", "--unset", "SCALEIN_FOLLOW_UP_KEY")

    assert (done.returncode, done.stderr) == (0, "")
    now = compute.client.get_function("scalein", "scale-in").data
    assert (now["timeout"], now["memorySize"]) == (90, 512)
    assert now["environmentVariables"]["SCALEIN_DRY_RUN"] == "true"
    assert "SCALEIN_FOLLOW_UP_KEY" not in now["environmentVariables"]


def test_a_package_is_deployed_to_the_runtime_that_it_was_made_for(
    compute: Compute, code: Path
) -> None:
    with zipfile.ZipFile(code, "a") as archive:
        archive.writestr("rpds/rpds.cpython-312-x86_64-linux-gnu.so", "")
    wrong = deployed(compute, code, "--yes", "--runtime", "python3.10")
    deployed(compute, code, "--yes")

    assert "made for python3.12, not for python3.10" in wrong.stderr
    assert compute.client.get_function("scalein", "scale-in").data["runtime"] == "python3.12"


def test_what_a_template_deployed_is_completed(compute: Compute, code: Path) -> None:
    deployed(compute, code, "--yes")
    arn = "acs:mns:cn-hangzhou:1:/queues/outcomes/messages"
    done = scalein(compute, "deploy", "--only-asynchronous", "--on-success", arn, "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    config = compute.client.get_function_async_invoke_config("scalein", "LATEST", "scale-in").data
    assert (config["statefulInvocation"], config["destinationConfig"]) == (
        True,
        {"onSuccess": {"destination": arn}},
    )


def test_nothing_is_deployed_without_a_yes(compute: Compute, code: Path) -> None:
    shown = deployed(compute, code, "--dry-run")
    refused = deployed(compute, code)

    assert (shown.returncode, refused.returncode) == (0, 1)
    assert "function scale-in" in shown.stdout
    assert "Do this?" in refused.stdout
    assert compute.client.list_services().data["services"] == []


def test_an_event_is_invoked_and_its_outcome_is_a_table(compute: Compute, code: Path) -> None:
    runtime = f"python3.{sys.version_info.minor}"
    if runtime not in RUNTIMES:
        pytest.skip("the packages of this Python are not those of a runtime of Function Compute")
    deployed(compute, code, "--yes", "--runtime", runtime)
    event = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}})

    done = scalein(compute, "invoke", "-", stdin=event)
    assert (done.returncode, done.stderr) == (0, "")
    assert "removing  1 instance leaving" in done.stdout
    dry = json.dumps({**json.loads(event), "dryRun": True})
    later = scalein(compute, "invoke", "-", "--async", stdin=dry)
    assert later.returncode == 0
    assert "Succeeded" in later.stdout
    assert "dry-run" in later.stdout
    alone = scalein(compute, "invoke", "-", "--async", "--json", stdin=dry)
    assert json.loads(alone.stdout)["status"] == "dry-run"


def test_a_function_of_this_checkout_is_invoked_locally() -> None:
    event = (ROOT / "events/remove-two.json").read_text(encoding="utf-8")
    done = scalein(None, "invoke", "-", "--local", "--json", stdin=event)

    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "removing"


@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        (["invoke", "-"], {}, "FunctionNotFound (HTTP 404)"),
        (["invoke", "-", "--function", "no-service/f"], {}, "scalein deploy makes it"),
        (
            ["invoke", "-"],
            {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"},
            "The access key secret is wrong",
        ),
        (
            ["invoke", "-"],
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": ""},
            "no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID",
        ),
        (["invoke", "-"], {"SCALEIN_FC_ENDPOINT": "127.0.0.1:9"}, "does not answer"),
        (["invoke", "-"], {"SCALEIN_FC_ENDPOINT": "http://fc.example"}, "must be https"),
        (["invoke", "-"], {"SCALEIN_FC_ENDPOINT": ""}, "no endpoint: set SCALEIN_FC_ENDPOINT"),
        (["invoke", "-", "--function", "f"], {}, "SERVICE/FUNCTION"),
        (["deploy", "README.md", "--env", "x"], {}, "NAME=VALUE"),
        (["deploy", "README.md", "--yes"], {}, "not a zip file"),
        (["deploy"], {}, "give ZIP, or --only-asynchronous"),
        (["check"], {}, "give --policy"),
    ],
)
def test_what_goes_wrong_is_reported_in_a_sentence(
    compute: Compute, arguments: list[str], more: dict[str, str], message: str
) -> None:
    compute.client.create_service("scalein")
    done = scalein(compute, *arguments, stdin="{}", **more)

    assert done.returncode != 0
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert KEY.access_key_secret not in done.stdout + done.stderr


def checked(
    compute: Compute | None, tmp_path: Path, *more: str, policy: Any = POLICY
) -> dict[str, Any]:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    done = scalein(compute, "check", "--policy", str(file), "--json", *more)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if all(one["good"] for one in found) else 1)
    return {one["what"]: one for one in found}


def test_checking_tries_the_reads_and_names_the_right_that_is_missing(
    compute: Compute, tmp_path: Path
) -> None:
    good = checked(compute, tmp_path, "--region", "cn-hangzhou", "--try-remove")
    assert good["group asg-1"]["told"] == "6 instances, MinSize 2, Active"
    assert good["group asg-1, removal"]["good"]
    assert compute.inside.service.activities == {}
    compute.inside.faults.add("forbidden", "DescribeScalingActivities", times=10)
    assert "missing: ess:DescribeScalingActivities" in str(
        checked(compute, tmp_path, "--region", "cn-hangzhou")
    )
    compute.inside.faults.clear()
    compute.inside.faults.add("forbidden", "RemoveInstances", times=10)
    assert "missing: ess:RemoveInstances" in str(
        checked(compute, tmp_path, "--region", "cn-hangzhou", "--try-remove")
    )


def test_checking_needs_no_cloud_for_a_policy_an_event_and_a_template(tmp_path: Path) -> None:
    template = tmp_path / "template.yml"
    template.write_text(
        "A:\n  PolicyDocument:\n    Statement:\n"
        "      - {Effect: Allow, Action: 5, Resource: ['*']}\n"
    )
    events = [
        "--event",
        str(ROOT / "events/remove-two.json"),
        "--event",
        str(ROOT / "events/not-json.json"),
    ]
    found = checked(None, tmp_path, "--template", str(template), *events)

    assert {what: one["good"] for what, one in found.items() if what.startswith("event")} == {
        "event remove-two.json": True,
        "event not-json.json": False,
    }
    assert (
        checked(None, tmp_path, policy={"groups": {"asg-1": {"flor": 3}}})["policy policy.json"][
            "good"
        ]
        is False
    )
    wrong = scalein(None, "check", "--template", str(template))
    assert "Action is product:Name" in " ".join(wrong.stdout.split())
    assert checked(None, tmp_path, "--template", str(ROOT / "template.yml"))[
        "template template.yml"
    ]["good"]


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_package_is_the_same_again_and_all_that_the_function_needs(
    runtime: str, compute: Compute, tmp_path: Path
) -> None:
    made = [tmp_path / "one.zip", tmp_path / "two.zip"]
    for zip_file in made:
        done = scalein(None, "package", "--runtime", runtime, "--output", str(zip_file))
        assert done.returncode == 0, done.stderr
    assert made[0].read_bytes() == made[1].read_bytes()
    names = zipfile.ZipFile(made[0]).namelist()
    assert not any(name.startswith(("cryptography", "cffi")) or "/tests/" in name for name in names)
    assert any(name.endswith("LICENSE") for name in names)
    if python_of(runtime) is None:
        pytest.skip(f"{runtime} is not here to run it")
    with redis_server() as ledger:
        variables = {
            "SCALEIN_POLICY": json.dumps(POLICY),
            "SCALEIN_ESS_ENDPOINT": compute.endpoint,
            "SCALEIN_FC_ENDPOINT": compute.endpoint,
            "SCALEIN_FC_FUNCTION": "scalein/scale-in",
            "SCALEIN_FOLLOW_UP_KEY": SECRET,
            "SCALEIN_LEDGER": ledger.url,
        }
        environment = [
            part for name, value in variables.items() for part in ("--env", f"{name}={value}")
        ]
        scalein(compute, "deploy", str(made[0]), "--yes", "--runtime", runtime, *environment)
        event = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}})
        outcome = json.loads(scalein(compute, "invoke", "-", "--json", stdin=event).stdout)

    assert (outcome["status"], outcome["ledger"], outcome["followUp"]["number"]) == (
        "removing",
        "redis",
        1,
    )
