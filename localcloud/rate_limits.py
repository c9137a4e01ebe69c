"""How many calls of an action an account may make in a second; more are throttled."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from localcloud import errors
from localcloud.action_names import ALL, check_action

SECOND = timedelta(seconds=1)
MIN, MAX = 0.001, 1e6


@dataclass
class RateLimits:
    """The limits, and the calls of the last second. ESS publishes none, so there are none here."""

    max_by_action: dict[str, float] = field(default_factory=dict)
    _calls: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict)

    def set(self, action: str, max_per_second: float) -> None:
        """Sets the limit of an action, or of `*`. Raises ValueError."""
        if max_per_second != 0 and not MIN <= max_per_second <= MAX:
            raise ValueError(f"the limit of {action} must be 0, or from {MIN} to {MAX:g} a second")
        check_action(action)
        self.max_by_action[action] = max_per_second

    def end(self, action: str) -> None:
        """Ends the limit of an action, or of `*`, if there is one."""
        self.max_by_action.pop(action, None)

    def clear(self) -> None:
        """Ends all limits."""
        self.max_by_action.clear()
        self._calls.clear()

    def check(self, account_id: str, action: str, now: datetime) -> None:
        """Counts a call. Raises ApiError where it is one too many; that one does not count.

        A limit below 1 is one call in more than a second: 0.5 is one in two seconds.
        """
        limit = self.max_by_action.get(action, self.max_by_action.get(ALL))
        if limit is None:
            return
        period = SECOND / limit if 0 < limit < 1 else SECOND
        calls = self._calls.setdefault((account_id, action), deque())
        while calls and now - calls[0] >= period:
            calls.popleft()
        if len(calls) >= (1 if 0 < limit < 1 else int(limit)):
            raise errors.Throttled()
        calls.append(now)


def parse_limit(text: str) -> tuple[str, float]:
    """Parses `ACTION:CALLS`, such as RemoveInstances:5. Raises ValueError."""
    action, colon, calls = text.partition(":")
    try:
        limit = float(calls)
    except ValueError:
        limit = -1.0
    if not action or not colon or (limit != 0 and not MIN <= limit <= MAX):
        raise ValueError(f"{text!r} is not ACTION:CALLS, such as RemoveInstances:5")
    check_action(action)
    return action, limit
