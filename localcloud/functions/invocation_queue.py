"""Asynchronous invocations of functions: delivered at least once when due, retried on failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from localcloud.clock import Clock
from localcloud.functions.model import LATEST, NATIVE, new_request_id

MAX_BYTES = 128 << 10
MAX_RETRIES = 3  # unless the function's asynchronous configuration says otherwise
RETRY_SECONDS = 1  # how long Function Compute waits is not published
# While it is throttled (HTTP 429) an invocation comes again after 0.5, 1, 2, 4, then 8 s, for 5 h,
# and no retry is used up (help page "Retry mechanism").
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 8.0
MAX_THROTTLED = timedelta(hours=5)


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
    request_id: str = ""  # of every attempt
    attempts: int = 0
    qualifier: str = LATEST
    status: str = "Enqueued"  # Running, Retrying, Stopping, Succeeded, Failed, Stopped, Expired
    answer: bytes = b""  # of the last attempt
    instance_id: str = ""  # of the last attempt
    throttled: int = 0  # how often there was no instance for it
    throttled_at: datetime | None = None  # at first
    started_at: datetime | None = None  # the last attempt
    ended_at: datetime | None = None
    events: list[tuple[str, datetime]] = field(default_factory=list)  # statuses it went through

    def __post_init__(self) -> None:
        self.request_id = self.request_id or new_request_id(self.service == NATIVE)

    def become(self, status: str, moment: datetime) -> None:
        """Changes the status, at a moment of the local cloud's clock."""
        self.status = status
        self.events.append((status, moment))
        if status == "Running":
            self.started_at = moment
        elif status in ("Succeeded", "Failed", "Stopped", "Expired"):
            self.ended_at = moment

    def is_expired(self, max_age_seconds: int | None, now: datetime) -> bool:
        """Whether it was accepted too long ago; None: there is no such limit."""
        if max_age_seconds is None:
            return False
        return now - self.events[0][1] > timedelta(seconds=max_age_seconds)

    @property
    def task_key(self) -> tuple[str, str, str]:
        """Whose task it is, and which."""
        return self.service, self.function, self.task_id

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
    taken: list[Invocation] = field(default_factory=list)  # from when they are due to `release`
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
            now = self.clock.now()
            due_at = now + timedelta(seconds=delay_seconds)
            invocation = Invocation(service, function, event, due_at, task_id, qualifier=qualifier)
            if task_id and invocation.task_key in self.tasks:
                raise TaskExists
            if task_id:
                self.tasks[invocation.task_key] = invocation
            invocation.become("Enqueued", now)
            self.waiting.append(invocation)
            return invocation

    def clear(self) -> None:
        """Forgets every invocation and task."""
        with self.lock:
            self.waiting = []
            self.taken = []
            self.failed.clear()
            self.tasks.clear()

    def stop(self, invocation: Invocation) -> bool:
        """Stops an invocation that waits; returns whether it runs, so that it is Stopping now."""
        with self.lock:
            if invocation.status == "Running":
                invocation.become("Stopping", self.clock.now())
                return True
            if invocation in self.waiting:
                self.waiting.remove(invocation)
                invocation.become("Stopped", self.clock.now())
            return False

    def begin(self, invocation: Invocation) -> None:
        """Says that an attempt begins."""
        with self.lock:
            invocation.become("Running", self.clock.now())

    def end(self, invocation: Invocation, status: str) -> None:
        """Says how an invocation ended, for good."""
        with self.lock:
            invocation.become(status, self.clock.now())

    def take_due(self) -> list[Invocation]:
        """Removes and returns what is due, the longest due first."""
        with self.lock:
            now = self.clock.now()
            due = [invocation for invocation in self.waiting if invocation.due_at <= now]
            self.waiting = [i for i in self.waiting if i.due_at > now]
            self.taken += due
            return sorted(due, key=lambda invocation: invocation.due_at)

    def has_taken(self, invocation: Invocation) -> bool:
        """Whether an attempt that `take_due` gave is still wanted: `clear` forgets it."""
        with self.lock:
            return any(other is invocation for other in self.taken)

    def release(self, invocation: Invocation) -> None:
        """Says that nothing is left to be done for an attempt that `take_due` gave."""
        with self.lock:
            self.taken = [other for other in self.taken if other is not invocation]

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
                self.end(invocation, "Succeeded")
            self.release(invocation)
        return len(due)

    def retry(self, invocation: Invocation, max_retries: int = MAX_RETRIES) -> bool:
        """Schedules another attempt after a failure; returns False where it was the last.

        One that is being stopped has no other.
        """
        with self.lock:
            if invocation.status == "Stopping":
                invocation.become("Stopped", self.clock.now())
                return True
            invocation.attempts += 1
            if invocation.attempts > max_retries:
                invocation.become("Failed", self.clock.now())
                self.failed.append(invocation)
                return False
            invocation.become("Retrying", self.clock.now())
            invocation.due_at = self.clock.now() + timedelta(
                seconds=RETRY_SECONDS << invocation.attempts
            )
            self.waiting.append(invocation)
            return True

    def postpone(self, invocation: Invocation) -> bool:
        """Schedules a throttled invocation again; returns False after 5 hours of it."""
        now = self.clock.now()
        if invocation.status == "Stopping":
            self.end(invocation, "Stopped")
            return True
        invocation.throttled_at = invocation.throttled_at or now
        if now - invocation.throttled_at > MAX_THROTTLED:
            return False
        pause = min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(invocation.throttled, 10))
        invocation.throttled += 1
        with self.lock:
            invocation.become("Enqueued", now)
            invocation.due_at = now + timedelta(seconds=pause)
            self.waiting.append(invocation)
        return True
