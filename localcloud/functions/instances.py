"""Instances of a function: one process each, one request at a time, frozen in between."""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, Any, NamedTuple
from uuid import uuid4

from localcloud.functions import instance_log
from localcloud.functions.model import Function
from localcloud.functions.pythons import python_for

RUNTIME = Path(__file__).with_name("runtime.py")
MAX_INSTANCES = 20  # of one function
UNEXPECTED_EXIT = "Process exited unexpectedly before completing request (exit code: {})"
FUNCTION_ERROR = "UnhandledInvocationError"
UNHANDLED = "Unhandled function error"


class Result(NamedTuple):
    """What came of an invocation."""

    body: bytes
    error: str  # X-Fc-Error-Type; empty: the function answered
    log: bytes  # its end
    instance_id: str = ""
    output: bytes = b""  # all that was written to the log
    seconds: float = 0.0
    max_memory_used_mb: float = 0.0
    is_cold_start: bool = False


class Ended(NamedTuple):
    """How an invocation ended in its instance, and whether that can be used again."""

    body: bytes
    log_error: str  # as the platform's last line of it says; empty: the function answered
    is_usable: bool


class Exhausted(Exception):
    """Every instance is busy."""


class Account(NamedTuple):
    """Where a function runs, and its credentials: part of its context."""

    region_id: str
    access_key_id: str
    access_key_secret: str
    security_token: str
    account_id: str = "1"


@dataclass
class Instance:
    """One process of a function."""

    process: subprocess.Popen[bytes]
    requests: IO[str]
    responses: IO[str]
    log: Path
    id: str
    busy: bool = True
    initialized: bool = False


@dataclass
class Pool:
    """Instances by function; an updated function gets new ones."""

    account: Account
    folder: Path
    frozen: bool = True  # between requests
    idle: dict[str, list[Instance]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    count: dict[str, int] = field(default_factory=dict)

    def invoke(
        self, function: Function, event: bytes, request_id: str, retry_count: int = 0
    ) -> Result:
        """Invokes the function in an idle instance, or a new one. Raises Exhausted."""
        instance = self._acquire(function)
        is_cold, begun_at = not instance.initialized, time.monotonic()
        start = instance_log.begin(instance.log, request_id)
        ended = self._run(
            function, instance, event, self._request(function, request_id, retry_count)
        )
        seconds = time.monotonic() - begun_at
        memory = instance_log.max_memory_used_mb(instance.process.pid)
        output = instance_log.end(instance.log, start, request_id, ended.log_error)
        if ended.is_usable:
            self._release(function, instance)
        else:
            self._discard(function, instance)
        tail = instance_log.tail(output, seconds, function.memory_size, memory)
        error = FUNCTION_ERROR if ended.log_error else ""
        return Result(ended.body, error, tail, instance.id, output, seconds, memory, is_cold)

    def _run(
        self, function: Function, instance: Instance, event: bytes, request: dict[str, Any]
    ) -> Ended:
        """Runs the invocation in the instance, which is initialised first if it is new."""
        try:
            if not instance.initialized and function.initializer:
                response = self._exchange(
                    instance,
                    {**request, "kind": "initialize", "handler": function.initializer},
                    function.initializer_timeout,
                )
                if "error" in response:
                    return Ended(_json(response["error"]), UNHANDLED, is_usable=False)
            instance.initialized = True
            whole = {
                **request,
                "kind": "invoke",
                "handler": function.handler,
                "event": base64.b64encode(event).decode(),
            }
            response = self._exchange(instance, whole, function.timeout)
        except TimeoutError:
            _end(instance.process)
            message = f"Function timed out after {function.timeout} seconds"
            return Ended(_json({"errorMessage": message}), message, is_usable=False)
        except (OSError, ValueError):
            message = UNEXPECTED_EXIT.format(_end(instance.process))
            return Ended(_json({"errorMessage": message}), message, is_usable=False)
        if "error" in response:
            return Ended(_json(response["error"]), UNHANDLED, is_usable=True)
        return Ended(base64.b64decode(response["body"]), "", is_usable=True)

    def close(self) -> None:
        """Ends all instances, with SIGTERM; there is no pre_stop hook."""
        with self.lock:
            instances = [instance for idle in self.idle.values() for instance in idle]
            self.idle.clear()
        for instance in instances:
            _close(instance)

    def instances(self, key: str) -> list[str]:
        return [instance.id for instance in self.idle.get(key, ())]

    def forget(self, key: str) -> None:
        """Ends the idle instances of a function whose code or configuration changed."""
        with self.lock:
            old = self.idle.pop(key, [])
            self.count[key] = self.count.get(key, 0) - len(old)
        for instance in old:
            _close(instance)

    def _acquire(self, function: Function) -> Instance:
        key = function.key
        with self.lock:
            if self.idle.get(key):
                instance = self.idle[key].pop()
                _thaw(instance.process)
                return instance
            if self.count.get(key, 0) >= MAX_INSTANCES:
                raise Exhausted
            self.count[key] = self.count.get(key, 0) + 1
        return self._start(function)

    def _release(self, function: Function, instance: Instance) -> None:
        if self.frozen:
            instance.process.send_signal(signal.SIGSTOP)
        with self.lock:
            self.idle.setdefault(function.key, []).append(instance)

    def _discard(self, function: Function, instance: Instance) -> None:
        """Ends the instance, which serves no other invocation."""
        _close(instance)
        with self.lock:
            self.count[function.key] -= 1

    def _start(self, function: Function) -> Instance:
        to_child, requests = os.pipe()
        responses, from_child = os.pipe()
        id = f"c-{uuid4()}"
        log = self.folder / f"{id}.log"
        home = tempfile.mkdtemp(dir=self.folder)
        with log.open("ab") as sink:  # the platform writes between its lines
            process = subprocess.Popen(
                [
                    python_for(function.runtime),
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
                env={
                    "PATH": os.defpath,
                    "HOME": home,
                    "LANG": "C.UTF-8",
                    "TZ": "UTC",
                    **function.environment,
                },
            )
        os.close(to_child)
        os.close(from_child)
        return Instance(process, os.fdopen(requests, "w"), os.fdopen(responses, "r"), log, id)

    def _request(self, function: Function, request_id: str, retry_count: int) -> dict[str, Any]:
        account = self.account
        return {
            "requestId": request_id,
            "retryCount": retry_count,
            "region": account.region_id,
            "accountId": account.account_id,
            "generation": "3.0" if function.is_native else "2.0",
            "function": {
                "name": function.name,
                "handler": function.handler,
                "memory": function.memory_size,
                "timeout": function.timeout,
            },
            "service": function.service,
            "qualifier": function.qualifier,
            "versionId": function.version_id,
            "credentials": {
                "access_key_id": account.access_key_id,
                "access_key_secret": account.access_key_secret,
                "security_token": account.security_token,
            },
            "environment": {
                "ALIBABA_CLOUD_ACCESS_KEY_ID": account.access_key_id,
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": account.access_key_secret,
                "ALIBABA_CLOUD_SECURITY_TOKEN": account.security_token,
                "FC_FUNCTION_NAME": function.name,
                "FC_QUALIFIER": function.qualifier,
                **({} if function.is_native else {"FC_SERVICE_NAME": function.service}),
                "FC_FUNC_CODE_PATH": str(function.code),
                "FC_REGION": account.region_id,
                "FC_ACCOUNT_ID": account.account_id,
            },
        }

    @staticmethod
    def _exchange(instance: Instance, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Sends a request and returns the response. Raises TimeoutError, OSError, ValueError."""
        instance.requests.write(json.dumps(request) + "\n")
        instance.requests.flush()
        until = time.monotonic() + seconds
        while not select.select(
            [instance.responses], [], [], min(0.5, max(0.0, until - time.monotonic()))
        )[0]:
            if time.monotonic() >= until:
                raise TimeoutError
        return dict(json.loads(instance.responses.readline()))


def _close(instance: Instance) -> None:
    """Ends an idle instance and closes the channels to it."""
    _end(instance.process)
    for channel in (instance.requests, instance.responses):
        with suppress(OSError):
            channel.close()


def _thaw(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        process.send_signal(signal.SIGCONT)


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ends a process, first by SIGTERM, as the platform does; returns its exit code."""
    if process.poll() is None:
        _thaw(process)
        process.terminate()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
