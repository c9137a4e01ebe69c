"""PutLogs and GetLogs of Simple Log Service; by its official SDK where that is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import localcloud
from localcloud.handle import Handle
from localcloud.logs.log_group import rows_in
from localcloud.logs.lz4_block import decompress
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


def test_the_official_sdk_writes_and_reads(cloud: Handle) -> None:
    try:
        from aliyun.log import LogClient as Official
        from aliyun.log import LogItem, PutLogsRequest
    except ImportError:
        skip_without("aliyun-log-python-sdk", "pip install aliyun-log-python-sdk")
    client = Official("http://cn-hangzhou.log.aliyuncs.com", *KEY)
    long = "x" * 1_000
    items = [LogItem(1_000 + n, [("n", str(n)), ("long", long)]) for n in range(3)]
    client.put_logs(PutLogsRequest("p", "s", "topic", "source", items))
    found = client.get_log("p", "s", 0, 2_000, query="*", size=10)

    contents = [log.get_contents() for log in found.get_logs()]
    assert [(c["n"], c["long"] == long, c["__topic__"]) for c in contents] == [
        (str(n), True, "topic") for n in range(3)
    ]


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
