"""PutLogs and GetLogs of Simple Log Service; by its official SDK where that is installed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

import localcloud
from localcloud.handle import Handle
from localcloud.logs.log_group import rows_in
from localcloud.logs.lz4_block import decompress
from localcloud.logs.signatures import Signed, signature_v4
from tests.contract.test_roles import ACCOUNT, assume, fleet
from tests.support.log_client import LogClient, field, log_group
from tests.support.needs import skip_without

KEY = ("localcloud", "localcloud-secret")
LOGS = [(1_000 + n, {"level": "warn" if n % 2 else "info", "n": str(n)}) for n in range(5)]
INDEX = {
    "line": {"token": [" "], "caseSensitive": False},
    "keys": {
        "level": {"type": "text", "doc_value": True},
        "n": {"type": "long", "doc_value": True},
    },
}
WRITER = {
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["log:PostLogStoreLogs"],
            "Resource": f"acs:log:cn-hangzhou:{ACCOUNT}:project/p/logstore/s",
        }
    ]
}


@pytest.fixture
def cloud() -> Iterator[Handle]:
    with localcloud.mocked(fleet(WRITER)) as made:
        yield made


def written(cloud: Handle, key: tuple[str, ...] = KEY, logstore: str = "s") -> LogClient:
    client = LogClient(cloud.endpoint, key, "p")
    body = log_group(LOGS, "topic", {"host": "h"})
    assert client.send("POST", f"/logstores/{logstore}/shards/lb", body).status_code == 200
    return client


def test_what_was_written_is_read_with_its_topic_source_and_tags(cloud: Handle) -> None:
    answer = written(cloud).get_logs("s", "", line=2, offset=1, reverse=True).json()

    assert answer["meta"]["progress"] == "Complete"
    assert [row["n"] for row in answer["data"]] == ["3", "2"]
    assert answer["data"][0] == {
        "__time__": "1003",
        "__topic__": "topic",
        "__source__": "10.0.0.1",
        "__tag__:host": "h",
        "level": "warn",
        "n": "3",
    }


def test_a_time_begins_with_its_first_second_and_ends_before_its_last(cloud: Handle) -> None:
    client = written(cloud)
    data = client.get_logs("s", "*", **{"from": 1_001, "to": 1_003}).json()["data"]

    assert [row["n"] for row in data] == ["1", "2"]
    older = client.send("GET", "/logstores/s", params={"type": "log", "from": 1_001, "to": 1_003})
    assert (older.json(), older.headers["x-log-progress"]) == (data, "Complete")


def test_a_query_counts_what_its_index_has(cloud: Handle) -> None:
    client = written(cloud)
    assert client.send("POST", "/logstores/s/index", json.dumps(INDEX).encode()).ok
    query = "level: warn | select level, count(1) as c, sum(n) as total group by level"
    answer = client.get_logs("s", query).json()

    assert answer["data"] == [{"level": "warn", "c": "2", "total": "4"}]
    assert answer["meta"]["hasSQL"]
    wrong = client.get_logs("s", "* | select nothing")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (400, "ParameterInvalid")


def test_a_role_writes_to_its_log_store_and_to_nothing_else(cloud: Handle) -> None:
    key = assume(cloud)
    client = written(cloud, key)
    written(cloud, KEY, "other")
    refused = [
        client.get_logs("s", ""),
        client.send("POST", "/logstores/other/shards/lb", log_group(LOGS, "", {})),
    ]

    assert [(a.status_code, a.json()["errorCode"]) for a in refused] == [(401, "Unauthorized")] * 2


def test_what_is_wrong_has_a_code(cloud: Handle) -> None:
    client = written(cloud)
    stranger = LogClient(cloud.endpoint, ("x", "y"), "p")
    liar = LogClient(cloud.endpoint, (KEY[0], "other-secret"), "p")
    path = "/logstores/s/shards/lb"
    codes = {
        "LogStoreNotExist": client.get_logs("none", ""),
        "PostBodyInvalid": client.send("POST", path, b"\xff"),
        "InvalidCompressType": client.send("POST", path, b"x", x_log_compresstype="zstd"),
        "ParameterInvalid": client.get_logs("s", "", **{"from": "x"}),
        "Unauthorized": stranger.get_logs("s", ""),
        "SignatureNotMatch": liar.get_logs("s", ""),
    }

    assert {code: answer.json()["errorCode"] for code, answer in codes.items()} == {
        code: code for code in codes
    }


def test_a_reset_forgets_logs(cloud: Handle) -> None:
    client = written(cloud)
    client.send("POST", "/logstores/indexed/index", json.dumps(INDEX).encode())
    assert client.get_logs("indexed", "").ok
    cloud.reset()

    for logstore in ("s", "indexed"):
        assert client.get_logs(logstore, "").json()["errorCode"] == "LogStoreNotExist"


def test_a_log_store_and_an_index_are_created_once_and_described(cloud: Handle) -> None:
    client = LogClient(cloud.endpoint, KEY, "p")
    store = {"logstoreName": "new", "ttl": 7, "shardCount": 1}
    answers = [
        client.send("POST", "/logstores", json.dumps(store).encode()),
        client.send("POST", "/logstores", json.dumps(store).encode()),
        client.send("POST", "/logstores", b"{}"),
        client.send("GET", "/logstores/new/index"),
        client.send("POST", "/logstores/new/index", json.dumps(INDEX).encode()),
        client.send("POST", "/logstores/new/index", json.dumps(INDEX).encode()),
        client.send("GET", "/logstores/new", params={"type": "histogram"}),
    ]

    assert [a.json()["errorCode"] if a.content else "" for a in answers] == [
        *("", "LogStoreAlreadyExist", "LogStoreInfoInvalid", "IndexConfigNotExist"),
        *("", "IndexAlreadyExist", "ParameterInvalid"),
    ]
    assert client.send("GET", "/logstores/new").json().items() >= store.items()
    assert client.send("GET", "/logstores/new/index").json() == INDEX
    assert client.get_logs("new", "").json()["data"] == []


def test_a_right_to_read_logs_is_none_to_define_an_index(cloud: Handle) -> None:
    written(cloud)
    key = assume(cloud)
    body = json.dumps(INDEX).encode()
    refused = [
        LogClient(cloud.endpoint, key, "p").send(*request, body, params={"type": "log"})
        for request in (("GET", "/logstores/s"), ("PUT", "/logstores/s/index"))
    ]

    assert [a.json()["errorMessage"].split(", ")[1] for a in refused] == [
        *("action: log:GetLogStoreLogs", "action: log:UpdateIndex"),
    ]


def test_the_signature_of_version_4_is_that_of_the_official_sdk() -> None:
    """AuthV4 of aliyun-log-python-sdk 0.9.52 made the expected one."""
    params = {"type": "log", "query": "level: warn | select *", "topic": "", "from": "1"}
    headers = {
        "host": "p.cn-hangzhou.log.aliyuncs.com",
        "content-type": "application/json",
        "user-agent": "x",
        "x-acs-security-token": "token",
        "x-log-apiversion": "0.6.0",
        "x-log-bodyrawsize": "5",
        "x-log-content-sha256": hashlib.sha256(b"hello").hexdigest(),
        "x-log-date": "20261130T120000Z",
    }
    signed = Signed("GET", "/logstores/s", params, headers, b"hello")
    scope = "20261130/cn-hangzhou/sls/aliyun_v4_request"

    expected = "b06f1af4437fcf2563ced6c7526434186627ccc2eadded1019a385a5d880bdd8"
    assert signature_v4(KEY[1], scope, signed) == expected


@pytest.mark.parametrize(
    ("secret", "body", "day", "code"),
    [
        (KEY[1], b"{}", "", None),
        ("other-secret", b"{}", "", "SignatureNotMatch"),
        (KEY[1], b"{ }", "", "InvalidContentMD5"),
        (KEY[1], b"{}", "20200101", "RequestTimeTooSkewed"),
    ],
)
def test_version_4_signs_day_secret_and_body(
    cloud: Handle, secret: str, body: bytes, day: str, code: str | None
) -> None:
    written(cloud)
    now = datetime.now(timezone.utc)
    scope = f"{day or f'{now:%Y%m%d}'}/cn-hangzhou/sls/aliyun_v4_request"
    headers = {
        "host": "p.127.0.0.1",
        "x-log-content-sha256": hashlib.sha256(b"{}").hexdigest(),
        "x-log-date": f"{now:%Y%m%dT%H%M%SZ}",
    }
    signature = signature_v4(secret, scope, Signed("PUT", "/logstores/s/index", {}, headers, b""))
    headers["authorization"] = f"SLS4-HMAC-SHA256 Credential={KEY[0]}/{scope},Signature={signature}"
    url = f"http://{cloud.endpoint}/logstores/s/index"
    answer = requests.put(url, data=body, headers=headers, timeout=10)

    assert (answer.json()["errorCode"] if answer.content else None) == code


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_the_official_sdk_defines_writes_and_reads(cloud: Handle, version: str) -> None:
    try:
        from aliyun.log import IndexConfig, IndexKeyConfig, LogItem, PutLogsRequest
        from aliyun.log import LogClient as Official
    except ImportError:
        skip_without("aliyun-log-python-sdk", "pip install aliyun-log-python-sdk")
    endpoint = "http://cn-hangzhou.log.aliyuncs.com"
    client = Official(endpoint, *KEY, auth_version=version, region="cn-hangzhou")
    client.create_logstore("p", "s", ttl=7, shard_count=1)
    key = IndexKeyConfig(index_type="long", doc_value=True)
    client.create_index("p", "s", IndexConfig(key_config_list={"n": key}))
    long = "x" * 1_000
    items = [LogItem(1_000 + n, [("n", str(n)), ("long", long)]) for n in range(3)]
    client.put_logs(PutLogsRequest("p", "s", "topic", "source", items))
    found = client.get_log("p", "s", 0, 2_000, query="*", size=10)
    [total] = client.get_log("p", "s", 0, 2_000, query="* | select sum(n) as total").get_logs()

    contents = [log.get_contents() for log in found.get_logs()]
    assert [(c["n"], c["long"] == long, c["__topic__"]) for c in contents] == [
        (str(n), True, "topic") for n in range(3)
    ]
    assert total.get_contents() == {"total": "3"}
    assert client.get_index_config("p", "s").get_index_config().key_config_list.keys() == {"n"}


def compressed(data: bytes) -> bytes:
    """A block of literals, then a run that repeats the last byte; as LZ4's format has them."""
    count = len(data)
    head = bytes([0xF0]) + b"\xff" * ((count - 15) // 255) + bytes([(count - 15) % 255])
    return (head if count >= 15 else bytes([count << 4])) + data


@given(st.binary(max_size=1_000))
def test_a_block_of_literals_is_its_content(data: bytes) -> None:
    assert decompress(compressed(data), len(data)) == data


def test_a_block_repeats_what_it_refers_to() -> None:
    block = bytes([0x3F]) + b"abc" + b"\x03\x00" + bytes([2]) + bytes([0x10]) + b"z"

    assert decompress(block, 25) == b"abc" * 8 + b"z"


@given(st.binary(max_size=60), st.integers(0, 100))
def test_any_bytes_are_a_block_or_refused(data: bytes, size: int) -> None:
    with suppress(ValueError):
        assert len(decompress(data, size)) == size


TEXTS = st.text(max_size=8)
CONTENTS = st.dictionaries(TEXTS.filter(lambda key: not key.startswith("__")), TEXTS, max_size=4)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), CONTENTS), max_size=5), TEXTS)
def test_rows_are_what_was_encoded(logs: list[tuple[int, dict[str, Any]]], topic: str) -> None:
    body = log_group(logs, topic, {"t": "1"})
    common = {"__topic__": topic, "__source__": "10.0.0.1", "__tag__:t": "1"}

    assert rows_in(body) == [{**common, "__time__": time, **contents} for time, contents in logs]
    assert rows_in(field(9, "unknown") + body + b"\x4d" + b"\x00" * 4) == rows_in(body)


@given(st.binary(max_size=80))
def test_any_bytes_are_rows_or_refused(body: bytes) -> None:
    with suppress(ValueError):
        assert all("__time__" in row for row in rows_in(body))
