"""What one call may cost: time, bytes and attempts; and which faults are the deployment's."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.certificate import self_signed_certificate
from scalein.clock import SystemClock
from scalein.cloud.ess import EssGateway
from scalein.cloud.gateway import Removal
from scalein.decision.model import Metric, ReadScope, RemoveOptions, Target
from scalein.decision.progress import Progress
from scalein.errors import ConfigurationError, GatewayError, OutcomeUnknown, Transient, TryLater
from scalein.timing import CallTimer
from tests.support.clock import NOON, DrivenClock
from tests.support.fleets import request_for
from tests.support.generations import GENERATIONS, follow_ups_at
from tests.support.servers import (
    EMPTY,
    action_of,
    answer_of,
    empty_group,
    gateway_to,
    header_of,
    replying,
    request_on,
    serving,
)

CALL = Removal("asg-1", ("i-1",), "token-1", RemoveOptions())
BODY = json.dumps({"ScalingActivityId": "asa-1"}).encode() + b" " * 300
MEBIBYTE = 1 << 20


def dripping(*parts: bytes) -> Callable[[socket.socket], None]:
    """Sends the first part at once, and the others a byte every 30 ms."""

    def converse(connection: socket.socket) -> None:
        if parts[0]:
            request_on(connection)
            connection.sendall(parts[0])
        for byte in b"".join(parts[1:]):
            connection.sendall(bytes((byte,)))
            time.sleep(0.03)

    return converse


HEAD, _, _ = answer_of(BODY).partition(b"\r\n\r\n")
DRIPS = {
    "status line": dripping(b"H", b"TTP/1.1 200 OK" + b" " * 300),
    "headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X-Long: " + b"x" * 300),
    "body": dripping(HEAD + b"\r\n\r\n", BODY),
    "body without length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", BODY),
    "chunks": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n1\r\n \r\n" * 50
    ),
    "error page": dripping(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 300\r\n\r\n", b"x" * 300),
}


def seconds_of(act: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(GatewayError):
        act()
    return time.monotonic() - began


@pytest.mark.parametrize("kind", DRIPS)
def test_dripped_bytes_hold_no_call_beyond_its_deadline(kind: str) -> None:
    with serving(DRIPS[kind]) as endpoint:
        gateway = gateway_to(endpoint, SystemClock(), seconds=0.7)

        assert seconds_of(lambda: gateway.remove(CALL)) < 0.9


def test_a_handshake_that_never_ends_holds_no_call_beyond_its_deadline() -> None:
    with serving(dripping(b"", b"\x16\x03\x03\x00\x7a" + b"\x02" * 200)) as endpoint:
        gateway = gateway_to(endpoint, SystemClock(), seconds=0.7, secure=True)

        assert seconds_of(lambda: gateway.remove(CALL)) < 0.9


def test_a_metric_that_drips_holds_no_read_beyond_its_deadline() -> None:
    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            if action_of(head) == "DescribeMetricLast":
                connection.sendall(HEAD + b"\r\n\r\n")
                for byte in BODY:
                    connection.sendall(bytes((byte,)))
                    time.sleep(0.03)
            connection.sendall(one_member.get(action_of(head)) or empty_group(action_of(head)))

    member = {"InstanceId": "i-1", "LifecycleState": "InService"}
    listed = {"TotalCount": 1, "ScalingInstances": {"ScalingInstance": [member]}}
    one_member = {"DescribeScalingInstances": answer_of(json.dumps(listed).encode())}
    with serving(converse) as endpoint:
        gateway = gateway_to(endpoint, SystemClock(), seconds=0.7)

        assert seconds_of(lambda: gateway.snapshot("asg-1", ReadScope(metric=Metric()))) < 0.9


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("kind", DRIPS)
def test_dripped_bytes_hold_no_follow_up_beyond_its_deadline(kind: str, generation: str) -> None:
    with serving(DRIPS[kind]) as endpoint:
        schedule_follow_up = follow_ups_at(f"http://{endpoint}", generation, seconds=0.4)

        assert (
            seconds_of(
                lambda: schedule_follow_up(Progress(request_for(Target(instances=1)), NOON), 1)
            )
            < 0.6
        )


def test_no_thread_is_left_running_after_a_call_that_ran_out_of_time() -> None:
    with serving(DRIPS["body"]) as endpoint:
        before = set(threading.enumerate())
        with pytest.raises(GatewayError):
            gateway_to(endpoint, SystemClock(), seconds=0.6).remove(CALL)
        started = {thread.name for thread in set(threading.enumerate()) - before}

    assert not any("talk" not in name and "scalein-read" not in name for name in started)


def heavy(kind: str) -> bytes:
    """Returns an answer as it travels."""
    if kind == "large":
        return answer_of(b"{}" + b" " * (24 * MEBIBYTE))
    if kind == "large without length":
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}" + b" " * (24 * MEBIBYTE)
    if kind == "gzip bomb":
        return answer_of(
            gzip.compress(b"{}" + b" " * (200 * MEBIBYTE)), "200 OK", "Content-Encoding: gzip"
        )
    if kind == "error page":
        return answer_of(b"x" * (24 * MEBIBYTE), "502 Bad Gateway")
    if kind == "one wide character":
        return answer_of(b'{"a": "' + b"x" * (2 * MEBIBYTE) + "\U0001f600".encode() + b'"}')
    if kind == "many lists":
        return answer_of(b'{"a": [' + b"[]," * MEBIBYTE + b"[]]}")
    return answer_of(b"[" * (3 * MEBIBYTE))


@pytest.mark.parametrize(
    "kind",
    [
        "large",
        "large without length",
        "gzip bomb",
        "error page",
        "many lists",
        "deep",
        "one wide character",
    ],
)
def test_no_answer_costs_more_than_16_mebibytes(kind: str) -> None:
    answer = heavy(kind)
    with replying(lambda _: answer) as endpoint:
        gateway = gateway_to(endpoint, seconds=0.5)  # one attempt
        tracemalloc.start()
        try:
            with pytest.raises(OutcomeUnknown):
                gateway.remove(CALL)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 16 * MEBIBYTE


def test_after_an_answer_that_was_too_large_the_next_one_is_its_own() -> None:
    """Unread bytes of an answer must not be read as the next one."""
    answers = iter([heavy("large")])
    with replying(lambda action: next(answers, empty_group(action))) as endpoint:
        assert gateway_to(endpoint).remove(CALL) == "asa-1"


@pytest.mark.parametrize("goes_wrong", ["closes", "half an answer", "half a head"])
def test_a_removal_is_sent_as_often_as_it_is_counted_and_never_by_the_transport(
    goes_wrong: str,
) -> None:
    """The first call on a connection is answered; each later one meets a broken idle connection."""
    arrived: list[str] = []

    def converse(connection: socket.socket) -> None:
        number = 0
        while head := request_on(connection):
            arrived.append(head)
            number += 1
            if number > 1:
                connection.sendall(
                    {"closes": b"", "half a head": b"HTTP/1.1 2"}.get(
                        goes_wrong, HEAD + b"\r\n\r\n{"
                    )
                )
                return
            connection.sendall(empty_group("RemoveInstances"))

    clock = DrivenClock()
    timer = CallTimer(clock)
    with serving(converse) as endpoint:
        gateway = gateway_to(endpoint, clock, timer=timer)
        for _ in range(4):
            gateway.remove(CALL)

    (attempts, _) = timer.take().calls["RemoveInstances"]
    assert (
        len(arrived) == attempts == 7
    )  # the second, third and fourth met a broken connection first


def test_a_redirect_is_never_followed_and_proves_nothing_about_what_happened() -> None:
    other: list[str] = []

    def another(connection: socket.socket) -> None:
        other.append(request_on(connection))

    with serving(another) as target:
        moved = answer_of(b"", "307 Temporary Redirect", f"Location: http://{target}/")
        with replying(lambda _: moved) as endpoint, pytest.raises(OutcomeUnknown):
            gateway_to(endpoint, seconds=2).remove(CALL)

    assert other == []


def test_a_call_has_no_password_of_a_file_and_brings_back_no_cookie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    heads: list[str] = []

    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            heads.append(head)
            connection.sendall(answer_of(BODY, "200 OK", "Set-Cookie: a=canary"))

    with serving(converse) as endpoint:
        gateway = gateway_to(endpoint)
        assert [gateway.remove(CALL), gateway.remove(CALL)] == ["asa-1", "asa-1"]

    assert [action_of(head) for head in heads] == ["RemoveInstances"] * 2
    assert not any(header_of(head, name) for head in heads for name in ("authorization", "cookie"))


@pytest.fixture(scope="module")
def certificate() -> Iterator[tuple[str, str]]:
    with self_signed_certificate("127.0.0.1") as files:
        yield files


def https(connection: socket.socket) -> None:
    while head := request_on(connection):
        connection.sendall(empty_group(action_of(head)))


def test_a_trusted_certificate_is_accepted(
    certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", certificate[0])
    with serving(https, certificate) as endpoint:
        assert gateway_to(endpoint, secure=True).remove(CALL) == "asa-1"


@pytest.mark.parametrize(
    "bundle", ["", "missing.pem", "garbage.pem", "empty.pem", "broken.pem", "nul\x00"]
)
def test_a_useless_trust_store_or_certificate_is_a_fault_of_the_deployment(
    bundle: str, certificate: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "garbage.pem").write_text("garbage")
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "broken.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nzz\n-----END CERTIFICATE-----\n"
    )
    if bundle and "\x00" not in bundle:
        monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(tmp_path / bundle))
    with serving(https, certificate) as endpoint:
        assert_fails_at_once(endpoint, secure=True, names="ALIBABA_CLOUD_CA_BUNDLE")


def test_https_to_a_port_of_plain_http_is_a_fault_of_the_deployment() -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer_of(b"<html>", "400 Bad Request"))

    with serving(plain) as endpoint:
        assert_fails_at_once(endpoint, secure=True, names="SCALEIN_ESS_ENDPOINT")


def test_plain_http_to_a_port_of_https_is_a_fault_of_the_deployment() -> None:
    """Where the server sends an alert: many only hang up, which looks like a lost answer."""

    def alert(connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")

    with serving(alert) as endpoint:
        assert_fails_at_once(endpoint, secure=False, names="SCALEIN_ESS_ENDPOINT")


def assert_fails_at_once(endpoint: str, secure: bool, names: str) -> None:
    clock = DrivenClock()
    calls: list[Callable[[EssGateway], object]] = [
        lambda gateway: gateway.remove(CALL),
        lambda gateway: gateway.snapshot("asg-1"),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError, match=names):
            call(gateway_to(endpoint, clock, secure=secure))
    assert clock.naps == []


def test_a_fault_of_the_deployment_after_a_lost_answer_leaves_the_outcome_unknown(
    certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", certificate[0])

    def lose(connection: socket.socket) -> None:
        request_on(connection)
        monkeypatch.delenv("ALIBABA_CLOUD_CA_BUNDLE")

    with serving(lose, certificate) as endpoint, pytest.raises(OutcomeUnknown):
        gateway_to(endpoint, secure=True).remove(CALL)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_wrong_certificate_of_function_compute_is_retried_later_and_names_the_setting(
    certificate: tuple[str, str], generation: str
) -> None:
    with serving(https, certificate) as endpoint:
        schedule_follow_up = follow_ups_at(f"https://{endpoint}", generation, seconds=5)
        with pytest.raises(TryLater, match="SCALEIN_FC_ENDPOINT"):
            schedule_follow_up(Progress(request_for(Target(instances=1)), NOON), 1)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    "status", ["200 OK", "204 No Content", "302 Found", "404 Not Found", "502 Bad Gateway"]
)
def test_only_function_computes_own_acceptance_schedules_a_follow_up(
    status: str, generation: str
) -> None:
    answers = iter([answer_of(b"", status), answer_of(b"", "202 Accepted")])
    with replying(lambda _: next(answers)) as endpoint:
        schedule_follow_up = follow_ups_at(f"http://{endpoint}", generation, seconds=5)
        progress = Progress(request_for(Target(instances=1)), NOON)
        with pytest.raises(TryLater, match=f"HTTP {status[:3]}"):
            schedule_follow_up(progress, 1)

        assert schedule_follow_up(progress, 1)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 23 Nov 2026 12:07:00 GMT", "2026-11-23 12:07:00+00:00"),
        ("Mon, 23 Nov 2026 11:00:00 GMT", "2026-11-23 11:00:00+00:00"),
        *(
            (odd, None)
            for odd in (
                "",
                "yesterday",
                "Mon, 23 Nov 2026 12:07:00 -0000",
                "Mon, 99 Nov 2026 12:07:00 GMT",
            )
        ),
        *(
            (odd, None)
            for odd in ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT")
        ),
    ],
)
def test_the_clouds_time_is_the_date_of_its_answer_where_that_is_plausible(
    date: str, expected: str | None
) -> None:
    def reply(action: str) -> bytes:
        return answer_of(json.dumps(EMPTY[action]).encode(), "200 OK", f"Date: {date}")

    with replying(reply) as endpoint:
        cloud_time = gateway_to(endpoint).snapshot("asg-1").cloud_time

    assert (str(cloud_time) if cloud_time else None) == expected


def test_an_answer_without_a_date_has_no_time() -> None:
    with replying(empty_group) as endpoint:
        assert gateway_to(endpoint).snapshot("asg-1").cloud_time is None


def test_a_read_whose_answer_is_too_large_is_tried_again() -> None:
    answers = iter([heavy("large"), heavy("gzip bomb")])
    with replying(lambda action: next(answers, empty_group(action))) as endpoint:
        assert gateway_to(endpoint).snapshot("asg-1").instances == ()


def test_without_a_listener_the_call_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint = "{}:{}".format(*closed.getsockname())
    clock = DrivenClock()
    with pytest.raises(Transient):
        gateway_to(endpoint, clock, seconds=5).snapshot("asg-1")

    assert clock.naps
