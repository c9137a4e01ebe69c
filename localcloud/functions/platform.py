"""Function Compute as a whole: what is deployed, its instances, and the delivery of invocations."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.background import Background
from localcloud.clock import Clock
from localcloud.functions.instances import MAX_INSTANCES, Account, Exhausted, Pool, Result
from localcloud.functions.invocation_queue import (
    MAX_RETRIES,
    Invocation,
    InvocationQueue,
    TaskExists,
)
from localcloud.functions.model import LATEST, NATIVE, FcError, Function, new_request_id
from localcloud.functions.packages import Packages
from localcloud.functions.registry import Registry
from localcloud.logs import rows as log_rows
from localcloud.logs.store import LogStores

WORKERS = 8
THROTTLED = 429
EXPIRED = "EventAgeExceeded"
# 2.0: services/S.QUALIFIER/functions/F; 3.0: functions/F/QUALIFIER
FUNCTION_ARN = re.compile("acs:fc:[^:]*:[^:]*:(?:services/([^/]+)/)?functions/([^/]+)(?:/([^/]+))?")


class Platform:
    """Function Compute. It runs processes: start it, and close it.

    `send` takes what goes to a queue or topic: its ARN, and the body.
    """

    def __init__(
        self, clock: Clock, account: Account, send: Callable[[str, dict[str, Any]], None]
    ) -> None:
        # called after every invocation, with its event
        self.on_invocation: Callable[[Function, bytes, Result], None] = lambda *_: None
        self._folder = tempfile.TemporaryDirectory(prefix="localcloud-fc-")
        folder = Path(self._folder.name)
        self.clock = clock
        self.registry = Registry(
            clock, Packages(folder), f"acs:fc:{account.region_id}:{account.account_id}"
        )
        self.queue = InvocationQueue(clock)
        self.pool = Pool(account, folder)
        self.logs = LogStores()
        self._send = send
        self._background = Background("fc", WORKERS, self._begin_due)
        self.start = self._background.start

    def close(self) -> None:
        self._background.close()
        self.pool.close()
        self._folder.cleanup()

    def reset(self) -> None:
        """Forgets what is deployed, what waits, and the logs; what runs ends by itself."""
        self.queue.clear()
        self.registry.services.clear()
        self.registry.natives.clear()
        for key in list(self.pool.idle):
            self.pool.forget(key)
        self.logs.clear()

    def invoke(
        self, function: Function, event: bytes, request_id: str = "", retry_count: int = 0
    ) -> Result:
        """Invokes the function and returns its result. Raises FcError."""
        request_id = request_id or new_request_id(function.is_native)
        limit = self.registry.max_concurrency(function)
        max_concurrency = MAX_INSTANCES if limit is None else limit
        try:
            result = self.pool.invoke(function, event, request_id, retry_count, max_concurrency)
        except Exhausted as error:
            message = f"every instance of the function '{function.name}' is busy"
            raise FcError(THROTTLED, "ResourceExhausted", message) from error
        self._write_log_rows(function, request_id, result)
        self.on_invocation(function, event, result)
        return result

    def _write_log_rows(self, function: Function, request_id: str, result: Result) -> None:
        """Appends the rows to the log store of the function, or in 2.0 of its service."""
        described = (
            function.description
            if function.is_native
            else self.registry.service(function.service).description
        )
        config = described.get("logConfig") or {}
        invocation = log_rows.Invocation(
            function.service,
            function.name,
            function.qualifier,
            function.version_id,
            request_id,
            result.instance_id,
            result.seconds,
            function.memory_size,
            result.max_memory_used_mb,
            bool(result.error),
            result.is_cold_start,
        )
        now = int(self.clock.now().timestamp())
        rows = log_rows.rows_of(
            invocation, result.output, now, config.get("logBeginRule") or "None"
        )
        self.logs.append(config.get("project") or "", config.get("logstore") or "", rows)

    def discard_instances(self, service: str, function: str = "") -> None:
        """Ends idle instances of the latest code or configuration, which has changed.

        They are those of a function, or of all functions of a service.
        """
        prefix = f"{service}.LATEST/{function}/" if function else f"{service}.LATEST/"
        for key in [key for key in self.pool.idle if key.startswith(prefix)]:
            self.pool.forget(key)

    def discard_function(self, service: str, function: str) -> None:
        """Ends the idle instances of all versions of a function that is deleted."""
        for key in list(self.pool.idle):
            owner, name, _ = key.split("/")
            if name == function and owner.partition(".")[0] == service:
                self.pool.forget(key)

    def _begin_due(self) -> None:
        for invocation in self.queue.take_due():
            self._background.submit(self._attempt, invocation)

    def stop(self, invocation: Invocation) -> None:
        """Stops an invocation; one that runs loses its instance."""
        if self.queue.stop(invocation):
            self.pool.stop(invocation.request_id)

    def _attempt(self, invocation: Invocation) -> None:
        try:
            self._run(invocation)
        finally:
            self.queue.release(invocation)

    def _run(self, invocation: Invocation) -> None:
        config = self.config_of(invocation)
        if invocation.is_expired(config.get("maxAsyncEventAgeInSeconds"), self.clock.now()):
            self.queue.end(invocation, "Expired")
            # How the real message names the condition is not published.
            result = Result(b"", EXPIRED, b"")
            self._send_to_destination(invocation, result, config, "onFailure", EXPIRED)
            return
        self.queue.begin(invocation)
        is_throttled = False
        try:
            function = self.registry.function(
                invocation.service, invocation.function, invocation.qualifier
            )
            result = self.invoke(
                function, invocation.event, invocation.request_id, invocation.attempts
            )
        except FcError as error:
            is_throttled = error.status == THROTTLED
            result = Result(json.dumps({"errorMessage": str(error)}).encode(), error.code, b"")
        if not self.queue.has_taken(invocation):  # a reset has forgotten it
            return
        if is_throttled and self.queue.postpone(invocation):
            return
        invocation.answer, invocation.instance_id = result.body, result.instance_id
        config = self.config_of(invocation)
        if not result.error:
            self.queue.end(invocation, "Succeeded")
            self._send_to_destination(invocation, result, config, "onSuccess", "Success")
        elif not self.queue.retry(invocation, _max_retries(config)):
            self._send_to_destination(invocation, result, config, "onFailure", "RetriesExhausted")

    def numbers_tasks(self, service: str, function: str, qualifier: str) -> bool:
        """Whether the configuration makes each asynchronous invocation a task."""
        config = self._async_config(service, function, qualifier)
        return bool(config.get("asyncTask") or config.get("statefulInvocation"))

    def config_of(self, invocation: Invocation) -> dict[str, Any]:
        return self._async_config(invocation.service, invocation.function, invocation.qualifier)

    def _async_config(self, service: str, function: str, qualifier: str) -> dict[str, Any]:
        try:
            return self.registry.async_config(service, function, qualifier)
        except FcError:
            return {}

    def _send_to_destination(
        self,
        invocation: Invocation,
        result: Result,
        config: dict[str, Any],
        key: str,
        condition: str,
    ) -> None:
        """Sends the result to the destination, if the function has one."""
        arn = ((config.get("destinationConfig") or {}).get(key) or {}).get("destination")
        if not arn:
            return
        body = {
            "timestamp": int(self.clock.now().timestamp() * 1000),
            "requestContext": {
                "requestId": invocation.request_id,
                "functionArn": f"{self.registry.arn_root}:{invocation.arn_path}",
                "condition": condition,
                "approximateInvokeCount": max(1, invocation.attempts + (not result.error)),
            },
            "requestPayload": invocation.event.decode("utf-8", "replace"),
            "responseContext": {"statusCode": 200, "functionError": result.error},
            "responsePayload": result.body.decode("utf-8", "replace"),
        }
        named = function_in(arn)
        if not named:
            self._send(arn, body)
            return
        service, function, qualifier = named
        try:
            self.queue.accept(service, function, json.dumps(body).encode(), 0, "", qualifier)
        except TaskExists:
            return  # it has no task id


def function_in(arn: str) -> tuple[str, str, str] | None:
    """Returns service, function and qualifier of an ARN; None: it is of no function."""
    match = FUNCTION_ARN.match(arn)
    if not match:
        return None
    service, _, qualifier = (match[1] or NATIVE).partition(".")
    return service, match[2], qualifier or match[3] or LATEST


def _max_retries(config: dict[str, Any]) -> int:
    max_retries = config.get("maxAsyncRetryAttempts")
    return MAX_RETRIES if max_retries is None else int(max_retries)
