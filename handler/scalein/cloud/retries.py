"""Decides how often a call is attempted, and how long an invocation waits for the cloud in all.

Function Compute bills the time of waiting. Where the message comes again by itself, an invocation
waits a few seconds, and then says when to come again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from threading import Lock

from scalein.clock import Clock, Deadline
from scalein.cloud.breaker import Breaker
from scalein.errors import ConfigurationError, ScaleInError, Transient, TryLater

FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.2, 5.0
MIN_CALL_SECONDS = 0.5  # with less time than this before the deadline, no call is sent
MAX_RETRY_AFTER_SECONDS = 300.0  # a longer hint of a server is not believed
REMOVE = "RemoveInstances"
# An idle connection that the server closed in the pause fails like this: a probe has two attempts.
NO_CONNECTION = ("SDK.HttpError", "SDK.ServerUnreachable")
# These errors show that the service works.
ANSWERS = ("IDEMPOTENCE_PROCESSING", "SignatureNonceUsed", "TooLarge", "NoActivity")


class Patience:
    """How long one invocation may wait in all: failed calls, and pauses before the next attempt.

    A call that succeeds is no waiting, however slow. Threads may call.
    """

    def __init__(self, max_seconds: float, clock: Clock) -> None:
        self._max_seconds = max_seconds
        self._clock = clock
        self._lock = Lock()
        self._waited_seconds, self._counted_until = 0.0, 0.0

    def remaining_seconds(self) -> float:
        """Returns the seconds that may still be waited."""
        return max(0.0, self._max_seconds - self._waited_seconds)

    def count(self, began: float) -> None:
        """Counts the time since then as waiting; what two threads wait at once counts once."""
        with self._lock:
            now = self._clock.monotonic()
            self._waited_seconds += max(0.0, now - max(began, self._counted_until))
            self._counted_until = max(now, self._counted_until)


class Retries:
    """The rules of one invocation: its deadline, its patience, its breaker."""

    def __init__(
        self,
        deadline: Deadline,
        patience: Patience | None = None,
        breaker: Breaker | None = None,
        reserved_seconds: float = 0.0,
    ) -> None:
        """Without `patience`, waits while the deadline allows.

        `reserved_seconds`: of the time before the deadline, for RemoveInstances and its record.
        """
        self.deadline = deadline
        self.patience = patience
        self.breaker = breaker
        self._reserved_seconds = reserved_seconds

    def without_reserve(self) -> Retries:
        """Returns the same rules for reads after which RemoveInstances is not called."""
        return Retries(self.deadline, self.patience, self.breaker)

    def call_seconds(self, action: str) -> float:
        """Returns how long one attempt may take. Raises TryLater if no time is left for it.

        The answer to RemoveInstances is worth waiting for: without it, what became of the call
        has to be found out. A read that does not come is made again later.
        """
        seconds = self._seconds_left(action)
        if seconds < MIN_CALL_SECONDS:
            raise TryLater(action, "Deadline", "no time is left in this invocation.")
        if action == REMOVE or self.patience is None:
            return seconds
        return min(seconds, max(MIN_CALL_SECONDS, self.patience.remaining_seconds()))

    def may_wait(self, action: str, seconds: float) -> bool:
        """Returns whether there is time for such a pause, and an attempt after it."""
        needed_seconds = seconds + MIN_CALL_SECONDS
        if needed_seconds > self._seconds_left(action):
            return False
        return self.patience is None or needed_seconds <= self.patience.remaining_seconds()

    def _seconds_left(self, action: str) -> float:
        reserved_seconds = 0.0 if action == REMOVE else self._reserved_seconds
        return self.deadline.remaining_seconds() - reserved_seconds


class Attempts:
    """The attempts of one call."""

    def __init__(self, action: str, retries: Retries) -> None:
        """Raises Paused."""
        self._action = action
        self._retries = retries
        self._clock = retries.deadline.clock
        self._is_probe = retries.breaker is not None and retries.breaker.check(action)
        self._began = self._attempt_began = self._clock.monotonic()
        self._count = 0

    def record_answer(self, error: ScaleInError | None = None) -> None:
        """Ends the call with an answer, which may be a refusal, or with an error of our own."""
        is_own = isinstance(error, ConfigurationError) or getattr(error, "code", "") == "Deadline"
        if self._retries.breaker and not is_own:
            self._retries.breaker.record_answer(self._action)

    def wait_to_repeat(self, error: Transient) -> bool:
        """Waits before the next attempt, with exponential backoff and full jitter, but at least as
        long as the server says. Returns False at once if the call is given up.
        """
        max_seconds = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(self._count, 10))
        seconds = random.uniform(0, max_seconds)  # noqa: S311 (spreads load, guards nothing)
        seconds = max(seconds, error.retry_after_seconds)
        self._count += 1
        self._count_waiting()
        is_over = self._is_probe and (self._count > 1 or error.code not in NO_CONNECTION)
        if is_over or not self._retries.may_wait(self._action, seconds):
            self._give_up(error)
            return False
        self._clock.sleep(seconds)
        self._count_waiting()
        return True

    def _count_waiting(self) -> None:
        if self._retries.patience:
            self._retries.patience.count(self._attempt_began)
        self._attempt_began = self._clock.monotonic()

    def _give_up(self, error: Transient) -> None:
        breaker, took_seconds = self._retries.breaker, self._clock.monotonic() - self._began
        if breaker is None:
            return
        if error.code in ANSWERS:
            breaker.record_answer(self._action)
            return
        is_proof = self._count > 1 or took_seconds > 2 * MIN_CALL_SECONDS
        breaker.record_failure(self._action, self._began, is_proof, error.retry_after_seconds)


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Returns how long a server says to wait; 0 if it says nothing that can be read.

    `Retry-After` has seconds, or a time by the clock of `Date` (RFC 9110). `x-ratelimit-user-api`
    and `x-ratelimit-user` have milliseconds in a list such as Limit:10,Remain:0,TimeLeft:2000 (as
    Alibaba Cloud's own SDKs read them).
    """
    retry_after = headers.get("Retry-After")
    seconds = [_number(retry_after, 1.0), _seconds_until(retry_after, headers.get("Date"))]
    for name in ("x-ratelimit-user-api", "x-ratelimit-user"):
        for part in (headers.get(name) or "")[:200].split(","):
            key, _, value = part.partition(":")
            if key.strip() == "TimeLeft":
                seconds.append(_number(value, 0.001))
    return min(MAX_RETRY_AFTER_SECONDS, max(seconds))


def _number(text: str | None, unit: float) -> float:
    text = (text or "").strip()
    return int(text) * unit if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def _seconds_until(time: str | None, now: str | None) -> float:
    """The seconds between two times of HTTP; 0 if either is none."""
    if not (time and now):
        return 0.0
    try:
        return (parsedate_to_datetime(time) - parsedate_to_datetime(now)).total_seconds()
    except (TypeError, ValueError, OverflowError):  # also if only one has a zone
        return 0.0
