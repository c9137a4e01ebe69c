"""Which host the SDK calls without a configured endpoint, as an HTTPS proxy sees it; and without
the proxy.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from scalein.addresses import Endpoint
from scalein.clock import Deadline, SystemClock
from scalein.cloud.ess import EssGateway
from scalein.errors import Transient
from scalein.settings import Settings
from tests.support.certificates import authority_in
from tests.support.clock import DrivenClock
from tests.support.deployment import settings_of
from tests.support.servers import action_of, empty_group, request_on, serving


def first_line_sent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Returns the first line that the SDK sends to an HTTPS proxy, which then hangs up."""
    lines: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", "http://{}:{}".format(*proxy.getsockname()))
        monkeypatch.delenv("HTTP_PROXY", raising=False)

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = proxy.accept()
                except OSError:
                    return
                with connection:
                    lines.append(connection.recv(4096))

        listener = threading.Thread(target=hang_up, daemon=True)
        listener.start()
        with pytest.raises(Transient):
            EssGateway(settings, Deadline.after(0.6, DrivenClock())).snapshot("asg-1")
        proxy.shutdown(socket.SHUT_RDWR)
        listener.join(5)
    return lines[0].split(b"\r\n")[0].decode()


@pytest.mark.parametrize(
    ("region", "network", "endpoint", "line"),
    [
        ("cn-hangzhou", "public", None, "CONNECT ess.aliyuncs.com:443"),
        ("ap-northeast-1", "public", None, "CONNECT ess.ap-northeast-1.aliyuncs.com:443"),
        ("cn-somewhere-new", "public", None, "CONNECT ess.cn-somewhere-new.aliyuncs.com:443"),
        ("cn-hangzhou", "vpc", None, "CONNECT ess-vpc.cn-hangzhou.aliyuncs.com:443"),
        (
            "cn-hangzhou",
            "public",
            Endpoint("ess.example.com", secure=True),
            "CONNECT ess.example.com:443",
        ),
        (
            "cn-hangzhou",
            "public",
            Endpoint("ess.example.com:8443", secure=True),
            "CONNECT ess.example.com:8443",
        ),
    ],
)
def test_ess_is_reached_over_tls_at_its_own_endpoint(
    region: str, network: str, endpoint: Endpoint | None, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(endpoint, region_id=region, ess_network=network)

    assert first_line_sent(settings, monkeypatch).startswith(line)


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "example.com,127.0.0.0/8", "*"])
def test_a_host_of_no_proxy_is_reached_without_the_proxy(
    no_proxy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setenv("NO_PROXY", no_proxy)
    authority = authority_in(tmp_path)
    monkeypatch.setenv("ALIBABA_CLOUD_CA_BUNDLE", str(authority.file))

    def answer(connection: socket.socket) -> None:
        while head := request_on(connection):
            connection.sendall(empty_group(action_of(head)))

    with serving(answer, authority.certificate()) as endpoint:
        settings = settings_of(Endpoint(endpoint, secure=True))

        assert EssGateway(settings, Deadline.after(5, SystemClock())).snapshot("asg-1")
