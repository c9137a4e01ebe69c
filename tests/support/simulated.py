"""The function, its trigger, its ledger and its follow-ups, against a simulated Auto Scaling.

Each invocation is a thread of its own, of which one runs at a time: at every call to the world the
scheduler may let another go on, so that invocations overlap, stall and die in every order, the same
order for the same seed. Clocks are driven.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from scalein.clock import Deadline
from scalein.cloud.gateway import GROUP_ONLY, Removal
from scalein.decision.group_policy import NO_LIMITS, GroupPolicy
from scalein.decision.model import ReadScope, RemovalRequest
from scalein.decision.progress import Progress
from scalein.decision.reasons import Status
from scalein.errors import LedgerUnavailable, TryLater
from scalein.ledger.fallback import FallbackLedger
from scalein.ledger.memory import MemoryLedger, MemoryStore
from scalein.ledger.protocol import LeaseOptions, Ledger
from scalein.processing.again import wait_until_due
from scalein.processing.dependencies import Dependencies
from scalein.processing.follow_ups import task_id
from scalein.processing.group_view import GroupView
from scalein.processing.once import MessageProcessor
from scalein.processing.progress_record import parse_progress, progress_text
from scalein.report.outcome import Outcome
from tests.support.clock import DrivenClock
from tests.support.outcomes import checked
from tests.support.simulated_ess import Killed, SimulatedEss

TIMEOUT_SECONDS, LEASE_SECONDS, SETTLE_SECONDS = 30.0, 35.0, 180.0
MAX_LAG = 60.0
AT_ONCE = 4  # invocations
SAVED = frozenset(status.value for status in Status)


@dataclass(order=True)
class Delivery:
    due: float
    number: int
    text: str = field(compare=False)
    tries: int = field(compare=False, default=0)


def held_lock() -> threading.Lock:
    """A lock that another thread releases: it hands a turn over, at less cost than a semaphore."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class Invocation(threading.Thread):
    """One process of the function, that stops at every call to the world until it may go on."""

    def __init__(self, function: Function, delivery: Delivery, store: MemoryStore) -> None:
        super().__init__(daemon=True)
        self.function, self.delivery, self.store = function, delivery, store
        self.began = function.clock.elapsed
        self.over, self.dead = False, False
        self.failure: BaseException | None = None
        self._turn = held_lock()

    def go_on(self) -> None:
        """Until its next call to the world, or its end."""
        if self.ident is None:
            self.start()
        else:
            self._turn.release()
        self.function.control.acquire()

    def hop(self) -> None:
        """The scheduler decides what happens next in the world."""
        self.function.control.release()
        self._turn.acquire()
        if self.function.clock.elapsed - self.began >= TIMEOUT_SECONDS:
            self.dead = True  # the platform ends it
        if self.dead:
            raise Killed

    def run(self) -> None:
        try:
            self.function.process(self)
        except Killed:
            self.dead = True
        except BaseException as error:  # noqa: BLE001 (the scheduler raises it)
            self.failure = error
        self.over = True
        self.function.control.release()


class View:
    """The world as one invocation calls it. A killed one calls nothing more."""

    def __init__(self, invocation: Invocation, inner: Any) -> None:
        self._invocation, self._inner = invocation, inner

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        self._invocation.hop()
        try:
            return getattr(self._inner, name)(*arguments, **options)
        except Killed:
            self._invocation.dead = True
            raise
        finally:
            if not self._invocation.dead:
                self._invocation.hop()

    def snapshot(self, group: str, read_scope: ReadScope = GROUP_ONLY) -> Any:
        return self.call("snapshot", group, read_scope)

    def history(self, *arguments: Any) -> Any:
        return self.call("history", *arguments)

    def activities(self, *arguments: Any) -> Any:
        return self.call("activities", *arguments)

    def groups_of(self, *arguments: Any) -> Any:
        return self.call("groups_of", *arguments)

    def check_removal(self) -> None:
        pass

    def remove(self, removal: Removal) -> Any:
        return self.call("remove", removal)


class LedgerView:
    """A ledger that does not answer at times, and that a killed process does not reach."""

    def __init__(self, invocation: Invocation, ledger: MemoryLedger, shared: bool) -> None:
        self._view, self._invocation = View(invocation, ledger), invocation
        self.is_shared = self.is_complete = shared
        self.name = "redis" if shared else "memory"

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        if self._invocation.dead:
            raise Killed
        if self.is_shared and self._invocation.function.ledger_fails():
            raise LedgerUnavailable("the ledger does not answer.")
        return self._view.call(name, *arguments, **options)

    def claim_message(self, *arguments: Any) -> Any:
        return self._call("claim_message", *arguments)

    def acquire_lease(self, *arguments: Any) -> Any:
        return self._call("acquire_lease", *arguments)

    def record(self, *arguments: Any, **options: Any) -> Any:
        return self._call("record", *arguments, **options)

    def read_others(self, *arguments: Any) -> Any:
        return self._call("read_others", *arguments)

    def release(self, *arguments: Any, **options: Any) -> Any:
        return self._call("release", *arguments, **options)


@dataclass
class Function:
    """`ledger`: none, memory, redis, or redis-closed (which stops where Redis does not answer)."""

    ess: SimulatedEss
    clock: DrivenClock
    ledger: str
    follows_up: bool
    chance: Random
    group_policy: GroupPolicy = NO_LIMITS
    kill: Callable[[str], bool] = lambda step: False
    ledger_fails: Callable[[], bool] = lambda: False
    overlaps: bool = False
    shared_store: MemoryStore = field(default_factory=MemoryStore)
    idle: list[MemoryStore] = field(
        default_factory=list
    )  # processes that wait for their next invocation
    queue: list[Delivery] = field(default_factory=list)
    task_ids: set[str] = field(default_factory=set)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    moments: dict[str, list[datetime]] = field(default_factory=dict)  # of the same
    numbers: Iterator[int] = field(default_factory=itertools.count)
    max_tries: int = 60
    repeats_raised: bool = True  # else only what was killed is delivered again
    ignores_delays: bool = False  # the platform delivers a follow-up at once, whenever it is due
    control: threading.Lock = field(default_factory=held_lock)
    alive: list[Invocation] = field(default_factory=list)

    def send(self, request: RemovalRequest, after: float = 0.0) -> None:
        self.outcomes.setdefault(request.request_id, [])
        self.moments.setdefault(request.request_id, [])
        self._push(after, progress_text(Progress(request, self.clock.now())))

    def run(self, seconds: float = 90_000) -> None:
        """Until nothing is queued and nothing runs, or so much time has passed."""
        until = self.clock.elapsed + seconds
        while self.alive or (self.queue and min(self.queue).due <= until):
            if not self.alive:
                self.clock.elapsed = max(self.clock.elapsed, min(self.queue).due)
            due = [one for one in self.queue if one.due <= self.clock.elapsed]
            if due and (not self.alive or (self.overlaps and len(self.alive) < AT_ONCE)):
                self._begin(min(due))
            self._step(self.chance.choice(self.alive))

    def process(self, invocation: Invocation) -> None:
        """Of the invocation's thread."""
        delivery, progress = invocation.delivery, parse_progress(invocation.delivery.text)
        now = self.clock.now()
        progress = progress._replace(first_claimed_at=min(progress.first_claimed_at, now))
        if not progress.follow_ups and not progress.attempt:
            progress = progress._replace(first_claimed_at=now)
        deadline = Deadline.after(TIMEOUT_SECONDS - 1, self.clock)
        view, ledger = View(invocation, self.ess), self._ledger(invocation)
        dependencies = Dependencies(
            lambda: view,
            lambda: ledger,
            deadline,
            FollowUps(invocation).schedule if self.follows_up else None,
            settle_seconds=SETTLE_SECONDS,
        )
        group = GroupView(progress.request.scaling_group_id, view, self.clock)
        processor = MessageProcessor(group, self.group_policy, dependencies, 86_400)
        early = wait_until_due(progress, dependencies)
        (outcome,) = checked([early or processor.process(progress)])
        self.outcomes[progress.request.request_id].append(outcome)
        self.moments[progress.request.request_id].append(self.clock.now())
        is_raised = outcome.status is Status.RETRY and outcome.follow_up is None
        if is_raised and self.repeats_raised:
            self.again(delivery)

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        """Function Compute takes an asynchronous invocation; it delivers at least once."""
        id = task_id(progress)
        new = id not in self.task_ids
        if new:
            self.task_ids.add(id)
            self._push(0 if self.ignores_delays else delay_seconds, progress_text(progress))
            if self.kill("again"):
                self._push(delay_seconds + 1, progress_text(progress))
        if self.kill("schedule-lost"):
            raise TryLater("InvokeFunction", "Timeout", "no answer.")
        return new

    def again(self, delivery: Delivery) -> None:
        if delivery.tries < self.max_tries:
            wait = self.chance.choice((1.0, 20.0, 60.0))
            self._push(wait, delivery.text, delivery.tries + 1)

    def _begin(self, delivery: Delivery) -> None:
        self.queue.remove(delivery)
        store = self.shared_store if self.ledger.startswith("redis") else MemoryStore()
        if self.ledger == "memory" and self.idle:
            store = self.idle.pop()
        self.alive.append(Invocation(self, delivery, store))

    def _step(self, invocation: Invocation) -> None:
        if self.overlaps:
            self.clock.elapsed += self.chance.choice((0.0, 0.0, 0.1, 0.5, 2.0))
        invocation.go_on()
        while not invocation.over and not self.overlaps:
            invocation.go_on()
        if not invocation.over:
            return
        self.alive.remove(invocation)
        invocation.join()
        if invocation.failure is not None:
            raise invocation.failure
        if invocation.dead:
            self.again(invocation.delivery)
        elif self.ledger == "memory":
            self.idle.append(invocation.store)

    def _ledger(self, invocation: Invocation) -> Ledger:
        delivery = invocation.delivery
        owner = f"fc-{delivery.number}-{delivery.tries}"
        terms = LeaseOptions(owner, LEASE_SECONDS, 172_800, self.clock)
        ledger = LedgerView(
            invocation, MemoryLedger(terms, invocation.store), self.ledger.startswith("redis")
        )
        if not ledger.is_shared:
            return ledger
        return FallbackLedger(
            ledger, MemoryLedger(terms, MemoryStore()), self.ledger == "redis-closed"
        )

    def _push(self, after: float, text: str, tries: int = 0) -> None:
        due = self.clock.elapsed + after
        self.queue.append(Delivery(due, next(self.numbers), text, tries))


class FollowUps:
    """Of one invocation, that may be killed before and after."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        function = self._invocation.function
        if self._invocation.dead or function.kill("schedule"):
            self._invocation.dead = True
            raise Killed
        self._invocation.hop()
        return function.schedule(progress, delay_seconds)


def finals(outcomes: list[Outcome]) -> list[str]:
    """Statuses by which the message ended: one. Where the process was killed between saving its
    outcome and saying it, a later delivery says it, as a duplicate.
    """
    ended = [
        one.status.value
        for one in outcomes
        if one.status not in (Status.RETRY, Status.DUPLICATE)
        and not (one.status is Status.REMOVING and one.follow_up is not None)
    ]
    known = (one.original_status for one in outcomes if one.status is Status.DUPLICATE)
    return ended or [status for status in known if status in SAVED][:1]
