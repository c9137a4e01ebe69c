"""Makes the cloud misbehave on request: the next N calls of an action."""

from __future__ import annotations

from dataclasses import dataclass, field

from localcloud import errors

REFUSING: dict[str, type[errors.ApiError]] = {
    "throttled": errors.Throttled,
    "internal-error": errors.InternalError,
    "unavailable": errors.ServiceUnavailable,
}
KINDS = (*REFUSING, "bad-gateway", "not-json", "lost-answer", "slow", "page-drift")


@dataclass
class Fault:
    """`throttled`, `internal-error`, `unavailable`: refused unlooked-at. `bad-gateway`: a proxy's HTML page.

    `not-json`: the work is done, the answer garbled. `lost-answer`: the work is done, the connection breaks.
    `slow`: the work is done, the answer comes after `seconds`. `page-drift`: an instance moved between two pages, so
    that the list has one less than TotalCount says.
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

    def add(self, kind: str, action: str = "*", times: int = 1, seconds: float = 0.0) -> None:
        self.pending.append(Fault(kind, action, times, seconds))

    def take(self, action: str) -> Fault | None:
        """The fault of this call, used up by one."""
        for fault in self.pending:
            if fault.action in ("*", action) and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def parsed(text: str) -> Fault:
    """`KIND[:ACTION[:TIMES[:SECONDS]]]`, such as throttled:DescribeScalingGroups:2. Raises ValueError."""
    kind, action, times, seconds = (*text.split(":"), *("", "", "", ""))[:4]
    return Fault(kind, action or "*", int(times or 1), float(seconds or 0))
