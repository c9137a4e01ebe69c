"""Follow-ups on both generations: what Function Compute answers, and what fc2 alone would do."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from localcloud.certificate import self_signed_certificate
from scalein.decision.model import Target
from scalein.decision.progress import Progress
from scalein.errors import TryLater
from scalein.processing.follow_ups import task_id
from tests.support.clock import NOON
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.fleets import request_for
from tests.support.generations import GENERATIONS, SERVICE, follow_ups_at
from tests.support.platforms import compute_of
from tests.support.servers import answer_of, header_of, replying, request_on, serving

CANARY = "canary-7731"
PROGRESS = Progress(request_for(Target(instances=1)), NOON, follow_ups=1)


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def waiting(cloud: Cloud) -> list[tuple[str, str, str, str, timedelta]]:
    functions = cloud.inside.functions
    assert functions
    return [
        (i.service, i.function, i.qualifier, i.task_id, i.due_at - cloud.clock.now())
        for i in functions.waiting
    ]


def test_a_follow_up_is_an_asynchronous_delayed_and_numbered_invocation_of_this_function(
    generation: str,
) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        assert follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 30)

        assert waiting(cloud) == [
            (SERVICE[generation], "scale-in", "prod", task_id(PROGRESS), timedelta(seconds=30))
        ]


def test_the_second_of_two_equal_follow_ups_is_refused_without_an_error(generation: str) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        is_new = [
            follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 30) for _ in range(2)
        ]
        is_new.append(
            follow_ups_at(f"http://{cloud.endpoint}", generation)(
                PROGRESS.with_next_follow_up(), 30
            )
        )

        assert is_new == [True, False, True]
        assert len(waiting(cloud)) == 2


def test_the_sts_token_is_sent_and_signed(generation: str) -> None:
    with cloud_of(group(*instances(1)), token="sts-1") as cloud:
        assert follow_ups_at(
            f"http://{cloud.endpoint}", generation, KEY._replace(security_token="sts-1")
        )(PROGRESS, 1)
        with pytest.raises(TryLater, match="HTTP 403"):
            follow_ups_at(
                f"http://{cloud.endpoint}", generation, KEY._replace(security_token="sts-2")
            )(PROGRESS, 1)


def test_no_refusal_quotes_the_credentials(generation: str) -> None:
    secrets = {"access_key_secret": CANARY, "security_token": CANARY}
    with (
        cloud_of(group(*instances(1))) as cloud,
        pytest.raises(TryLater, match=r"HTTP 403 SignatureNotMatch: .*role") as caught,
    ):
        follow_ups_at(f"http://{cloud.endpoint}", generation, KEY._replace(**secrets))(PROGRESS, 1)

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("throttled", "HTTP 429 ResourceThrottled"),
        ("forbidden", "HTTP 403 AccessDenied: .*fc:InvokeFunction"),
        ("token-expired", "HTTP 403 InvalidSecurityToken.Expired: .*role"),
        ("clock-skew", "HTTP 403 InvalidTimeStamp.Expired: .*15 minutes"),
    ],
)
def test_a_refusal_says_what_to_do_and_has_the_id_of_the_request(
    kind: str, text: str, generation: str
) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add(kind, "InvokeFunction")
        with pytest.raises(TryLater, match=text) as caught:
            follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 1)

    assert f"(Function Compute request id {caught.value.ess_request_id})" in str(caught.value)


def test_a_function_of_the_other_generation_names_the_setting(tmp_path: Path) -> None:
    with compute_of() as compute:
        compute.deploy(tmp_path, name="scale-in")
        with pytest.raises(TryLater, match=r"HTTP 404 FunctionNotFound: .*SCALEIN_FC_FUNCTION"):
            follow_ups_at(f"http://{compute.endpoint}", "3.0")(PROGRESS, 1)


@pytest.mark.parametrize("kind", ["throttled", "internal-error", "unavailable", "bad-gateway"])
def test_a_follow_up_that_function_compute_does_not_accept_is_retried_later(
    kind: str, generation: str
) -> None:
    """fc2 would raise JSONDecodeError for the HTML page."""
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add(kind, "InvokeFunction")
        with pytest.raises(TryLater):
            follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 1)

        assert follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 1)


def test_a_refused_connection_fails_at_once(generation: str) -> None:
    """fc2 would try for 30 s."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(TryLater):
            follow_ups_at(f"http://127.0.0.1:{taken.getsockname()[1]}", generation)(PROGRESS, 1)

    assert time.monotonic() - began < 5


def test_a_server_that_never_answers_is_not_waited_for_beyond_the_deadline(generation: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(TryLater):
            follow_ups_at(f"http://127.0.0.1:{silent.getsockname()[1]}", generation, seconds=0)(
                PROGRESS, 1
            )

    assert time.monotonic() - began < 3


def test_a_follow_up_that_is_too_large_is_not_sent(generation: str) -> None:
    large = PROGRESS._replace(selected=tuple(f"i-{number:062}" for number in range(4_000)))
    with cloud_of(group(*instances(1))) as cloud:
        with pytest.raises(TryLater, match="TooLarge"):
            follow_ups_at(f"http://{cloud.endpoint}", generation)(large, 1)

        assert waiting(cloud) == []


def test_fc2_logs_nothing_and_other_libraries_may(
    caplog: pytest.LogCaptureFixture, generation: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with cloud_of(group(*instances(1)), token="sts-canary") as cloud:
        follow_ups_at(
            f"http://{cloud.endpoint}", generation, KEY._replace(security_token="sts-canary")
        )(PROGRESS, 1)
    logging.error("of another library")

    assert "canary" not in caplog.text
    assert "of another library" in caplog.text


@pytest.mark.parametrize(
    "kind", ["lost-answer", "half-body", "gateway-timeout", "gateway-redirect", "bad-gateway-after"]
)
def test_a_follow_up_whose_answer_is_lost_is_scheduled_and_the_second_attempt_says_so(
    kind: str, generation: str
) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add(kind, "InvokeFunction")
        with pytest.raises(TryLater):
            follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 30)

        assert not follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 30)
        assert len(waiting(cloud)) == 1


def test_a_follow_up_that_meets_a_broken_connection_is_not_scheduled(generation: str) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add("reset", "InvokeFunction")
        with pytest.raises(TryLater):
            follow_ups_at(f"http://{cloud.endpoint}", generation)(PROGRESS, 30)

        assert waiting(cloud) == []


def test_the_signature_outranks_a_password_in_a_file_netrc_and_the_trust_store_is_honoured(
    generation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both copies of requests would put such a password in the signature's place."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    heads: list[str] = []

    def accept(connection: socket.socket) -> None:
        while head := request_on(connection):
            heads.append(head)
            connection.sendall(answer_of(b"", "202 Accepted"))

    with self_signed_certificate("127.0.0.1") as certificate:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
        with serving(accept, certificate) as endpoint:
            assert follow_ups_at(f"https://{endpoint}", generation)(PROGRESS, 1)

    (head,) = heads
    scheme = {"2.0": "FC test-key:", "3.0": "ACS3-HMAC-SHA256 Credential=test-key,"}[generation]
    assert header_of(head, "authorization").startswith(scheme)


def test_follow_ups_of_one_process_share_a_connection_and_return_no_cookie(
    generation: str,
) -> None:
    conversations: list[list[str]] = []

    def accept(connection: socket.socket) -> None:
        heads: list[str] = []
        conversations.append(heads)
        while head := request_on(connection):
            heads.append(head)
            connection.sendall(answer_of(b"", "202 Accepted", "Set-Cookie: a=b"))

    with serving(accept) as endpoint:
        for _ in range(3):
            assert follow_ups_at(f"http://{endpoint}", generation)(PROGRESS, 1)

    (heads,) = conversations
    assert [header_of(head, "cookie") for head in heads] == [""] * 3


def test_a_redirect_is_not_followed_with_the_credentials(generation: str) -> None:
    other: list[str] = []

    def another(connection: socket.socket) -> None:
        other.append(request_on(connection))

    with serving(another) as target:
        moved = answer_of(b"", "307 Temporary Redirect", f"Location: http://{target}/")
        with replying(lambda _: moved) as endpoint, pytest.raises(TryLater, match="HTTP 307"):
            follow_ups_at(f"http://{endpoint}", generation)(PROGRESS, 1)

    assert other == []


def test_a_proxy_is_asked_for_the_endpoint_and_gets_no_credentials(
    generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[str] = []
    with serving(lambda connection: heads.append(request_on(connection))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        monkeypatch.delenv("HTTP_PROXY", raising=False)
        with pytest.raises(TryLater, match="InvokeFunction"):
            follow_ups_at("https://1.cn-x-internal.fc.aliyuncs.com", generation)(PROGRESS, 1)

    (head,) = heads
    assert head.startswith("CONNECT 1.cn-x-internal.fc.aliyuncs.com:443")
    assert "test-key" not in head
