"""A real redis-server in a temporary folder, on a Unix socket; its expiries can be moved."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from tests.support.needs import skip_without

AGE = """
local seconds = tonumber(ARGV[1])
for number = 2, #ARGV do
  for _, key in ipairs(redis.call('keys', ARGV[number])) do
    if redis.call('type', key).ok == 'zset' then -- members end by the server's clock: scores
      for _, member in ipairs(redis.call('zrange', key, 0, -1)) do
        redis.call('zincrby', key, -seconds, member)
      end
    end
    local left = redis.call('pttl', key)
    if left > 0 then redis.call('pexpire', key, math.max(0, math.floor(left - seconds * 1000))) end
  end
end
"""


class RedisServer:
    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.url = f"unix://{folder}/socket"
        self._process = process
        self.client: Redis = Redis.from_url(
            self.url, retry=Retry(ConstantBackoff(0.02), 500)
        )  # while it starts

    def advance(self, seconds: float, patterns: Iterable[str] = ("*",)) -> None:
        """Moves the ends of these keys, as if time had passed: the server runs in real time."""
        self.client.eval(AGE, 0, seconds, *patterns)

    def pause(self) -> None:
        """Has the server accept connections and answer none."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    command = shutil.which("redis-server")
    if command is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is not installed: sh tools/install_server.sh redis-server")
        skip_without("redis-server", "sh tools/install_server.sh redis-server")
    with TemporaryDirectory(prefix="scalein-redis-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        options = [
            "--port",
            "0",
            "--unixsocket",
            "socket",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            name,
        ]
        process = subprocess.Popen([command, *options], cwd=folder, stdout=subprocess.DEVNULL)
        server = RedisServer(folder, process)
        try:
            server.client.ping()
            yield server
        finally:
            server.resume()
            server.client.close()
            process.kill()
            process.wait()
