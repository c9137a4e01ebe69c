"""Fakes that implement our own protocols: a clock that is driven, a gateway that plays a script."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from scalein.errors import GatewayError
from scalein.model import Snapshot
from scalein.scale_in import Removal

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


class DrivenClock:
    """Sleeping advances it, and nothing else does."""

    def __init__(self, now: datetime = NOON) -> None:
        self._start = now
        self.elapsed = 0.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.elapsed += seconds


class ScriptedGateway:
    """Shows the snapshots one after the other (the last for good), and answers removals as told."""

    def __init__(self, *snapshots: Snapshot, answers: Iterable[str | GatewayError] = ()) -> None:
        self._snapshots = list(snapshots)
        self._answers = list(answers)
        self.removals: list[Removal] = []
        self.reads = 0

    def snapshot(self, scaling_group_id: str) -> Snapshot:
        self.reads += 1
        return self._snapshots.pop(0) if len(self._snapshots) > 1 else self._snapshots[0]

    def remove(self, removal: Removal) -> str:
        self.removals.append(removal)
        answer = self._answers.pop(0) if self._answers else "asa-1"
        if isinstance(answer, GatewayError):
            raise answer
        return answer
