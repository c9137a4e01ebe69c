"""Asynchronous invocations of functions: delivered at least once when due, retried on failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import uuid4

from localcloud.clock import Clock
from localcloud.functions.model import LATEST, NATIVE

MAX_BYTES = 128 << 10
MAX_RETRIES = 3  # unless the function's asynchronous configuration says otherwise
RETRY_SECONDS = 1  # how long Function Compute waits is not published


class TaskExists(Exception):
    """There is an invocation with this task id."""


@dataclass
class Invocation:
    """One asynchronous invocation."""

    service: str  # NATIVE: of Function Compute 3.0
    function: str
    event: bytes
    due_at: datetime
    task_id: str
    request_id: str = field(default_factory=lambda: str(uuid4()))
    attempts: int = 0
    qualifier: str = LATEST
    status: str = "Enqueued"  # Running, Retrying, Succeeded, Failed, Stopped
    answer: bytes = b""  # of the last attempt

    @property
    def arn_path(self) -> str:
        """The function with its qualifier, as the end of an ARN names it."""
        if self.service == NATIVE:
            return f"functions/{self.function}/{self.qualifier}"
        return f"services/{self.service}.{self.qualifier}/functions/{self.function}"


@dataclass
class InvocationQueue:
    """Invocations of all functions. Call `deliver`: nothing happens in the background."""

    clock: Clock
    waiting: list[Invocation] = field(default_factory=list)
    failed: list[Invocation] = field(default_factory=list)  # for good
    tasks: dict[tuple[str, str, str], Invocation] = field(default_factory=dict)  # with a task id
    lock: Lock = field(default_factory=Lock)

    def accept(
        self,
        service: str,
        function: str,
        event: bytes,
        delay_seconds: int,
        task_id: str,
        qualifier: str = LATEST,
    ) -> Invocation:
        """Adds an invocation. Raises TaskExists."""
        with self.lock:
            due_at = self.clock.now() + timedelta(seconds=delay_seconds)
            invocation = Invocation(service, function, event, due_at, task_id, qualifier=qualifier)
            if task_id and (service, function, task_id) in self.tasks:
                raise TaskExists
            if task_id:
                self.tasks[service, function, task_id] = invocation
            self.waiting.append(invocation)
            return invocation

    def stop(self, invocation: Invocation) -> None:
        """Stops an invocation that has not begun; one that runs goes on."""
        with self.lock:
            if invocation in self.waiting:
                self.waiting.remove(invocation)
                invocation.status = "Stopped"

    def take_due(self) -> list[Invocation]:
        """Removes and returns what is due, the longest due first."""
        with self.lock:
            now = self.clock.now()
            due = [invocation for invocation in self.waiting if invocation.due_at <= now]
            self.waiting = [i for i in self.waiting if i.due_at > now]
            return sorted(due, key=lambda invocation: invocation.due_at)

    def next_due(self) -> datetime | None:
        return min((invocation.due_at for invocation in self.waiting), default=None)

    def deliver(self, invoke: Callable[[Invocation], Any]) -> int:
        """Calls `invoke` for each invocation that is due; returns how many were.

        One whose function raises is retried.
        """
        due = self.take_due()
        for invocation in due:
            try:
                invoke(invocation)
            except Exception:  # noqa: BLE001 (whatever a function raises, it is retried)
                self.retry(invocation)
            else:
                invocation.status = "Succeeded"
        return len(due)

    def retry(self, invocation: Invocation, max_retries: int = MAX_RETRIES) -> bool:
        """Schedules another attempt after a failure; returns False where it was the last."""
        invocation.attempts += 1
        with self.lock:
            if invocation.attempts > max_retries:
                invocation.status = "Failed"
                self.failed.append(invocation)
                return False
            invocation.status = "Retrying"
            invocation.due_at = self.clock.now() + timedelta(
                seconds=RETRY_SECONDS << invocation.attempts
            )
            self.waiting.append(invocation)
            return True
