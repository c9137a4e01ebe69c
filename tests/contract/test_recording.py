"""Recording, proved by recording one local cloud through another process of the proxy."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn
from alibabacloud_ess20220222.client import Client as Ess
from alibabacloud_ess20220222.models import DescribeScalingGroupsRequest as NewerRequest
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from aliyunsdkess.request.v20140828.CreateScalingRuleRequest import CreateScalingRuleRequest
from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import (
    DescribeScalingActivitiesRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import (
    DescribeScalingGroupsRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
    DescribeScalingInstancesRequest,
)
from aliyunsdkess.request.v20140828.ExecuteScalingRuleRequest import ExecuteScalingRuleRequest
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.authenticator import Authenticator
from localcloud.cloud import LocalCloud
from localcloud.comparison import RecordingError, compare, read_recording
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.recorder import Answer, Recorder, entry_of
from localcloud.recording_commands import compared
from localcloud.server import listening_socket
from localcloud.wire import Incoming
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY

ROOT = Path(__file__).parents[2]
TOKEN = "a-security-token"
FLEET: dict[str, Any] = {"groups": [group(*instances(5), minSize=2)]}


@contextmanager
def recorder_before(cloud: Cloud, file: Path) -> Iterator[str]:
    """host:port of a recorder that dates by the cloud's clock."""
    app = Recorder(file, f"http://{cloud.endpoint}", cloud.clock.now)
    config = uvicorn.Config(app, http="h11", log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    with listening_socket(0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield "{}:{}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            thread.join(10)


def send(endpoint: str, request: RpcRequest, **fields: Any) -> dict[str, Any]:
    client = AcsClient(KEY.access_key_id, KEY.access_key_secret, "cn-hangzhou", auto_retry=False)
    for name, value in fields.items():
        getattr(request, f"set_{name}")(value)
    request.set_endpoint(endpoint)
    request.add_query_param("SecurityToken", TOKEN)
    return dict(json.loads(client.do_action_with_exception(request)))


def story(cloud: Cloud, endpoint: str) -> None:
    """Reads, a removal, a rule that is made and executed, a refusal; both SDKs."""
    group_id = {"ScalingGroupId": "asg-1"}
    send(endpoint, DescribeScalingGroupsRequest())
    send(endpoint, RemoveInstancesRequest(), InstanceIds=["i-0001"], **group_id)
    cloud.clock.advance(61)
    rule = send(
        endpoint,
        CreateScalingRuleRequest(),
        AdjustmentType="TotalCapacity",
        AdjustmentValue=5,
        **group_id,
    )
    ari = rule["ScalingRuleAri"]
    send(endpoint, ExecuteScalingRuleRequest(), ScalingRuleAri=ari)
    cloud.clock.advance(61)
    send(endpoint, DescribeScalingInstancesRequest(), **group_id)
    send(endpoint, DescribeScalingActivitiesRequest(), **group_id)
    ids = ["i-0002", "i-0003", "i-0004", "i-0005"]
    with pytest.raises(ServerException):
        send(endpoint, RemoveInstancesRequest(), InstanceIds=ids, **group_id)
    keys = {"access_key_id": KEY.access_key_id, "access_key_secret": KEY.access_key_secret}
    where = {"endpoint": endpoint, "protocol": "http", "security_token": TOKEN}
    Ess(Config(**keys, **where)).describe_scaling_groups(NewerRequest(region_id="cn-hangzhou"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "recorded.jsonl"
    with cloud_of(*FLEET["groups"]) as cloud, recorder_before(cloud, file) as endpoint:
        story(cloud, endpoint)
    return file


def test_a_recorded_cloud_answers_as_the_recording_says(recording: Path) -> None:
    entries = read_recording(recording)
    comparison = compared(entries, FLEET, acts=False)

    assert [entry["status"] for entry in entries] == [200] * 6 + [400, 200]
    assert comparison.differences == []
    assert (comparison.compared, comparison.skipped) == (8, [])


def test_another_cloud_s_answers_are_named_with_their_places(recording: Path) -> None:
    other = {"groups": [group(*instances(5), minSize=1, maxSize=7)]}
    comparison = compared(read_recording(recording), other, acts=False)

    found = {(d.line, d.action, d.place): (d.recorded, d.local) for d in comparison.differences}
    minimum = "ScalingGroups.ScalingGroup[0].MinSize"
    assert found[1, "DescribeScalingGroups", minimum] == (2, 1)
    assert found[7, "RemoveInstances", "status"] == (400, 200)
    assert found[7, "RemoveInstances", "Code"] == ("IncorrectCapacity.MinSize", "(missing)")
    assert {line for line, _, _ in found} == {1, 7, 8}


class OneAnswer(LocalCloud):
    """Answers every call alike."""

    reply: Any = None

    def perform(self, *_: Any) -> Any:
        return self.reply


def differences_of(recorded: Any, local: Any) -> list[tuple[Any, ...]]:
    """Of an answer's field that is recorded so, where the local cloud has another value."""
    entry = {
        "at": "2026-01-01T00:00:00+00:00",
        "path": "/",
        "params": {"Action": "Any", "Version": "2022-02-22"},
        "status": 200,
        "answer": {"Field": recorded},
    }
    service = service_of({"groups": []}, DrivenClock(NOON), Assumptions())
    cloud = OneAnswer(service, Authenticator("id", "secret"))
    cloud.reply = {"Field": local}
    return [tuple(one)[2:] for one in compare([entry], cloud).differences]


@pytest.mark.parametrize(
    ("recorded", "local"),
    [
        (5, 5.0),
        (["a", "b"], ["b", "a"]),
        ([{"K": "a", "N": 1}, {"K": "b", "N": 2}], [{"N": 2, "K": "b"}, {"N": 1, "K": "a"}]),
        ([{"T": "2026-01-01T00:00Z"}, {"K": 2}], [{"K": 2}, {"T": "2025-01-01T00:00Z"}]),
    ],
)
def test_equal_values_are_no_difference_in_whatever_order(recorded: Any, local: Any) -> None:
    assert differences_of(recorded, local) == []


def test_a_text_is_no_number_and_a_number_no_boolean() -> None:
    for recorded, local in (("5", 5), (1, True), ([1, 2], [1, 3])):
        assert len(differences_of(recorded, local)) == 1


def test_a_recording_has_no_secret(recording: Path) -> None:
    text = recording.read_text(encoding="utf-8")

    for secret in (KEY.access_key_id, KEY.access_key_secret, TOKEN, "Signature", "uthorization"):
        assert secret not in text


def test_a_client_that_has_it_as_its_proxy_signs_for_the_real_host(tmp_path: Path) -> None:
    """As with a real account: the SDK signs the Host of the endpoint, not of the recorder."""
    file = tmp_path / "recorded.jsonl"
    with cloud_of(*FLEET["groups"]) as cloud, recorder_before(cloud, file) as endpoint:
        config = Config(
            access_key_id=KEY.access_key_id,
            access_key_secret=KEY.access_key_secret,
            endpoint=cloud.endpoint,
            protocol="http",
            http_proxy=f"http://{endpoint}",
        )
        client, request = Ess(config), NewerRequest(region_id="cn-hangzhou")
        reply = client.describe_scaling_groups(request)

        assert reply.body.total_count == 1
        assert [entry["host"] for entry in read_recording(file)] == [cloud.endpoint]


def test_it_forwards_to_no_other_host(tmp_path: Path) -> None:
    file = tmp_path / "recorded.jsonl"
    with cloud_of(*FLEET["groups"]) as cloud, recorder_before(cloud, file) as endpoint:
        connection = HTTPConnection(endpoint)
        connection.request("GET", "http://example.com/")

        assert connection.getresponse().status == 421
        connection.close()


@pytest.mark.parametrize(
    "text", ["{", "1\n", '{"at": "x", "params": {}, "status": 1, "answer": {}, "path": "/"}', "{}"]
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.raises(RecordingError):
        read_recording(tmp_path / "f")


def test_the_commands_record_and_compare(tmp_path: Path) -> None:
    file, fleet = tmp_path / "recorded.jsonl", tmp_path / "fleet.json"
    fleet.write_text(json.dumps(FLEET))
    command = [sys.executable, "-m", "localcloud"]
    with cloud_of(*FLEET["groups"], start=datetime.now(timezone.utc)) as cloud:
        options = ["record", "--file", str(file), "--to", f"http://{cloud.endpoint}"]
        process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout
            endpoint = json.loads(process.stdout.readline())["endpoint"]
            send(endpoint, DescribeScalingGroupsRequest())
        finally:
            process.terminate()
            process.communicate(timeout=20)
    done = [
        subprocess.run(
            [*command, "compare", str(file), "--fleet", str(path), "--still"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        for path in (fleet, ROOT / "localcloud/fleets/small.json")
    ]
    assert [(d.returncode, bool(d.stdout)) for d in done] == [(0, False), (1, True)], done
    assert done[0].stderr == "1 calls compared, 0 differences.\n"
    assert ': recorded "asg-1", local ' in done[1].stdout  # as JSON: "5" is not 5


SECRET = st.text("abcdefgh", min_size=12, max_size=20).map(lambda text: f"secret-{text}")
NAMES = st.sampled_from(
    ["AccessKeyId", "Signature", "SecurityToken", "SignatureNonce", "Password", "UserData"]
)


@given(st.dictionaries(NAMES, SECRET, min_size=1), SECRET, st.booleans())
def test_no_secret_of_a_request_is_recorded_wherever_the_answer_repeats_it(
    params: dict[str, str], token: str, in_body: bool
) -> None:
    text = urlencode({"Action": "X", **params})
    headers = {
        "x-acs-security-token": token,
        "authorization": f"ACS3-HMAC-SHA256 Credential={token}",
    }
    query, body = ("", text.encode()) if in_body else (text, b"")
    sent = Incoming("POST", "/", query, headers, body)
    repeated = json.dumps({"Message": f"{token} {list(params.values())}", "Password": "secret-p"})
    answer = Answer(400, [], repeated.encode())
    line = json.dumps(entry_of(datetime.now(timezone.utc), "h", sent, answer))

    assert "secret-" not in line
    assert json.loads(line)["params"]["Action"] == "X"
