"""A function, the local cloud around it, and one clock for all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import index
from scalein.ledger.memory import process_store
from tests.support.clouds import Cloud, cloud_of
from tests.support.deployment import FOLLOW_UP_KEY, context, variables_of
from tests.support.outcomes import response_faults


@dataclass
class World:
    cloud: Cloud
    outcomes: list[dict[str, Any]] = field(default_factory=list)  # of all invocations, in order
    restarts: bool = (
        False  # every invocation meets an instance of the function that has served nothing
    )
    context: Callable[[], SimpleNamespace] = context  # of each invocation
    heard: Callable[[dict[str, Any]], object] = lambda _: (
        None
    )  # called with each outcome, at its moment

    def send(self, request: Mapping[str, Any] | bytes) -> dict[str, Any]:
        """One invocation of the function; its outcome, returned or raised."""
        event = (
            request
            if isinstance(request, bytes)
            else json.dumps({"scalingGroupId": "asg-1", **request}).encode()
        )
        with suppress(index.TryLaterError, index.RemovalFailedError):
            self.invoke(event)
        return self.outcomes[-1]

    def invoke(self, event: bytes) -> None:
        """As the platform does: it may raise."""
        if self.restarts:
            process_store.cache_clear()
        try:
            self._hear(index.serve(event, self.context(), self.cloud.clock))
        except (index.TryLaterError, index.RemovalFailedError) as error:
            self._hear(json.loads(str(error)))
            raise

    def _hear(self, outcome: dict[str, Any]) -> None:
        assert response_faults(outcome) == []
        self.outcomes.append(outcome)
        self.heard(outcome)

    def set(self, name: str, value: str) -> None:
        """An environment variable, as long as this world lasts."""
        os.environ[name] = value

    def follow(self, seconds: float = 86_400) -> dict[str, Any]:
        """Delivers follow-ups, when they are due, until there are none; the last outcome."""
        until = self.cloud.clock.now() + timedelta(seconds=seconds)
        functions = self.cloud.inside.functions
        assert functions
        while (due := functions.next_due()) is not None and due <= until:
            self.cloud.clock.advance(max(0.0, (due - self.cloud.clock.now()).total_seconds()))
            functions.deliver(lambda invocation: self.invoke(invocation.event))
        return self.outcomes[-1]

    @property
    def removals(self) -> list[list[str]]:
        """The ids of each accepted call, oldest first."""
        return [
            activity.requested_ids
            for activity in self.cloud.inside.service.activities.values()
            if activity.requested_ids
        ]

    def stable(self) -> int:
        return sum(
            state in ("InService", "Protected", "Standby") for state in self.cloud.states().values()
        )


@contextmanager
def world_of(
    *groups: Mapping[str, Any],
    policy: Mapping[str, Any] | None = None,
    follow_ups: bool = True,
    ledger: str = "",
    **cloud: Any,
) -> Iterator[World]:
    with cloud_of(*groups, **cloud) as inside:
        variables = variables_of(
            inside.endpoint,
            SCALEIN_FOLLOW_UP_KEY=FOLLOW_UP_KEY if follow_ups else "",
            SCALEIN_LEDGER=ledger,
            SCALEIN_POLICY=json.dumps(
                policy or {"groups": {g["scalingGroupId"]: {} for g in groups}}
            ),
            ALIBABA_CLOUD_SECURITY_TOKEN="",
        )
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        process_store.cache_clear()
        try:
            yield World(inside)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
