"""Instances of a function: one process each, one request at a time, frozen in between, and over when out of time."""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, Any, NamedTuple
from uuid import uuid4

from localcloud.functions.pythons import python_of
from localcloud.functions.registry import Function

RUNTIME = Path(__file__).with_name("runtime.py")
LOG_TAIL_BYTES = 4 << 10
MOST_INSTANCES = 20  # of one function
FUNCTION_ERROR = "UnhandledInvocationError"


class Result(NamedTuple):
    body: bytes
    error: str  # X-Fc-Error-Type; empty: the function answered
    log: bytes
    instance_id: str = ""


class Exhausted(Exception):
    """Every instance is busy."""


class Identity(NamedTuple):
    """What a function is told of where it runs."""

    region_id: str
    access_key_id: str
    access_key_secret: str
    security_token: str
    account_id: str = "1"


@dataclass
class Instance:
    process: subprocess.Popen[bytes]
    asks: IO[str]
    answers: IO[str]
    log: Path
    id: str
    busy: bool = True
    initialized: bool = False


@dataclass
class Pool:
    """Instances by function; an updated function gets new ones."""

    identity: Identity
    folder: Path
    frozen: bool = True  # between requests
    idle: dict[str, list[Instance]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    count: dict[str, int] = field(default_factory=dict)

    def invoke(self, function: Function, event: bytes, request_id: str, retry_count: int = 0) -> Result:
        """Raises Exhausted."""
        instance = self._taken(function)
        start = instance.log.stat().st_size
        ask = self._ask(function, request_id, retry_count)
        try:
            if not instance.initialized and function.initializer:
                answer = self._exchanged(
                    instance,
                    {**ask, "kind": "initialize", "handler": function.initializer},
                    function.initializer_timeout,
                )
                if "error" in answer:
                    return self._failed(function, instance, answer["error"], start)
            instance.initialized = True
            whole = {**ask, "kind": "invoke", "handler": function.handler, "event": base64.b64encode(event).decode()}
            answer = self._exchanged(instance, whole, function.timeout)
        except TimeoutError:
            _end(instance.process)
            message = f"Function timed out after {function.timeout} seconds"
            return self._failed(function, instance, {"errorMessage": message}, start)
        except (OSError, ValueError):
            code = _end(instance.process)
            message = f"Process exited unexpectedly before completing request (exit code: {code})"
            return self._failed(function, instance, {"errorMessage": message}, start)
        log = _tail(instance.log, start)
        self._back(function, instance)
        if "error" in answer:
            return Result(json.dumps(answer["error"]).encode(), FUNCTION_ERROR, log, instance.id)
        return Result(base64.b64decode(answer["body"]), "", log, instance.id)

    def close(self) -> None:
        """Of all of them, with SIGTERM; there is no pre_stop hook here."""
        with self.lock:
            instances = [instance for idle in self.idle.values() for instance in idle]
            self.idle.clear()
        for instance in instances:
            _thaw(instance.process)
            _end(instance.process)
            instance.asks.close()
            instance.answers.close()

    def instances(self, key: str) -> list[str]:
        return [instance.id for instance in self.idle.get(key, ())]

    def forget(self, key: str) -> None:
        """Of a function whose code or configuration changed."""
        with self.lock:
            old = self.idle.pop(key, [])
            self.count[key] = self.count.get(key, 0) - len(old)
        for instance in old:
            _thaw(instance.process)
            _end(instance.process)

    def _taken(self, function: Function) -> Instance:
        key = function.key
        with self.lock:
            if self.idle.get(key):
                instance = self.idle[key].pop()
                _thaw(instance.process)
                return instance
            if self.count.get(key, 0) >= MOST_INSTANCES:
                raise Exhausted
            self.count[key] = self.count.get(key, 0) + 1
        return self._started(function)

    def _back(self, function: Function, instance: Instance) -> None:
        if self.frozen:
            instance.process.send_signal(signal.SIGSTOP)
        with self.lock:
            self.idle.setdefault(function.key, []).append(instance)

    def _failed(self, function: Function, instance: Instance, error: dict[str, Any], start: int) -> Result:
        """The instance is gone with it."""
        _end(instance.process)
        with self.lock:
            self.count[function.key] -= 1
        log = _tail(instance.log, start)
        for channel in (instance.asks, instance.answers):
            with suppress(OSError):
                channel.close()
        return Result(json.dumps(error).encode(), FUNCTION_ERROR, log, instance.id)

    def _started(self, function: Function) -> Instance:
        to_child, asks = os.pipe()
        answers, from_child = os.pipe()
        id = f"c-{uuid4()}"
        log = self.folder / f"{id}.log"
        home = tempfile.mkdtemp(dir=self.folder)
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [
                    _python(function.runtime),
                    str(RUNTIME),
                    str(function.code),
                    str(to_child),
                    str(from_child),
                    function.runtime,
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                pass_fds=(to_child, from_child),
                env={"PATH": os.defpath, "HOME": home, "LANG": "C.UTF-8", "TZ": "UTC", **function.environment},
            )
        os.close(to_child)
        os.close(from_child)
        return Instance(process, os.fdopen(asks, "w"), os.fdopen(answers, "r"), log, id)

    def _ask(self, function: Function, request_id: str, retry_count: int) -> dict[str, Any]:
        me = self.identity
        return {
            "requestId": request_id,
            "retryCount": retry_count,
            "region": me.region_id,
            "accountId": me.account_id,
            "function": {
                "name": function.name,
                "handler": function.handler,
                "memory": function.memory_size,
                "timeout": function.timeout,
                "version_id": function.version_id,
                "qualifier": function.qualifier,
            },
            "service": {
                "name": function.service,
                "qualifier": function.qualifier,
                "version_id": function.version_id,
                "log_project": "",
                "log_store": "",
            },
            "credentials": {
                "access_key_id": me.access_key_id,
                "access_key_secret": me.access_key_secret,
                "security_token": me.security_token,
            },
            "environment": {
                "ALIBABA_CLOUD_ACCESS_KEY_ID": me.access_key_id,
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": me.access_key_secret,
                "ALIBABA_CLOUD_SECURITY_TOKEN": me.security_token,
                "FC_FUNCTION_NAME": function.name,
                "FC_SERVICE_NAME": function.service,
                "FC_FUNC_CODE_PATH": str(function.code),
                "FC_REGION": me.region_id,
                "FC_ACCOUNT_ID": me.account_id,
            },
        }

    @staticmethod
    def _exchanged(instance: Instance, ask: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Raises TimeoutError, OSError, ValueError."""
        instance.asks.write(json.dumps(ask) + "\n")
        instance.asks.flush()
        until = time.monotonic() + seconds
        while not select.select([instance.answers], [], [], min(0.5, max(0.0, until - time.monotonic())))[0]:
            if time.monotonic() >= until:
                raise TimeoutError
        return dict(json.loads(instance.answers.readline()))


def _thaw(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        process.send_signal(signal.SIGCONT)


def _end(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM first, as the platform does."""
    if process.poll() is None:
        _thaw(process)
        process.terminate()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _tail(log: Path, start: int) -> bytes:
    with log.open("rb") as told:
        told.seek(start)
        return told.read()[-LOG_TAIL_BYTES:]


def _python(runtime: str) -> str:
    """That very Python where it is on this machine, else this one; this one, with its packages, if it is that."""
    if runtime == f"python3.{sys.version_info.minor}":
        return sys.executable
    return python_of(runtime) or sys.executable
