"""What it takes to run a local cloud: its version and health, a reset, a state that survives."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fc2
import pytest
from aliyunsdkess.request.v20140828.CreateScalingRuleRequest import CreateScalingRuleRequest
from aliyunsdkess.request.v20140828.DescribeScalingRulesRequest import DescribeScalingRulesRequest
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.assembly import build_cloud
from localcloud.authenticator import Authenticator
from localcloud.clock import AdvancingClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import FleetError, read_document
from localcloud.functions.fleet_function import zipped
from localcloud.functions.registry import Registry
from localcloud.functions.saved_functions import saved_functions
from localcloud.persistence import StateFile, whole_document
from tests.contract.test_regions import Endpoint, send
from tests.support.clouds import group, instances
from tests.support.deployment import KEY
from tests.support.native import Native

ROOT = Path(__file__).parents[2]
FLEET: dict[str, Any] = {
    "groups": [group(*instances(3))],
    "activitySeconds": 1,
    "rateLimits": {"DescribeRegions": 9},
}
CONFIG = {"maxAsyncRetryAttempts": 5}


class Running:
    """A local cloud that is a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        self.endpoint = str(json.loads(process.stdout.readline())["endpoint"])

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.endpoint}{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://{self.endpoint}{path}",
            json.dumps(body or {}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def instance_ids(self) -> list[str]:
        [found] = self.get("/localcloud/state")["saved"]["groups"].values()
        return sorted(found["instances"])

    def kill(self) -> None:
        """As a power failure would: it has no time to save."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def running(folder: Path, *options: str, fleet: dict[str, Any] = FLEET) -> Iterator[Running]:
    path = folder / "fleet.json"
    path.write_text(json.dumps(fleet), encoding="utf-8")
    key = ("--access-key-id", KEY.access_key_id, "--access-key-secret", KEY.access_key_secret)
    command = [sys.executable, "-m", "localcloud", "--fleet", str(path), *key, *options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield Running(process)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def remove(cloud: Running, instance_id: str) -> None:
    request = RemoveInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_InstanceIds([instance_id])
    send(Endpoint(cloud.endpoint), request, "cn-hangzhou")


def test_the_command_says_its_version() -> None:
    command = [sys.executable, "-m", "localcloud", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split()[-1] == (ROOT / "VERSION").read_text(encoding="utf-8").strip()


def test_its_health_can_be_asked_without_a_key_and_a_reset_leads_back_to_the_fleet_file(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as cloud:
        assert cloud.get("/localcloud/health")["status"] == "ok"
        remove(cloud, "i-0001")
        cloud.post("/localcloud/clock", {"advance": 60})
        cloud.post("/localcloud/faults", {"kind": "throttled"})
        cloud.post("/localcloud/faults", {"lag": {"lists": 30}})
        source = tmp_path / "f"
        source.mkdir()
        (source / "index.py").write_text("def handler(event, context):\n    return 'x'\n")
        functions = Native(cloud.endpoint)
        functions.create("f", zipped(source))
        assert cloud.instance_ids() == ["i-0002", "i-0003"]

        cloud.post("/localcloud/reset")

        assert cloud.instance_ids() == ["i-0001", "i-0002", "i-0003"]
        faults = cloud.get("/localcloud/faults")
        assert (faults["pending"], faults["lag"]["lists"]) == ([], 0)
        assert faults["rateLimits"] == FLEET["rateLimits"]
        state = cloud.get("/localcloud/state")
        assert (state["saved"]["activities"], state["savedFunctions"]["natives"]) == ({}, [])
        remove(cloud, "i-0001")


def test_what_was_answered_survives_a_power_failure(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.json"))
    with running(tmp_path, *state) as cloud:
        rule = CreateScalingRuleRequest()
        rule.set_ScalingGroupId("asg-1")
        rule.set_ScalingRuleName("mine")
        rule.set_AdjustmentType("TotalCapacity")
        rule.set_AdjustmentValue(1)
        send(Endpoint(cloud.endpoint), rule, "cn-hangzhou")
        remove(cloud, "i-0001")
        cloud.post("/localcloud/clock", {"advance": 3_600})
        cloud.kill()
    with running(tmp_path, *state) as cloud:
        assert cloud.instance_ids() == ["i-0002", "i-0003"]
        rules = send(Endpoint(cloud.endpoint), DescribeScalingRulesRequest(), "cn-hangzhou")
        assert [r["ScalingRuleName"] for r in rules["ScalingRules"]["ScalingRule"]] == ["mine"]
        document = read_document(tmp_path / "state.json")
        assert document["aheadSeconds"] >= 3_600


def test_what_time_did_survives_without_a_call(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with running(tmp_path, "--state", str(path)) as cloud:
        remove(cloud, "i-0001")
        ends_at = time.monotonic() + 20
        while "i-0001" in read_document(path)["saved"]["groups"]["asg-1"]["instances"]:
            assert time.monotonic() < ends_at
            time.sleep(0.1)
        cloud.kill()


def test_functions_of_both_generations_survive_with_their_code(tmp_path: Path) -> None:
    source = tmp_path / "code"
    source.mkdir()
    (source / "index.py").write_text("def handler(event, context):\n    return b'1' + event\n")
    state = ("--state", str(tmp_path / "state.json"))

    def older(cloud: Running) -> fc2.Client:
        return fc2.Client(
            endpoint=f"http://{cloud.endpoint}",
            accessKeyID=KEY.access_key_id,
            accessKeySecret=KEY.access_key_secret,
        )

    runtime = f"python3.{sys.version_info.minor}"
    with running(tmp_path, *state) as cloud:
        client = older(cloud)
        client.create_service("s")
        client.create_function("s", "f", runtime, "index.handler", codeDir=str(source))
        client.publish_version("s")
        client.create_alias("s", "live", "1")
        client.put_function_async_invoke_config("s", "live", "f", CONFIG)
        Native(cloud.endpoint).create("n", zipped(source), runtime=runtime)
        cloud.kill()
    with running(tmp_path, *state) as cloud:
        client = older(cloud)
        assert client.invoke_function("s", "f", b"2", qualifier="live").data == b"12"
        config = client.get_function_async_invoke_config("s", "live", "f").data
        assert config["maxAsyncRetryAttempts"] == 5
        assert Native(cloud.endpoint).invoke("n", b"3").body == b"13"


def test_a_file_is_written_whole_and_only_where_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    cloud = build_cloud(FLEET, AdvancingClock(), Assumptions(), Authenticator("k", "s"))
    state = StateFile(path, cloud)
    state.save()
    before = path.stat()
    state.save_changes()
    state.save()

    assert (path.stat().st_ino, list(tmp_path.iterdir())) == (before.st_ino, [path])
    del cloud.service.groups["asg-1"].instances["i-0001"]
    state.save_changes()
    assert path.stat().st_ino != before.st_ino
    assert "i-0001" not in path.read_text(encoding="utf-8")
    assert cloud.platform
    cloud.platform.close()


def test_a_state_whose_functions_cannot_be_read_is_refused() -> None:
    saved = {"groups": [], "savedFunctions": {"services": [{"name": "s"}]}}
    with pytest.raises(FleetError, match="the saved functions cannot be read"):
        build_cloud({"groups": []}, AdvancingClock(), Assumptions(), Authenticator("k", "s"), saved)


NAMES = st.text("abcxyz", min_size=1, max_size=3)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.sampled_from(["1", "2"]), max_size=3)))
def test_whatever_is_deployed_is_the_same_after_a_save(
    functions: dict[str, dict[str, str]],
) -> None:
    """By service: functions with their code; each service has a version, if it has a function."""
    first = build_cloud(FLEET, AdvancingClock(), Assumptions(), Authenticator("k", "s"))
    assert first.platform
    registry: Registry = first.platform.registry
    with tempfile.TemporaryDirectory() as folder:
        for service, codes in functions.items():
            registry.create_service({"serviceName": service})
            for name, code in codes.items():
                (Path(folder) / "index.py").write_text(code)
                zip_file = base64.b64encode(zipped(Path(folder))).decode()
                body = {
                    "functionName": name,
                    "runtime": "python3.10",
                    "handler": "index.handler",
                    "code": {"zipFile": zip_file},
                }
                registry.put_function(service, body)
                registry.publish_version(service, {})
                registry.put_async_config(service, name, {"maxAsyncRetryAttempts": 1})
    saved = json.loads(json.dumps(whole_document(first, {})))
    second = build_cloud(FLEET, AdvancingClock(), Assumptions(), Authenticator("k", "s"), saved)
    assert second.platform
    try:
        again = saved_functions(second.platform.registry, {})
        assert again == saved["savedFunctions"]
        assert second.service.groups == first.service.groups
    finally:
        first.platform.close()
        second.platform.close()
