"""Instances of a function: one process each, one request at a time, frozen in between."""

from __future__ import annotations

import base64
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from localcloud.functions import instance_log, processes
from localcloud.functions.model import Function
from localcloud.functions.processes import Instance

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
    request_id: str = ""


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
class Pool:
    """Instances by function; an updated function gets new ones."""

    account: Account
    folder: Path
    frozen: bool = True  # between requests
    idle: dict[str, list[Instance]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    count: dict[str, int] = field(default_factory=dict)
    busy: Counter[str] = field(default_factory=Counter)  # running invocations by owner
    running: dict[str, Instance] = field(default_factory=dict)  # by request id
    stopped: set[str] = field(default_factory=set)  # request ids, before they have an instance

    def invoke(
        self,
        function: Function,
        event: bytes,
        request_id: str,
        retry_count: int = 0,
        max_concurrency: int = MAX_INSTANCES,
    ) -> Result:
        """Invokes the function in an idle instance, or a new one. Raises Exhausted."""
        with self._counted(function, max_concurrency):
            instance = self._acquire(function)
            with self.lock:
                self.running[request_id] = instance
                is_stopped = request_id in self.stopped
            if is_stopped:
                processes.end(instance.process)
            try:
                return self._invoke(function, instance, event, request_id, retry_count)
            finally:
                with self.lock:
                    self.running.pop(request_id, None)
                    self.stopped.discard(request_id)

    def stop(self, request_id: str) -> None:
        """Ends the instance that runs the invocation, or the one that is about to."""
        with self.lock:
            instance = self.running.get(request_id)
            if instance is None:
                self.stopped.add(request_id)
        if instance:
            processes.end(instance.process)

    @contextmanager
    def _counted(self, function: Function, max_concurrency: int) -> Iterator[None]:
        """Counts a running invocation. Raises Exhausted where that is one too many."""
        owner = function.owner
        with self.lock:
            if self.busy[owner] >= min(max_concurrency, MAX_INSTANCES):
                raise Exhausted
            self.busy[owner] += 1
        try:
            yield
        finally:
            with self.lock:
                self.busy[owner] -= 1

    def _invoke(
        self, function: Function, instance: Instance, event: bytes, id: str, retry_count: int
    ) -> Result:
        is_cold, begun_at = not instance.initialized, time.monotonic()
        start = instance_log.begin(instance.log, is_cold)
        ended = self._run(function, instance, event, self._request(function, id, retry_count))
        seconds = time.monotonic() - begun_at
        memory = instance_log.max_memory_used_mb(instance.process.pid)
        output = instance_log.output_since(instance.log, start)
        if ended.is_usable:
            self._release(function, instance)
        else:
            self._discard(function, instance)
        tail = instance_log.tail(output, seconds, function.memory_size, memory)
        error = FUNCTION_ERROR if ended.log_error else ""
        return Result(ended.body, error, tail, instance.id, output, seconds, memory, is_cold, id)

    def _run(
        self, function: Function, instance: Instance, event: bytes, request: dict[str, Any]
    ) -> Ended:
        """Runs the invocation in the instance, which is initialised first if it is new."""
        if not instance.initialized and function.initializer:
            whole = {**request, "kind": "initialize", "handler": function.initializer}
            ended = _step(instance, whole, function.initializer_timeout)
            if ended.log_error:
                return ended._replace(is_usable=False)
        instance.initialized = True
        text = base64.b64encode(event).decode()
        whole = {**request, "kind": "invoke", "handler": function.handler, "event": text}
        return _step(instance, whole, function.timeout)

    def close(self) -> None:
        """Ends all instances, with SIGTERM; there is no pre_stop hook."""
        with self.lock:
            instances = [instance for idle in self.idle.values() for instance in idle]
            self.idle.clear()
        for instance in instances:
            processes.close(instance)

    def instances(self, key: str) -> list[str]:
        return [instance.id for instance in self.idle.get(key, ())]

    def forget(self, key: str) -> None:
        """Ends the idle instances of a function whose code or configuration changed."""
        with self.lock:
            old = self.idle.pop(key, [])
            self.count[key] = self.count.get(key, 0) - len(old)
        for instance in old:
            processes.close(instance)

    def _acquire(self, function: Function) -> Instance:
        key = function.key
        with self.lock:
            if self.idle.get(key):
                instance = self.idle[key].pop()
                processes.thaw(instance.process)
                return instance
            self.count[key] = self.count.get(key, 0) + 1
        return processes.start(function, self.folder)

    def _release(self, function: Function, instance: Instance) -> None:
        if self.frozen:
            instance.process.send_signal(signal.SIGSTOP)
        with self.lock:
            self.idle.setdefault(function.key, []).append(instance)

    def _discard(self, function: Function, instance: Instance) -> None:
        """Ends the instance, which serves no other invocation."""
        processes.close(instance)
        with self.lock:
            self.count[function.key] -= 1

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


def _step(instance: Instance, request: dict[str, Any], max_seconds: int) -> Ended:
    """Runs the initializer, or the handler, between the platform's lines in the log."""
    kind, id = request["kind"], request["requestId"]
    instance_log.write_start(instance.log, kind, id)
    ended = _exchanged(instance, request, max_seconds)
    instance_log.write_end(instance.log, kind, id, ended.log_error)
    return ended


def _exchanged(instance: Instance, request: dict[str, Any], max_seconds: int) -> Ended:
    try:
        response = processes.exchange(instance, request, max_seconds)
    except TimeoutError:
        processes.end(instance.process)
        message = f"Function timed out after {max_seconds} seconds"
        return Ended(_json({"errorMessage": message}), message, is_usable=False)
    except (OSError, ValueError):
        message = UNEXPECTED_EXIT.format(processes.end(instance.process))
        return Ended(_json({"errorMessage": message}), message, is_usable=False)
    if "error" in response:
        return Ended(_json(response["error"]), UNHANDLED, is_usable=True)
    return Ended(base64.b64decode(response["body"]), "", is_usable=True)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
