"""Makes the cloud misbehave on request: the next N calls of an action, or some of all calls by a seeded chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from localcloud import errors

REFUSING: dict[str, type[errors.ApiError]] = {
    "throttled": errors.Throttled,
    "throttled-with-header": errors.Throttled,
    "internal-error": errors.InternalError,
    "unavailable": errors.ServiceUnavailable,
    "token-expired": errors.SecurityTokenExpired,
    "clock-skew": errors.TimeStampExpired,
    "forbidden": errors.ForbiddenRam,
    "idempotence-processing": errors.IdempotenceProcessing,
}
ENDINGS = {"accepted-failed": "Failed", "accepted-warning": "Warning", "accepted-rejected": "Rejected"}
OF_REMOVALS = (*ENDINGS, "state-change")
REFUSED = "refused"
GATEWAYS = {  # what answers instead of ESS, once the work is done: status and body, without an ESS code
    "bad-gateway-after": (502, "<html><body>502 Bad Gateway</body></html>"),
    "gateway-redirect": (302, ""),
    "gateway-not-found": (404, "<html><body>404 Not Found</body></html>"),
    "gateway-timeout": (408, ""),
    "gateway-page": (200, "<html><body>Please log in</body></html>"),
}
SPOILT = (*GATEWAYS, "drip", "half-body", "garbled", "too-large", "gzip-bomb")
KINDS = (
    *(*REFUSING, "bad-gateway", REFUSED, "reset", "not-json", "lost-answer", "slow", "page-drift", "stale-read"),
    *SPOILT,
    *OF_REMOVALS,
)
REMOVE = "RemoveInstances"


@dataclass
class Fault:
    """`throttled` (`-with-header`: Retry-After), `internal-error`, `unavailable`, `token-expired`, `clock-skew` (as if
    the clocks differed by more than 15 minutes), `forbidden` (as if RAM did not permit it): refused unlooked-at.
    `bad-gateway`: a proxy's HTML page. `refused`: a new connection, of whatever action, is broken at once.
    `reset`: it breaks before anything is done.

    `idempotence-processing`: as if a call with the same token were still being processed.

    `not-json`: the work is done, the answer garbled. `lost-answer`: the work is done, the connection breaks.
    `slow`: the work is done, the answer comes after `seconds`. `page-drift`: an instance moved between two pages, so
    that the list has one less than TotalCount says. `stale-read`: the answer of the time before.
    `gateway-redirect`, `gateway-not-found`, `gateway-timeout`, `gateway-page`, `bad-gateway-after`: the work is done,
    and a proxy answers with 302, 404, 408, 200 or 502 of its own. `drip`: the work is done, and a byte of the answer
    comes every `seconds`. `half-body`: half of it comes. `garbled`: one field of it is spoilt, or all. `too-large`: it
    has 64 MB. `gzip-bomb`: it is 200 KB of gzip that hold 200 MB.
    `accepted-failed`, `-warning`, `-rejected`: RemoveInstances is accepted, and its activity ends so.
    `state-change`: just before RemoveInstances, an instance that it names becomes Standby.
    """

    kind: str
    action: str = "*"
    times: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; there are: {', '.join(KINDS)}")


@dataclass
class Faults:
    pending: list[Fault] = field(default_factory=list)
    rate: float = 0.0  # of calls of `action` that meet one of `kinds`
    kinds: Sequence[str] = ()
    action: str = "*"
    seconds: float = 0.3  # of those that take time
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same faults again)
    happened: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, action: str = "*", times: int = 1, seconds: float = 0.0) -> None:
        self.pending.append(Fault(kind, action, times, seconds))

    def at_random(self, rate: float, kinds: Sequence[str], seed: int, action: str = "*", seconds: float = 0.3) -> None:
        """From now on, so many of all calls."""
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"unknown fault {unknown.pop()!r}; there are: {', '.join(KINDS)}")
        self.rate, self.kinds, self.action, self.seconds = rate, kinds, action, seconds
        self.chance = Random(seed)  # noqa: S311 (the same faults again)

    def clear(self) -> None:
        self.pending.clear()
        self.rate, self.kinds = 0.0, ()

    def may_be(self, kind: str) -> bool:
        """Whether such a fault can still come."""
        return kind in self.kinds or any(fault.kind == kind and fault.times > 0 for fault in self.pending)

    def take(self, action: str) -> Fault | None:
        """The fault of this call, used up by one."""
        fitting = (f for f in self.pending if f.action in ("*", action) and f.times > 0 and f.kind != REFUSED)
        fault = next(fitting, None)
        if fault is not None:
            fault.times -= 1
        elif self.kinds and self.action in ("*", action) and self.chance.random() < self.rate:
            kind = self.chance.choice(list(self.kinds))
            if kind == REFUSED or (kind in OF_REMOVALS and action != REMOVE):
                return None
            fault = Fault(kind, seconds=self.seconds)
        if fault is not None:
            self.happened[fault.kind] += 1
        return fault

    def refuses_connection(self) -> bool:
        """Whether a new one is to be broken."""
        fault = next((f for f in self.pending if f.kind == REFUSED and f.times > 0), None)
        if fault is not None:
            fault.times -= 1
        elif REFUSED not in self.kinds or self.chance.random() >= self.rate:
            return False
        self.happened[REFUSED] += 1
        return True


def parsed(text: str) -> Fault:
    """`KIND[:ACTION[:TIMES[:SECONDS]]]`, such as throttled:DescribeScalingGroups:2. Raises ValueError."""
    kind, action, times, seconds = (*text.split(":"), *("", "", "", ""))[:4]
    return Fault(kind, action or "*", int(times or 1), float(seconds or 0))
