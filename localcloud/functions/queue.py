"""Asynchronous invocations of functions: kept until they are due, handed over at least once, tried again on failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from uuid import uuid4

from localcloud.clock import Clock

MOST_BYTES = 128 << 10
MOST_TRIES = 4  # the first, and three retries
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


@dataclass
class Functions:
    """Nothing happens in the background: `deliver` hands over what is due."""

    clock: Clock
    waiting: list[Invocation] = field(default_factory=list)
    failed: list[Invocation] = field(default_factory=list)  # for good
    task_ids: set[tuple[str, str, str]] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def accept(self, service: str, function: str, event: bytes, delay_seconds: int, task_id: str) -> Invocation:
        """Raises TaskExists."""
        with self.lock:
            if task_id and (service, function, task_id) in self.task_ids:
                raise TaskExists
            self.task_ids.add((service, function, task_id))
            due_at = self.clock.now() + timedelta(seconds=delay_seconds)
            invocation = Invocation(service, function, event, due_at, task_id)
            self.waiting.append(invocation)
            return invocation

    def due(self) -> list[Invocation]:
        """Takes them out, the longest due first."""
        with self.lock:
            now = self.clock.now()
            found = sorted((i for i in self.waiting if i.due_at <= now), key=lambda i: i.due_at)
            self.waiting = [i for i in self.waiting if i.due_at > now]
            return found

    def next_due(self) -> datetime | None:
        return min((invocation.due_at for invocation in self.waiting), default=None)

    def deliver(self, invoke: Callable[[Invocation], object]) -> int:
        """Hands over what is due; one whose function raises comes again. How many there were."""
        found = self.due()
        for invocation in found:
            try:
                invoke(invocation)
            except Exception:  # noqa: BLE001 (whatever a function raises, it is tried again)
                self.again(invocation)
        return len(found)

    def again(self, invocation: Invocation) -> None:
        """After a failure."""
        invocation.tries += 1
        with self.lock:
            if invocation.tries >= MOST_TRIES:
                self.failed.append(invocation)
                return
            invocation.due_at = self.clock.now() + timedelta(seconds=RETRY_SECONDS << invocation.tries)
            self.waiting.append(invocation)
