"""`with localcloud.mocked():` four SDKs with endpoints of production; nothing is left behind."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from pathlib import Path
from typing import Any

import fc2
import pytest
import requests.adapters
from alibabacloud_ess20220222.client import Client as Ess
from alibabacloud_ess20220222.models import DescribeScalingGroupsRequest as NewerRequest
from alibabacloud_fc20230330 import models as fc_models
from alibabacloud_fc20230330.client import Client as Fc
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.vendored.requests import adapters as vendored
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import (
    DescribeScalingGroupsRequest,
)
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

import localcloud
from localcloud.functions.fleet_function import zipped
from tests.support.clouds import group, instances

FLEET = {"groups": [group(*instances(3))], "accountId": "1234567890"}
KEY = ("localcloud", "localcloud-secret")
CODE = "def handler(event, context):\n    return b'hello ' + event\n"


def groups_by_older(*key: str) -> list[str]:
    client = AcsClient(*(key or KEY), "cn-hangzhou", auto_retry=False)
    reply = json.loads(client.do_action_with_exception(DescribeScalingGroupsRequest()))
    return [item["ScalingGroupId"] for item in reply["ScalingGroups"]["ScalingGroup"]]


def newer_config(**fields: Any) -> Config:
    return Config(access_key_id=KEY[0], access_key_secret=KEY[1], region_id="cn-hangzhou", **fields)


def packed(folder: Path) -> str:
    (folder / "index.py").write_text(CODE, encoding="utf-8")
    return base64.b64encode(zipped(folder)).decode()


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_the_older_sdk_of_auto_scaling_needs_no_endpoint(protocol: str) -> None:
    with localcloud.mocked(FLEET) as cloud:
        request = RemoveInstancesRequest()
        request.set_ScalingGroupId("asg-1")
        request.set_InstanceIds(["i-0001"])
        request.set_protocol_type(protocol)
        AcsClient(*KEY, "cn-hangzhou").do_action_with_exception(request)
        cloud.advance(61)

        assert groups_by_older() == ["asg-1"]
        assert sorted(cloud.service.groups["asg-1"].instances) == ["i-0002", "i-0003"]


def test_the_newer_sdk_of_auto_scaling_needs_no_endpoint_over_https() -> None:
    with localcloud.mocked(FLEET):
        reply = Ess(newer_config()).describe_scaling_groups(NewerRequest(region_id="cn-hangzhou"))

    assert [item.scaling_group_id for item in reply.body.scaling_groups] == ["asg-1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_older_sdk_of_function_compute_has_its_production_endpoint(
    scheme: str, tmp_path: Path
) -> None:
    with localcloud.mocked(FLEET):
        client = fc2.Client(
            endpoint=f"{scheme}://1234567890.cn-hangzhou.fc.aliyuncs.com",
            accessKeyID=KEY[0],
            accessKeySecret=KEY[1],
        )
        client.create_service("s")
        packed(tmp_path)
        client.create_function("s", "f", "python3.12", "index.handler", codeDir=str(tmp_path))

        assert client.invoke_function("s", "f", b"you").data == b"hello you"


def test_the_newer_sdk_of_function_compute_has_its_production_endpoint(tmp_path: Path) -> None:
    with localcloud.mocked(FLEET):
        client = Fc(newer_config(endpoint="1234567890.cn-hangzhou.fc.aliyuncs.com"))
        code = fc_models.InputCodeLocation(zip_file=packed(tmp_path))
        body = fc_models.CreateFunctionInput(
            function_name="f", runtime="python3.12", handler="index.handler", code=code
        )
        client.create_function(fc_models.CreateFunctionRequest(body=body))
        reply = client.invoke_function("f", fc_models.InvokeFunctionRequest(body=b"you"))

        assert reply.body.read() == b"hello you"


def test_a_client_with_a_key_of_its_own_is_refused() -> None:
    with localcloud.mocked(FLEET), pytest.raises(ServerException) as refused:
        groups_by_older("real", "real-secret")

    assert refused.value.get_error_code() == "InvalidAccessKeyId.NotFound"


def test_an_asynchronous_client_reaches_nothing_rather_than_the_real_cloud() -> None:
    async def describe() -> None:
        request = NewerRequest(region_id="cn-hangzhou")
        await Ess(newer_config()).describe_scaling_groups_async(request)

    with localcloud.mocked(FLEET) as cloud:
        with pytest.raises(Exception, match=r"only clients that send through requests"):
            asyncio.run(describe())

        assert not cloud.cloud.calls


def test_other_hosts_are_reached_as_before() -> None:
    with localcloud.mocked(FLEET) as cloud:
        answer = requests.get(f"http://{cloud.endpoint}/localcloud/health", timeout=10)
        assert answer.json()["status"] == "ok"
        assert socket.getaddrinfo("127.0.0.1", 80)
        assert not socket.getaddrinfo.__module__.startswith("socket")


def test_a_region_whose_endpoint_the_sdk_must_look_up_is_reached_too() -> None:
    with localcloud.mocked(FLEET) as cloud:
        client = AcsClient(*KEY, "na-south-1", auto_retry=False)
        reply = json.loads(client.do_action_with_exception(DescribeScalingGroupsRequest()))

    assert reply["TotalCount"] == 0
    actions = [call.action for call in cloud.cloud.calls]
    assert actions == ["DescribeEndpoints", "DescribeScalingGroups"]


def patched() -> tuple[Any, ...]:
    """All that the block exchanges."""
    names = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
    return (
        requests.adapters.HTTPAdapter.send,
        vendored.HTTPAdapter.send,
        socket.getaddrinfo,
        *(os.environ.get(f"ALIBABA_CLOUD_{name}") for name in names),
    )


def test_nothing_is_patched_outside_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "my-token")
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", raising=False)
    before = patched()
    with localcloud.mocked(FLEET):
        inside = patched()
        with localcloud.mocked() as inner:
            assert groups_by_older() == []
            assert inner.service.groups == {}
        assert patched() == inside
    assert patched() == before
    assert all(one != other for one, other in zip(before, inside, strict=True))

    with pytest.raises(KeyError), localcloud.mocked(FLEET):
        raise KeyError
    assert patched() == before


def of_group(name: str) -> dict[str, Any]:
    return {"groups": [group(scalingGroupId=name)]}


def test_blocks_may_be_nested_and_end_in_any_order() -> None:
    """As those of two threads do."""
    sends, lookup, key = requests.adapters.HTTPAdapter.send, socket.getaddrinfo, dict(os.environ)
    first, second = localcloud.mocked(of_group("asg-a")), localcloud.mocked(of_group("asg-b"))
    with first:
        with localcloud.mocked(of_group("asg-c")):
            assert groups_by_older() == ["asg-c"]
        assert groups_by_older() == ["asg-a"]
    first = localcloud.mocked(of_group("asg-a"))
    first.__enter__()
    second.__enter__()
    assert groups_by_older() == ["asg-b"]
    first.__exit__(None, None, None)
    assert groups_by_older() == ["asg-b"]
    assert os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"] == "localcloud"
    second.__exit__(None, None, None)

    assert requests.adapters.HTTPAdapter.send is sends
    assert (socket.getaddrinfo, dict(os.environ)) == (lookup, key)


@localcloud.mocked(FLEET)  # type: ignore[operator]
def test_it_is_a_decorator_too() -> None:
    assert groups_by_older() == ["asg-1"]
