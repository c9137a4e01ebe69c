"""A proxy before Redis, which loses answers, drips them, or calls the test at each request."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.redis_server import RedisServer

DRIP_SECONDS = 0.02


@dataclass
class Proxy:
    server: RedisServer
    url: str
    losing: bool = False  # the answer to each script that is sent for the first time
    dripping: bool = False
    before: Callable[[int], None] = lambda _: (
        None
    )  # gets the number of each request, before it is passed on
    requests: int = 0
    lost: set[bytes] = field(default_factory=set)

    def talk(self, client: socket.socket) -> None:
        path = self.server.url.removeprefix("unix://")
        with suppress(OSError), client, socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(path)
            while request := client.recv(1 << 20):
                self.requests += 1
                self.before(self.requests)
                upstream.sendall(request)
                answer = upstream.recv(1 << 20)
                if self.losing and b"EVAL" in request and request not in self.lost:
                    self.lost.add(request)
                    return
                self._pass_on(client, answer)

    def _pass_on(self, client: socket.socket, answer: bytes) -> None:
        if not self.dripping:
            client.sendall(answer)
            return
        for number in range(10_000):
            client.sendall(answer[number : number + 1] if number < len(answer) - 1 else b" ")
            time.sleep(DRIP_SECONDS)


@contextmanager
def proxy_before(server: RedisServer) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(server, f"redis://127.0.0.1:{listener.getsockname()[1]}")

        def listen() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(
                        target=proxy.talk, args=(listener.accept()[0],), daemon=True
                    ).start()

        threading.Thread(target=listen, daemon=True).start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
