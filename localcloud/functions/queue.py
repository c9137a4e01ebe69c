"""Asynchronous invocations of functions: kept until they are due, handed over at least once, tried again on failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import uuid4

from localcloud.clock import Clock

MOST_BYTES = 128 << 10
MOST_RETRIES = 3  # unless the function's asynchronous configuration says otherwise
RETRY_SECONDS = 1  # how long Function Compute waits is not published


class TaskExists(Exception):
    """There was an invocation with this task id."""


@dataclass
class Invocation:
    service: str
    function: str
    event: bytes
    due_at: datetime
    task_id: str
    request_id: str = field(default_factory=lambda: str(uuid4()))
    tries: int = 0
    qualifier: str = "LATEST"
    status: str = "Enqueued"  # Running, Retrying, Succeeded, Failed, Stopped
    answer: bytes = b""  # of the last try


@dataclass
class Functions:
    """Nothing happens in the background: `deliver` hands over what is due."""

    clock: Clock
    waiting: list[Invocation] = field(default_factory=list)
    failed: list[Invocation] = field(default_factory=list)  # for good
    tasks: dict[tuple[str, str, str], Invocation] = field(default_factory=dict)  # with a task id
    lock: Lock = field(default_factory=Lock)

    def accept(
        self, service: str, function: str, event: bytes, delay_seconds: int, task_id: str, qualifier: str = "LATEST"
    ) -> Invocation:
        """Raises TaskExists."""
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
        """Before it is handed over; what runs goes on."""
        with self.lock:
            if invocation in self.waiting:
                self.waiting.remove(invocation)
                invocation.status = "Stopped"

    def due(self) -> list[Invocation]:
        """Takes them out, the longest due first."""
        with self.lock:
            now = self.clock.now()
            found = sorted((i for i in self.waiting if i.due_at <= now), key=lambda i: i.due_at)
            self.waiting = [i for i in self.waiting if i.due_at > now]
            return found

    def next_due(self) -> datetime | None:
        return min((invocation.due_at for invocation in self.waiting), default=None)

    def deliver(self, invoke: Callable[[Invocation], Any]) -> int:
        """Hands over what is due; one whose function raises comes again. How many there were."""
        found = self.due()
        for invocation in found:
            try:
                invoke(invocation)
            except Exception:  # noqa: BLE001 (whatever a function raises, it is tried again)
                self.again(invocation)
            else:
                invocation.status = "Succeeded"
        return len(found)

    def again(self, invocation: Invocation, most_retries: int = MOST_RETRIES) -> bool:
        """After a failure; False where it was the last try."""
        invocation.tries += 1
        with self.lock:
            if invocation.tries > most_retries:
                invocation.status = "Failed"
                self.failed.append(invocation)
                return False
            invocation.status = "Retrying"
            invocation.due_at = self.clock.now() + timedelta(seconds=RETRY_SECONDS << invocation.tries)
            self.waiting.append(invocation)
            return True
