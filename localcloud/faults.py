"""Faults on request: of the next calls of an action, or of a random share of all calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from localcloud import errors
from localcloud.action_names import check_action

REMOVE = "RemoveInstances"
REFUSED = "refused"
REFUSALS: dict[str, type[errors.ApiError]] = {  # of a call that is not examined
    "throttled": errors.Throttled,
    "throttled-with-header": errors.Throttled,
    "throttled-by-service": errors.ThrottledByService,
    "internal-error": errors.InternalError,
    "unavailable": errors.ServiceUnavailable,
    "token-expired": errors.SecurityTokenExpired,
    "clock-skew": errors.TimeStampExpired,
    "forbidden": errors.ForbiddenRam,
    "idempotence-processing": errors.IdempotenceProcessing,
}
FORCED_STATUSES = {  # of the activity of an accepted removal
    "accepted-failed": "Failed",
    "accepted-warning": "Warning",
    "accepted-rejected": "Rejected",
}
REMOVAL_KINDS = (*FORCED_STATUSES, "state-change")
# What answers instead of ESS, once the work is done: status and body, without an ESS code.
GATEWAYS = {
    "bad-gateway-after": (502, "<html><body>502 Bad Gateway</body></html>"),
    "gateway-redirect": (302, ""),
    "gateway-not-found": (404, "<html><body>404 Not Found</body></html>"),
    "gateway-timeout": (408, ""),
    "gateway-page": (200, "<html><body>Please log in</body></html>"),
}
KINDS = (
    *(*REFUSALS, "bad-gateway", REFUSED, "reset", "not-json", "lost-answer", "slow"),
    *("page-drift", "stale-read", *GATEWAYS, "drip", "half-body", "garbled", "too-large"),
    *("gzip-bomb", *REMOVAL_KINDS),
)


@dataclass
class Fault:
    """One fault, for so many calls of one action.

    The call is refused and not examined:
    `throttled` (`throttled-with-header`: with Retry-After; `throttled-by-service`: by ESS behind
    the gateway, with its plain code Throttling), `internal-error`, `unavailable`,
    `token-expired`, `clock-skew` (the clocks differ by more than 15 minutes), `forbidden` (RAM does
    not permit it), `idempotence-processing` (a call with the same token is being processed).

    Nothing is done:
    `bad-gateway` (a proxy's HTML page), `refused` (a new connection, whatever the action, breaks at
    once), `reset` (the connection breaks).

    The work is done, and the answer:
    `lost-answer` (never comes: the connection breaks), `half-body` (breaks off in the middle),
    `slow` (comes after `seconds`), `drip` (comes a byte every `seconds`), `not-json` (is HTML),
    `garbled` (has one wrong field, or another body), `too-large` (has 64 MB), `gzip-bomb` (has
    200 KB of gzip that hold 200 MB), `gateway-redirect`, `gateway-not-found`, `gateway-timeout`,
    `gateway-page`, `bad-gateway-after` (is a proxy's, with 302, 404, 408, 200 or 502).

    A read: `page-drift` (an instance moved between two pages: the list has one less than
    TotalCount), `stale-read` (the answer of the time before).

    RemoveInstances: `accepted-failed`, `accepted-warning`, `accepted-rejected` (is accepted, and
    its activity ends with that status), `state-change` (just before, the first instance that it
    names becomes Pending for a minute).
    """

    kind: str
    action: str = "*"
    times: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        _check_kinds([self.kind])
        check_action(self.action)


@dataclass
class Faults:
    """The faults to come, and how often each kind has occurred."""

    pending: list[Fault] = field(default_factory=list)
    rate: float = 0.0  # share of the calls of `action` that get one of `kinds`
    kinds: Sequence[str] = ()
    action: str = "*"
    seconds: float = 0.3  # of those that take time
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same faults again)
    occurrences: Counter[str] = field(default_factory=Counter)
    # called with each fault that a call meets, and the call's action
    on_fault: Callable[[Fault, str], None] = lambda _, __: None

    def add(self, kind: str, action: str = "*", times: int = 1, seconds: float = 0.0) -> None:
        """Adds a fault for the next calls of an action. Raises ValueError."""
        self.pending.append(Fault(kind, action, times, seconds))

    def set_random(
        self,
        rate: float,
        kinds: Sequence[str],
        seed: int,
        action: str = "*",
        seconds: float = 0.3,
    ) -> None:
        """Gives a share of all calls one of the kinds from now on. Raises ValueError."""
        _check_kinds(kinds)
        check_action(action)
        self.rate, self.kinds, self.action, self.seconds = rate, kinds, action, seconds
        self.chance = Random(seed)  # noqa: S311 (the same faults again)

    def clear(self) -> None:
        """Ends all faults."""
        self.pending.clear()
        self.rate, self.kinds = 0.0, ()

    def is_possible(self, kind: str) -> bool:
        """Whether such a fault can still occur."""
        return kind in self.kinds or any(f.kind == kind and f.times > 0 for f in self.pending)

    def take(self, action: str) -> Fault | None:
        """Returns the fault of this call, and counts it as used."""
        fault = self._take_pending(action) or self._random_fault(action)
        if fault is not None:
            self.occurrences[fault.kind] += 1
            self.on_fault(fault, action)
        return fault

    def take_refused_connection(self) -> bool:
        """Returns whether a new connection is to break, and counts the fault as used."""
        fault = next((f for f in self.pending if f.kind == REFUSED and f.times > 0), None)
        if fault is not None:
            fault.times -= 1
        elif REFUSED not in self.kinds or self.chance.random() >= self.rate:
            return False
        self.occurrences[REFUSED] += 1
        self.on_fault(Fault(REFUSED), "*")
        return True

    def _take_pending(self, action: str) -> Fault | None:
        for fault in self.pending:
            is_for_call = fault.action in ("*", action) and fault.kind != REFUSED
            if is_for_call and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _random_fault(self, action: str) -> Fault | None:
        if not self.kinds or self.action not in ("*", action) or self.chance.random() >= self.rate:
            return None
        kind = self.chance.choice(list(self.kinds))
        if kind == REFUSED or (kind in REMOVAL_KINDS and action != REMOVE):
            return None
        return Fault(kind, seconds=self.seconds)


def parse_fault(text: str) -> Fault:
    """Parses `KIND[:ACTION[:TIMES[:SECONDS]]]`, such as throttled:DescribeScalingGroups:2.

    Raises ValueError, which says what is wrong.
    """
    kind, action, times, seconds = (*text.split(":"), *("", "", "", ""))[:4]
    try:
        counts = int(times or 1), float(seconds or 0)
    except ValueError:
        raise ValueError(f"TIMES and SECONDS must be numbers in {text!r}") from None
    return Fault(kind, action or "*", *counts)


def _check_kinds(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; known faults: {', '.join(KINDS)}")
