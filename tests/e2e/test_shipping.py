"""`scalein package`, `deploy`, `invoke` and `check` as a person types them, on a local cloud."""

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
from scalein.cloud.tls import MIN_CERTIFICATES
from scalein_cli.options import RUNTIMES
from tests.support.clouds import group, instances
from tests.support.deployment import KEY
from tests.support.needs import skip_without
from tests.support.platforms import HANDLER, Compute, compute_of, site_packages
from tests.support.redis_server import redis_server
from tests.support.shared import package_of

LEDGER_CLIENT = {"redis", "async_timeout"}
ROOT = Path(__file__).parents[2]
POLICY: dict[str, Any] = {"groups": {"asg-1": {}}}
ROLE = "acs:ram::1:role/scalein"
SECRET = "a follow-up key that no output shows"


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of(group(*instances(6), minSize=2)) as running:
        yield running


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A zip as `scalein package` makes it, without the packages, which come from this Python."""
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
            "SCALEIN_FC_FUNCTION": "scalein/scale-in",
            **more,
        }
    command = [sys.executable, "-m", "scalein_cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=variables, input=stdin, capture_output=True, text=True, check=False
    )


def deploy(compute: Compute, code: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PYTHONPATH": site_packages(),
        "SCALEIN_POLICY": json.dumps(POLICY),
        "SCALEIN_ESS_ENDPOINT": compute.endpoint,
        "SCALEIN_FC_ENDPOINT": compute.endpoint,
        "SCALEIN_FOLLOW_UP_KEY": SECRET,
        "SCALEIN_DRY_RUN": "false",
        # The context of python3.12 does not name the service.
        "SCALEIN_FC_FUNCTION": "scalein/scale-in",
    }
    variables = [
        part for name, value in environment.items() for part in ("--env", f"{name}={value}")
    ]
    return scalein(compute, "deploy", str(code), "--role", ROLE, *variables, *more)


def test_the_function_is_invoked_and_its_outcome_is_printed(compute: Compute, code: Path) -> None:
    runtime = f"python3.{sys.version_info.minor}"
    if runtime not in RUNTIMES:
        skip_without(
            "a Python that Function Compute runs", "make test PYTHON=python3.12 VENV=.venv-3.12"
        )
    deploy(compute, code, "--yes", "--runtime", runtime)
    event = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}})

    invoked = scalein(compute, "invoke", "-", stdin=event)
    assert (invoked.returncode, invoked.stderr) == (0, "")
    assert "removing  1 instance accepted for removal" in invoked.stdout
    dry = json.dumps({**json.loads(event), "dryRun": True})
    later = scalein(compute, "invoke", "-", "--async", stdin=dry)
    assert later.returncode == 0
    assert "Succeeded" in later.stdout
    assert "dry-run" in later.stdout
    alone = scalein(compute, "invoke", "-", "--async", "--json", stdin=dry)
    assert json.loads(alone.stdout)["status"] == "dry-run"


def test_the_function_of_this_checkout_is_invoked_locally() -> None:
    event = (ROOT / "events/remove-two.json").read_text(encoding="utf-8")
    invoked = scalein(None, "invoke", "-", "--local", "--json", stdin=event)

    assert invoked.returncode == 0
    assert json.loads(invoked.stdout)["status"] == "removing"


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["invoke", "-"], {}, "FunctionNotFound (HTTP 404)"),
        (["invoke", "-", "--function", "missing"], {}, "Create it with template.yml or scalein"),
        (["invoke", "-", "--function", "missing/f"], {}, "Create it with template.yml or scalein"),
        (
            ["invoke", "-"],
            {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"},
            "The access key secret is wrong",
        ),
        (
            ["invoke", "-"],
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": ""},
            "There are no credentials in ALIBABA_CLOUD_ACCESS_KEY_ID",
        ),
        (
            ["invoke", "-", "--function", "f"],
            {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"},
            "invoke f: SignatureNotMatch (HTTP 403)",
        ),
        (["invoke", "-"], {"SCALEIN_FC_ENDPOINT": "127.0.0.1:9"}, "does not answer"),
        (
            ["stop", "--function", "f"],
            {"SCALEIN_FC_ENDPOINT": "127.0.0.1:9", "DEBUG": "sdk"},
            "function f: Function Compute does not answer",
        ),
        (["invoke", "-"], {"SCALEIN_FC_ENDPOINT": "http://fc.example"}, "must be https"),
        (
            ["invoke", "-"],
            {"SCALEIN_FC_ENDPOINT": ""},
            "There is no endpoint: set SCALEIN_FC_ENDPOINT, or give --endpoint",
        ),
        (["invoke", "-", "--function", "/f"], {}, "SERVICE/FUNCTION"),
        (["invoke", "-", "--function", "a/b/c"], {}, "SERVICE/FUNCTION"),
        (["deploy", "README.md", "--env", "x"], {}, "NAME=VALUE"),
        (["deploy", "README.md", "--yes"], {}, "not a zip file"),
        (["deploy"], {}, "To create it give ZIP"),
        (["check"], {}, "give --policy"),
    ],
)
def test_a_failure_is_a_sentence_without_a_traceback(
    compute: Compute, arguments: list[str], variables: dict[str, str], message: str
) -> None:
    compute.client.create_service("scalein")
    done = scalein(compute, *arguments, stdin="{}", **variables)

    assert done.returncode != 0
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert KEY.access_key_secret not in done.stdout + done.stderr


def test_without_the_sdk_of_3_0_the_command_says_which_package_is_missing(
    compute: Compute, tmp_path: Path
) -> None:
    (tmp_path / "alibabacloud_fc20230330.py").write_text(
        "raise ImportError(name='alibabacloud_fc20230330')"
    )
    paths = f"{tmp_path}:{HANDLER}:{ROOT}"
    done = scalein(compute, "stop", "--function", "f", PYTHONPATH=paths)

    assert done.returncode == 1
    assert "pip install alibabacloud-fc20230330" in done.stderr
    assert "Traceback" not in done.stderr
    older = scalein(compute, "stop", "--function", "s/f", PYTHONPATH=paths)
    assert "function s/f does not exist" in older.stderr


def check(
    compute: Compute | None, tmp_path: Path, *more: str, policy: Any = POLICY
) -> dict[str, Any]:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    done = scalein(compute, "check", "--policy", str(file), "--json", *more)
    results = json.loads(done.stdout)
    assert done.returncode == any(result["grade"] == "bad" for result in results)
    return {" ".join([result["check"], *result["subjects"]]): result for result in results}


def test_checking_makes_the_reads_and_names_the_right_that_is_missing(
    compute: Compute, tmp_path: Path
) -> None:
    results = check(compute, tmp_path, "--region", "cn-hangzhou", "--try-remove")
    assert results["group asg-1"]["detail"] == "6 instances, MinSize 2, Active"
    assert results["removal from asg-1"]["grade"] == "good"
    assert compute.inside.service.activities == {}
    compute.inside.faults.add("forbidden", "DescribeScalingActivities", times=10)
    assert "missing: ess:DescribeScalingActivities" in str(
        check(compute, tmp_path, "--region", "cn-hangzhou")
    )
    compute.inside.faults.clear()
    compute.inside.faults.add("forbidden", "RemoveInstances", times=10)
    results = check(compute, tmp_path, "--region", "cn-hangzhou", "--try-remove")
    assert results["removal from asg-1"]["detail"].startswith(
        "missing: RemoveInstances: Forbidden.RAM: not permitted."
        " Add acs:ess:cn-hangzhou:ACCOUNT_ID:scalinggroup/asg-1 (ACCOUNT_ID stands for"
    )


def test_checking_needs_no_cloud_for_a_policy_an_event_and_a_template(tmp_path: Path) -> None:
    template = tmp_path / "template.yml"
    statement = {"Effect": "Allow", "Action": 5, "Resource": ["*"]}
    template.write_text(json.dumps({"A": {"PolicyDocument": {"Statement": [statement]}}}))
    events = [
        "--event",
        str(ROOT / "events/remove-two.json"),
        "--event",
        str(ROOT / "events/not-json.json"),
    ]
    results = check(None, tmp_path, "--template", str(template), *events)

    assert {
        name: result["grade"] for name, result in results.items() if name.startswith("event")
    } == {
        "event remove-two.json": "good",
        "event not-json.json": "bad",
    }
    of_single = [{"namespace": "acs_ecs_dashboard"}, {"eventName": "*"}]
    for remove, notes in (
        ({"count": 1}, ["policy, rule alarms[0]", "policy, rule alarms[1]"]),
        ({"instanceIds": "alarm"}, []),
    ):
        rules = [{"when": w, "scalingGroupId": "asg-1", "remove": remove} for w in of_single]
        policy = {"groups": {"asg-1": {}}, "alarms": rules}
        results = check(None, tmp_path, policy=policy)
        assert [name for name in results if "alarms[" in name] == notes
    misspelt = check(None, tmp_path, policy={"groups": {"asg-1": {"flor": 3}}})
    assert misspelt["policy policy.json"]["grade"] == "bad"
    wrong = scalein(None, "check", "--template", str(template))
    assert "Action must be product:Name" in " ".join(wrong.stdout.split())
    own = check(None, tmp_path, "--template", str(ROOT / "template.yml"))
    assert own["template template.yml"]["grade"] == "good"


def contents_of(zip_file: Path) -> dict[str, tuple[object, ...]]:
    """Everything that the file holds, by name: what is said of each entry, and its bytes."""
    with zipfile.ZipFile(zip_file) as archive:
        return {
            info.filename: (info.date_time, info.external_attr, archive.read(info))
            for info in archive.infolist()
        }


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_package_is_reproducible_and_has_all_that_the_function_needs(
    runtime: str, compute: Compute, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made, small = tmp_path / "made.zip", package_of(tmp_path_factory, runtime)
    command = ("package", "--runtime", runtime, "--output", str(made), "--ledger", "redis")
    done = scalein(None, *command)
    assert done.returncode == 0, done.stderr
    files, files_without = (contents_of(zip_file) for zip_file in (made, small))
    assert {name: files[name] for name in files_without} == files_without  # the same bytes
    of_client = {name.partition("/")[0].partition("-")[0] for name in set(files) - {*files_without}}
    assert {"redis"} <= of_client <= LEDGER_CLIENT
    names = list(files)
    assert not any(name.startswith(("cryptography", "cffi")) or "/tests/" in name for name in names)
    assert any(name.endswith("LICENSE") for name in names)
    certificates = [name for name in names if name.startswith("scalein/cloud/certificates/")]
    assert len(certificates) >= MIN_CERTIFICATES
    assert ("scalein/packed.bin" in names) == (python_of(runtime) is not None)
    if python_of(runtime) is None:
        skip_without(runtime, f"pyenv install {runtime.removeprefix('python')}")
    with redis_server() as ledger:
        variables = {
            "SCALEIN_POLICY": json.dumps(POLICY),
            "SCALEIN_ESS_ENDPOINT": compute.endpoint,
            "SCALEIN_FC_ENDPOINT": compute.endpoint,
            "SCALEIN_FC_FUNCTION": "scalein/scale-in",
            "SCALEIN_FOLLOW_UP_KEY": SECRET,
            "SCALEIN_LEDGER": ledger.url,
            "SCALEIN_DRY_RUN": "false",
        }
        environment = [
            part for name, value in variables.items() for part in ("--env", f"{name}={value}")
        ]
        options = ("--yes", "--runtime", runtime, "--role", ROLE)
        refused = scalein(compute, "deploy", str(small), *options, *environment)
        assert refused.returncode == 1
        assert "scalein package --ledger redis" in refused.stderr
        scalein(compute, "deploy", str(made), *options, *environment)
        event = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}})
        outcome = json.loads(scalein(compute, "invoke", "-", "--json", stdin=event).stdout)

    assert (outcome["status"], outcome["ledger"]) == ("removing", "redis")
    assert outcome["followUp"]["number"] == 1
