"""What the benchmarks measure with: a server of prepared answers, trust stores, limits."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
from aliyunsdkcore.acs_exception.exceptions import ClientException
from aliyunsdkcore.client import AcsClient
from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
    DescribeScalingInstancesRequest,
)
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

from benchmarks import trust
from benchmarks.clouds import GROUP_ID, PreparedCloud, prepared_cloud
from benchmarks.code import ROOT, Code, Program
from benchmarks.failing_ess import silent_server
from benchmarks.outage import ONE_EVENT, Scenario, measure
from benchmarks.quotas import limit

# The bare SDK: on Python 3.12 its copy of urllib3 believes that ssl has no SNI.
pytestmark = pytest.mark.filterwarnings("ignore:An HTTPS request has been made, but the SNI")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> trust.Authority:
    return trust.make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def cloud(
    tmp_path: Path, authority: trust.Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PreparedCloud]:
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(authority.certificate))
    with prepared_cloud(tmp_path, authority, instances=150) as cloud:
        yield cloud


def client_of(variables: Mapping[str, str]) -> AcsClient:
    id, secret = (variables[f"ALIBABA_CLOUD_ACCESS_KEY_{part}"] for part in ("ID", "SECRET"))
    return AcsClient(id, secret, "cn-hangzhou")


def answer(client: AcsClient, cloud: PreparedCloud, request: Any) -> dict[str, Any]:
    request.set_endpoint(cloud.variables["SCALEIN_ESS_ENDPOINT"].removeprefix("https://"))
    request.set_protocol_type("https")
    return dict(json.loads(client.do_action_with_exception(request)))


def page(number: int) -> DescribeScalingInstancesRequest:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId(GROUP_ID)
    request.set_PageSize(100)
    request.set_PageNumber(number)
    return request


def test_the_cloud_behind_the_server_is_asked_once_for_each_page(cloud: PreparedCloud) -> None:
    client = client_of(cloud.variables)

    first, second, again = (answer(client, cloud, page(number)) for number in (1, 2, 1))

    sizes = [len(reply["ScalingInstances"]["ScalingInstance"]) for reply in (first, second)]
    counts = cloud.take_counts()
    assert sizes == [100, 50]
    assert again == first
    assert (counts.calls, counts.forwarded) == ({"DescribeScalingInstances": 3}, 2)
    assert (counts.handshakes, counts.connections) == (1, 1)


def test_counts_begin_anew_when_they_are_taken(cloud: PreparedCloud) -> None:
    client = client_of(cloud.variables)
    answer(client, cloud, page(1))
    cloud.take_counts()
    removal = RemoveInstancesRequest()
    removal.set_ScalingGroupId(GROUP_ID)
    removal.set_InstanceIds(["i-bp1benchmark00000001"])

    answer(client, cloud, removal)

    counts = cloud.take_counts()
    assert counts.calls == {"RemoveInstances": 1}
    assert counts.first_removal_at is not None
    assert (counts.handshakes, counts.connections) == (0, 1)
    assert cloud.take_counts().first_removal_at is None


def test_a_client_that_does_not_trust_the_authority_of_the_run_gets_no_answer(
    cloud: PreparedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", certifi.where())

    with pytest.raises(ClientException, match="CERTIFICATE_VERIFY_FAILED"):
        answer(client_of(cloud.variables), cloud, page(1))


def test_the_authority_joins_the_bundles_and_the_directories_of_hashed_names(
    tmp_path: Path, authority: trust.Authority
) -> None:
    bundle = tmp_path / "packages" / "certifi" / "cacert.pem"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    hashed = trust.make_directory(bundle, tmp_path / "packages" / "hashed")
    count, names = trust.certificate_count(bundle), set(hashed.iterdir())

    trust.add_to_stores(authority.certificate, tmp_path / "packages")

    context = ssl.create_default_context(cafile=bundle)
    (new_name,) = set(hashed.iterdir()) - names
    assert len(context.get_ca_certs()) == count + 1
    assert new_name.read_bytes() == authority.certificate.read_bytes()


def test_without_control_groups_there_is_no_limit_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cgroup.controllers").touch()

    with limit(0.1, tmp_path) as limited:
        assert limited.prefix == ()

    assert list(tmp_path.rglob("scalein*")) == []


def code_of(folder: Path, authority: trust.Authority) -> Code:
    """The handler of this repository in place of a package."""
    program = Program("scalein", (ROOT / "handler", ROOT / "benchmarks"), ())
    variables = dict.fromkeys(
        ("ALIBABA_CLOUD_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), str(authority.certificate)
    )
    return Code(
        *(folder, sys.executable, "", authority, folder, program, program, program),
        *(variables, authority.certificate, ""),
    )


@pytest.mark.parametrize("mode", [{"instances": 2}, {"mode": ONE_EVENT}])
def test_messages_that_a_slow_service_answers_are_billed_its_answers(
    tmp_path: Path, authority: trust.Authority, mode: dict[str, Any]
) -> None:
    scenario = Scenario("slow", "slow", messages=4, slow_seconds=0.05, **mode)

    cost = measure(code_of(tmp_path, authority), scenario)

    assert cost.status_counts == {"removing": 4}
    assert (cost.removed, cost.scheduled, cost.raised) == (4, 4, 0)
    assert cost.invocations == (1 if mode == {"mode": ONE_EVENT} else 4)
    assert cost.calls >= 12
    assert cost.billed_seconds > 3 * 0.05


def test_calls_to_a_closed_port_are_counted_where_they_are_made(
    tmp_path: Path, authority: trust.Authority
) -> None:
    scenario = Scenario("refused", "refused", messages=2)
    code = code_of(tmp_path, authority)
    code.trust_variables["SCALEIN_MAX_WAIT_SECONDS"] = "0.2"

    cost = measure(code, scenario)

    assert cost.status_counts == {"retry": 2}
    assert (cost.removed, cost.scheduled) == (0, 2)
    assert 1 <= cost.calls <= 8


@pytest.mark.parametrize("is_secure", [True, False], ids=["after the handshake", "before it"])
def test_a_silent_server_counts_calls_and_answers_none(
    authority: trust.Authority, is_secure: bool
) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    with (
        silent_server(authority if is_secure else None) as (url, count),
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5) as plain,
        context.wrap_socket(plain, server_hostname="localhost")
        if is_secure
        else plain as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)

        assert count() == 1
