"""The signature of 3.0, by the example of the vendor's help page (signature method V3)."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from scalein.cloud.acs3 import Call, encoded, signed_headers
from scalein.settings import Credentials

HOST, NONCE = "ecs.cn-shanghai.aliyuncs.com", "3156853299f313e23d1673dc12e1703d"
NOW = datetime(2023, 10, 26, 10, 22, 32, tzinfo=timezone.utc)
QUERY = {
    "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    "RegionId": "cn-shanghai",
}
CALL = Call("POST", "/", QUERY, "RunInstances", "2014-05-26", b"")
KEY = Credentials("YourAccessKeyId", "YourAccessKeySecret", "")


def signature_of(call: Call, credentials: Credentials = KEY) -> str:
    headers = signed_headers(call, HOST, {}, credentials, NONCE, NOW)
    return headers["authorization"].rpartition("Signature=")[2]


def test_the_vendors_example_has_the_vendors_signature() -> None:
    expected = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"

    assert signature_of(CALL) == expected


@pytest.mark.parametrize(
    "other",
    [
        CALL._replace(method="GET"),
        CALL._replace(path="/other"),
        CALL._replace(query={**QUERY, "RegionId": "cn-beijing"}),
        CALL._replace(action="DeleteInstances"),
        CALL._replace(body=b"x"),
    ],
)
def test_whatever_is_sent_is_signed(other: Call) -> None:
    assert signature_of(other) != signature_of(CALL)


def test_a_token_is_sent_and_signed() -> None:
    credentials = KEY._replace(security_token="token")
    headers = signed_headers(CALL, HOST, {"X-Fc-Async-Delay": "5"}, credentials, NONCE, NOW)

    assert headers["x-acs-security-token"] == "token"
    assert "x-acs-security-token" in headers["authorization"]
    assert "x-fc-async-delay" in headers["authorization"]
    assert encoded("a b/ü~") == "a%20b%2F%C3%BC~"
