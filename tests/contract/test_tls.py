"""Connections by TLS: the certificates that they trust, the contexts that they share, their age."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import aliyunsdkcore.vendored.requests as sdk_requests
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from scalein.clock import Clock, SystemClock
from scalein.cloud import sdk, tls
from scalein.cloud.gateway import Removal
from scalein.cloud.parallel import MAX_CONNECTIONS
from scalein.cloud.transport import MAX_IDLE_SECONDS, BoundedAdapter, TransportError
from scalein.decision.model import RemoveOptions
from scalein.errors import ConfigurationError
from scalein_cli.trust_store import hashed_directory, subject_hash
from tests.support.certificates import ELSEWHERE, Authority, authority_in, self_signed_in
from tests.support.clock import DrivenClock
from tests.support.needs import skip_without
from tests.support.servers import action_of, answer_of, empty_group, gateway_to, request_on, serving

CALL = Removal("asg-1", ("i-1",), "token-1", RemoveOptions())
SDK_BUNDLE = Path(tls.bundle())


class Plain(BoundedAdapter, HTTPAdapter):  # type: ignore[misc]
    """The bounded adapter of requests itself, as calls to Function Compute use it."""

    timeout_type = Timeout
    error_type = HTTPError


COPIES: dict[str, tuple[Any, Any]] = {
    "the SDK's requests": (sdk_requests, sdk.Transport),
    "requests": (requests, Plain),
}


class Sessions:
    """Opens sessions of either copy of requests; the test closes them at its end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def open(self, copy: str, contexts: tls.Contexts, clock: Clock | None = None) -> Any:
        library, base = COPIES[copy]
        own = {"contexts": staticmethod(lambda: contexts), "clock": clock or SystemClock()}
        session = self._stack.enter_context(library.Session())
        session.trust_env = False  # this machine may name a trust store of its own
        session.mount("https://", type("Own", (base,), own)())
        return session


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    with ExitStack() as stack:
        yield Sessions(stack)


def get(session: Any, url: str) -> None:
    session.get(url, timeout=(5, 5))


def trusting(path: Path | str) -> tls.Contexts:
    return tls.Contexts(lambda: tls.new_context(str(path)))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return authority_in(tmp_path)


@pytest.fixture
def heads() -> list[str]:
    """Each request that a server of this test received."""
    return []


@pytest.fixture
def answering(heads: list[str]) -> Callable[[socket.socket], None]:
    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            heads.append(head)
            connection.sendall(empty_group(action_of(head) or "RemoveInstances"))

    return converse


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_is_verified_by_its_issuer_its_name_and_its_time(
    sessions: Sessions,
    copy: str,
    host: str,
    authority: Authority,
    tmp_path: Path,
    heads: list[str],
    answering: Callable[[socket.socket], None],
) -> None:
    stranger = authority_in(tmp_path, "another authority")
    wrong = {
        "a wrong name": authority.certificate(names=ELSEWHERE),
        "an issuer that is not trusted": stranger.certificate(),
    }
    for certificate in wrong.values():
        with serving(answering, certificate) as endpoint:
            assert_refused(sessions, copy, authority, endpoint, host)
    for days in ((-9, -2), (2, 9)):
        with serving(answering, authority.certificate(days=days)) as endpoint:
            assert_refused(sessions, copy, authority, endpoint, host)
    assert heads == []
    with serving(answering, authority.certificate()) as endpoint:
        url = f"https://{host}:{endpoint.partition(':')[2]}/"
        get(sessions.open(copy, trusting(authority.file)), url)
    assert len(heads) == 1


@pytest.mark.parametrize("copy", COPIES)
def test_a_self_signed_certificate_is_trusted_only_by_itself(
    sessions: Sessions,
    copy: str,
    authority: Authority,
    tmp_path: Path,
    heads: list[str],
    answering: Callable[[socket.socket], None],
) -> None:
    certificate = self_signed_in(tmp_path)
    with serving(answering, certificate) as endpoint:
        assert_refused(sessions, copy, authority, endpoint, "127.0.0.1")
        assert heads == []
        get(sessions.open(copy, trusting(certificate[0])), f"https://{endpoint}/")
    assert len(heads) == 1


def assert_refused(
    sessions: Sessions, copy: str, authority: Authority, endpoint: str, host: str
) -> None:
    session = sessions.open(copy, trusting(authority.file))
    with pytest.raises(TransportError, match=f"certificate of {host} does not verify"):
        get(session, f"https://{host}:{endpoint.partition(':')[2]}/")


def test_a_removal_is_never_sent_to_a_server_that_does_not_verify(
    authority: Authority,
    heads: list[str],
    answering: Callable[[socket.socket], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(authority.file))
    for certificate in (
        authority.certificate(names=ELSEWHERE),
        authority.certificate(days=(-9, -2)),
    ):
        with serving(answering, certificate) as endpoint, pytest.raises(ConfigurationError):
            gateway_to(endpoint, secure=True).remove(CALL)
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", "")  # to the SDK: verify nothing
    with (
        serving(answering, authority.certificate()) as endpoint,
        pytest.raises(ConfigurationError),
    ):
        gateway_to(endpoint, secure=True).remove(CALL)

    assert heads == []


def test_all_connections_of_a_trust_store_share_one_context_and_another_store_has_its_own(
    sessions: Sessions,
    authority: Authority,
    answering: Callable[[socket.socket], None],
    tmp_path: Path,
) -> None:
    made: list[str] = []

    def new_context() -> tls.Context:
        made.append("default")
        return tls.new_context(str(authority.file))

    contexts = tls.Contexts(new_context)
    with serving(answering, authority.certificate()) as endpoint:
        for copy in COPIES:
            for _ in range(3):
                session = sessions.open(copy, contexts)
                get(session, f"https://{endpoint}/")
        other = authority_in(tmp_path, "another authority")
        with pytest.raises(TransportError):
            session.get(f"https://{endpoint}/", timeout=(5, 5), verify=str(other.file))

    assert made == ["default"]
    assert contexts.get(str(other.file)) is contexts.get(str(other.file))
    assert contexts.get(str(other.file)) is not contexts.get()


def test_threads_that_connect_at_once_read_the_trust_store_once(authority: Authority) -> None:
    made: list[int] = []
    together = threading.Barrier(8)

    def new_context() -> tls.Context:
        made.append(1)
        return tls.new_context(str(authority.file))

    contexts = tls.Contexts(new_context)

    def connect() -> None:
        together.wait()
        contexts.get()

    threads = [threading.Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1


@contextmanager
def proxying(target: str, heads: list[str]) -> Iterator[str]:
    """host:port of a proxy that opens each tunnel to the target, whatever was asked for."""

    def copy_all(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(4096):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)

    def converse(connection: socket.socket) -> None:
        heads.append(request_on(connection))
        host, _, port = target.partition(":")
        with socket.create_connection((host, int(port))) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=copy_all, args=(onward, connection), daemon=True)
            back.start()
            copy_all(connection, onward)
            back.join(5)

    with serving(converse) as endpoint:
        yield endpoint


@pytest.mark.parametrize("copy", COPIES)
def test_through_a_proxy_the_server_behind_it_is_verified(
    sessions: Sessions, copy: str, authority: Authority, answering: Callable[[socket.socket], None]
) -> None:
    tunnels: list[str] = []
    with ExitStack() as stack:
        certificate = authority.certificate(names=ELSEWHERE)
        target = stack.enter_context(serving(answering, certificate))
        proxy = stack.enter_context(proxying(target, tunnels))
        session = sessions.open(copy, trusting(authority.file))
        proxies = {"https": f"http://{proxy}"}
        session.get("https://ess.example.com/", proxies=proxies, timeout=(5, 5))
        session.get("https://ess.example.com/", proxies=proxies, timeout=(5, 5))
        with pytest.raises(TransportError, match="does not verify"):
            session.get("https://other.example.com/", proxies=proxies, timeout=(5, 5))

    assert [head.partition(" HTTP")[0] for head in tunnels] == [
        "CONNECT ess.example.com:443",
        "CONNECT other.example.com:443",
    ]


@pytest.mark.parametrize("copy", COPIES)
def test_a_connection_that_was_idle_for_long_is_not_used_again(
    sessions: Sessions, copy: str, authority: Authority
) -> None:
    """A server that dropped it meanwhile, while the process was frozen, would not show."""
    requests_by_connection: list[int] = []

    def converse(connection: socket.socket) -> None:
        requests_by_connection.append(0)
        number = len(requests_by_connection) - 1
        while request_on(connection):
            requests_by_connection[number] += 1
            connection.sendall(answer_of(b"{}"))

    clock = DrivenClock()
    with serving(converse, authority.certificate()) as endpoint:
        session = sessions.open(copy, trusting(authority.file), clock)
        for seconds in (MAX_IDLE_SECONDS - 1, MAX_IDLE_SECONDS - 1, MAX_IDLE_SECONDS + 1):
            get(session, f"https://{endpoint}/")
            clock.advance(seconds)
        get(session, f"https://{endpoint}/")

    assert requests_by_connection == [3, 1]


def test_as_many_connections_as_there_are_threads_are_kept_for_the_next_reads(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: list[int] = []
    together = threading.Barrier(MAX_CONNECTIONS)

    def converse(connection: socket.socket) -> None:
        connections.append(1)
        while head := request_on(connection):
            together.wait(20)  # so that each request has a connection of its own
            connection.sendall(empty_group(action_of(head)))

    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(authority.file))
    with serving(converse, authority.certificate()) as endpoint:
        gateway = gateway_to(endpoint, secure=True)
        for _ in range(3):
            with ThreadPoolExecutor(MAX_CONNECTIONS) as threads:
                calls = [threads.submit(gateway.remove, CALL) for _ in range(MAX_CONNECTIONS)]
            assert [call.result() for call in calls] == ["asa-1"] * MAX_CONNECTIONS

    assert len(connections) == MAX_CONNECTIONS


def store_with(authority: Authority, folder: Path) -> Path:
    """A hashed directory of full size that has the authority's certificate, or not."""
    text = SDK_BUNDLE.read_text(encoding="ascii") + authority.file.read_text(encoding="ascii")
    for name, content in hashed_directory(text).items():
        (folder / name).write_bytes(content)
    return folder


def test_a_hashed_directory_verifies_what_its_bundle_does(
    sessions: Sessions,
    authority: Authority,
    tmp_path: Path,
    answering: Callable[[socket.socket], None],
) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    directory = store_with(authority, folder)
    context = tls.context_of((str(tmp_path / "missing"), str(tmp_path), str(directory)), "none")
    with serving(answering, authority.certificate()) as endpoint:
        get(
            sessions.open("the SDK's requests", tls.Contexts(lambda: context)),
            f"https://{endpoint}/",
        )

    loaded = [certificate["subject"] for certificate in context.get_ca_certs()]
    assert len(loaded) == 1  # the others were not read
    assert context.supplement


def test_a_directory_that_lacks_the_issuer_is_supplemented_with_the_bundle(
    sessions: Sessions,
    authority: Authority,
    tmp_path: Path,
    heads: list[str],
    answering: Callable[[socket.socket], None],
) -> None:
    directory = tmp_path / "certificates"
    directory.mkdir()
    for name, content in hashed_directory(SDK_BUNDLE.read_text(encoding="ascii")).items():
        (directory / name).write_bytes(content)
    for copy in COPIES:
        context = tls.context_of((str(directory),), str(authority.file))
        with serving(answering, authority.certificate()) as endpoint:
            get(sessions.open(copy, tls.Contexts(lambda: context)), f"https://{endpoint}/")  # noqa: B023
        stranger = authority_in(tmp_path, f"a stranger to {copy}").certificate()
        with serving(answering, stranger) as endpoint, pytest.raises(TransportError):
            get(sessions.open(copy, tls.Contexts(lambda: context)), f"https://{endpoint}/")  # noqa: B023

    assert len(heads) == len(COPIES)  # each request was sent once


def test_without_a_hashed_directory_the_bundle_is_read(
    tmp_path: Path, authority: Authority
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for number in range(tls.MIN_CERTIFICATES - 1):
        (few / f"{number:08x}.0").touch()
    context = tls.context_of((None, str(few)), str(authority.file))

    assert len(context.get_ca_certs()) == 1


def test_the_runtimes_own_directory_is_found_and_openssl_finds_certificates_in_it(
    sessions: Sessions,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answering: Callable[[socket.socket], None],
) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(store_with(authority, folder)))
    context = tls.default_context()
    with serving(answering, authority.certificate()) as endpoint:
        get(
            sessions.open("the SDK's requests", tls.Contexts(lambda: context)),
            f"https://{endpoint}/",
        )

    assert context.supplement == tls.bundle()  # it was not needed


def test_names_in_a_hashed_directory_are_those_of_openssl(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        skip_without("openssl", "apt-get install openssl")
    spaced = authority_in(tmp_path, "Ünïcode   and  SPACES").file
    text = SDK_BUNDLE.read_text(encoding="ascii") + spaced.read_text(encoding="ascii")
    files = hashed_directory(text)
    assert len(files) == text.count("BEGIN CERTIFICATE") > 100
    for name, content in files.items():
        done = subprocess.run(
            ["openssl", "x509", "-noout", "-subject_hash"],
            input=content,
            capture_output=True,
            check=True,
        )
        assert name.partition(".")[0] == done.stdout.decode().strip()
        assert subject_hash(content) == name.partition(".")[0]
