"""Function Compute as a whole: what is deployed, its instances, and who hands over asynchronous invocations."""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

from localcloud.clock import Clock
from localcloud.functions.instances import Exhausted, Identity, Pool, Result
from localcloud.functions.queue import MOST_RETRIES, Functions, Invocation, TaskExists
from localcloud.functions.registry import FcError, Function, Registry

WORKERS = 8
LOOK_SECONDS = 0.05
FUNCTION_ARN = re.compile("acs:fc:[^:]*:[^:]*:(?:services/([^/]+)/)?functions/([^/]+)")


class Platform:
    """Start it, and close it: it runs processes. `send` takes what goes to a queue or topic: its ARN, and the body."""

    def __init__(self, clock: Clock, identity: Identity, send: Callable[[str, dict[str, Any]], None]) -> None:
        self.watch: Callable[[Function, Result], None] = lambda _, __: None  # of every invocation, once it is over
        self._folder = tempfile.TemporaryDirectory(prefix="localcloud-fc-")
        folder = Path(self._folder.name)
        self.clock = clock
        self.registry = Registry(clock, folder)
        self.queue = Functions(clock)
        self.pool = Pool(identity, folder)
        self._send = send
        self._workers = ThreadPoolExecutor(WORKERS, "fc")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hand_over, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._workers.shutdown(cancel_futures=True)
        self.pool.close()
        self._folder.cleanup()

    def invoke(self, function: Function, event: bytes, request_id: str = "", retry_count: int = 0) -> Result:
        """Raises FcError."""
        try:
            result = self.pool.invoke(function, event, request_id or str(uuid4()), retry_count)
        except Exhausted as error:
            raise FcError(429, "ResourceExhausted", "every instance of the function is busy") from error
        self.watch(function, result)
        return result

    def changed(self, service: str) -> None:
        """Instances of code that is no more are over."""
        for key in [key for key in self.pool.idle if key.startswith(f"{service}.LATEST/")]:
            self.pool.forget(key)

    def _hand_over(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for invocation in self.queue.due():
                self._workers.submit(self._run, invocation)

    def _run(self, invocation: Invocation) -> None:
        invocation.status = "Running"
        try:
            service = f"{invocation.service}.{invocation.qualifier}"
            function = self.registry.function(service, invocation.function)
            result = self.invoke(function, invocation.event, invocation.request_id, invocation.tries)
        except FcError as error:
            result = Result(json.dumps({"errorMessage": str(error)}).encode(), error.code, b"")
        config = self.config_of(invocation)
        invocation.answer = result.body
        if not result.error:
            invocation.status = "Succeeded"
            self._carry_on(invocation, result, config, "onSuccess", "Success")
        elif not self.queue.again(invocation, int(config.get("maxAsyncRetryAttempts", MOST_RETRIES))):
            self._carry_on(invocation, result, config, "onFailure", "RetriesExhausted")

    def config_of(self, invocation: Invocation) -> dict[str, Any]:
        try:
            return self.registry.async_config(f"{invocation.service}.{invocation.qualifier}", invocation.function)
        except FcError:
            return {}

    def _carry_on(self, invocation: Invocation, result: Result, config: dict[str, Any], when: str, how: str) -> None:
        """To the destination, if there is one."""
        arn = ((config.get("destinationConfig") or {}).get(when) or {}).get("destination")
        if not arn:
            return
        here = f"services/{invocation.service}.{invocation.qualifier}/functions/{invocation.function}"
        body = {
            "timestamp": int(self.clock.now().timestamp() * 1000),
            "requestContext": {
                "requestId": invocation.request_id,
                "functionArn": f"acs:fc:::{here}",
                "condition": how,
                "approximateInvokeCount": max(1, invocation.tries + (not result.error)),
            },
            "requestPayload": invocation.event.decode("utf-8", "replace"),
            "responseContext": {"statusCode": 200, "functionError": result.error},
            "responsePayload": result.body.decode("utf-8", "replace"),
        }
        match = FUNCTION_ARN.match(arn)
        if not match:
            self._send(arn, body)
            return
        service, _, qualifier = (match[1] or "").partition(".")
        try:
            self.queue.accept(service, match[2], json.dumps(body).encode(), 0, "", qualifier or "LATEST")
        except TaskExists:
            return  # it has no task id
