"""Stops calls of an action that only fails, so that no invocation pays to learn that again.

ESS throttles, and fails, by action (help page api-throttling), so each action has a pause of its
own. When it is over, one invocation calls: an answer ends the pause, a failure doubles it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Protocol

from scalein.clock import Clock
from scalein.errors import LedgerUnavailable, Paused, service_of

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 5.0, 60.0  # if the service does not say how long
# An invocation that probes and dies is followed by the next one that late.
PROBE_SECONDS = 15.0
MAX_SINGLE_FAILURES = 3  # of calls that had no time for a second attempt


class Pauses(Protocol):
    """The pauses of all actions, shared with other invocations. Raises LedgerUnavailable."""

    def read(self) -> Mapping[str, tuple[float, float]]:
        """Returns by action how many seconds of its pause remain, and how long it is.

        One that is over has 0 or less: one invocation may probe.
        """

    def claim_probe(self, action: str, seconds: float) -> bool:
        """Returns whether this invocation may probe; if so, no other may for so long."""

    def save(self, action: str, seconds: float) -> None:
        """Begins a pause."""

    def delete(self, action: str) -> None:
        """Ends a pause."""


class Breaker:
    """The breaker of one invocation. Threads may call.

    It never fails for its own sake: without the shared pauses, all calls are made.
    """

    def __init__(self, open_pauses: Callable[[], Pauses], clock: Clock) -> None:
        self._open_pauses = open_pauses
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, tuple[float, float]] | None = None  # end and length, by action
        self._probed: set[str] = set()  # by this invocation
        self._answered_at: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def check(self, action: str) -> bool:
        """Returns whether the call probes, and so is not repeated. Raises Paused."""
        with self._lock:
            known = self._pauses()
            if action not in known or action in self._probed:
                return action in self._probed
            end, length_seconds = known[action]
            now = self._clock.monotonic()
            if end <= now:
                if self._claim_probe(action):
                    self._probed.add(action)
                    return True
                end = now + PROBE_SECONDS
                known[action] = end, length_seconds
            raise _paused(action, end - now)

    def record_answer(self, action: str) -> None:
        """Takes note that the service answers this action."""
        with self._lock:
            self._answered_at[action] = self._clock.monotonic()
            self._failures.pop(action, None)
            self._probed.discard(action)
            if self._known and self._known.pop(action, None):
                self._share(lambda pauses: pauses.delete(action))

    def record_failure(
        self, action: str, began: float, is_proof: bool, retry_after_seconds: float
    ) -> None:
        """Takes note that a call that began at this moment was given up.

        `is_proof`: it was attempted more than once, or took long.
        """
        with self._lock:
            if self._answered_at.get(action, began) > began:
                return  # such as one of many pages that are read at once
            count = self._failures[action] = self._failures.get(action, 0) + 1
            is_proof = is_proof or action in self._probed or retry_after_seconds > 0
            if is_proof or count >= MAX_SINGLE_FAILURES:
                self._pause(action, retry_after_seconds)

    def _pause(self, action: str, retry_after_seconds: float) -> None:
        known, now = self._pauses(), self._clock.monotonic()
        end, length_seconds = known.get(action, (0.0, 0.0))
        if end > now and action not in self._probed:
            return  # it was begun a moment ago, by a call at the same time
        self._probed.discard(action)
        seconds = min(MAX_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * length_seconds))
        seconds = max(seconds, retry_after_seconds)  # at most retries.MAX_RETRY_AFTER_SECONDS
        known[action] = now + seconds, seconds
        self._share(lambda pauses: pauses.save(action, seconds))

    def _pauses(self) -> dict[str, tuple[float, float]]:
        """The pauses, read once: an invocation is short."""
        if self._known is None:
            self._known = {}
            now = self._clock.monotonic()

            def read(pauses: Pauses) -> None:
                self._known = {
                    action: (now + remaining_seconds, length_seconds)
                    for action, (remaining_seconds, length_seconds) in pauses.read().items()
                }

            self._share(read)
        return self._known

    def _claim_probe(self, action: str) -> bool:
        is_claimed = True

        def claim(pauses: Pauses) -> None:
            nonlocal is_claimed
            is_claimed = pauses.claim_probe(action, PROBE_SECONDS)

        self._share(claim)
        return is_claimed

    def _share(self, step: Callable[[Pauses], None]) -> None:
        with suppress(LedgerUnavailable):
            step(self._open_pauses())


def _paused(action: str, seconds: float) -> Paused:
    sentence = (
        f"not sent, as {service_of(action)} failed this action again and again; the next attempt "
        f"is in {max(1, round(seconds))} s."
    )
    error = Paused(action, "Paused", sentence)
    error.retry_after_seconds = seconds
    return error
