"""Thousands of messages, many processes, every fault by chance; the cloud's own record judges.

python -m tests.chaos --help. The handlers are the deployed ones, over real sockets, with a real
redis-server. They are killed while they work, meet every kind of fault, read lists and histories of
up to a minute ago, and get messages and follow-ups twice and out of order.

Handlers, cloud, queue and ledger share one clock that is faster than the real one. So lag, settle
time, leases and delays keep the proportions of production. Sockets wait in real time.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from multiprocessing.connection import wait
from random import Random
from typing import Any

import click

from localcloud.authenticator import Authenticator
from localcloud.ess.model import Activity, Assumptions, Instance, ScalingGroup
from localcloud.ess.service import Service
from localcloud.faults import KINDS
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.lag import Lag
from localcloud.server import LocalCloud, running
from scalein.decision.model import RemovalRequest, Target
from scalein.decision.progress import client_token, message_key
from tests.support import processes, truth
from tests.support.clouds import group, instances
from tests.support.deployment import KEY
from tests.support.outcomes import response_faults
from tests.support.redis_server import RedisServer, redis_server

WORKERS = 6
SIZE = 60
GUARDED: list[tuple[dict[str, Any], dict[str, Any]]] = [  # what ESS and the policy say of a group
    ({"minSize": 20}, {}),
    ({"minSize": 0}, {"floor": 30}),
    ({"minSize": 10}, {"budget": {"instances": 40, "windowSeconds": 1_200}}),
]
GROUPS = {  # every other one has a desired capacity, and so runs removals beside each other
    f"asg-{n}": (
        {**GUARDED[n // 2 % 3][0], **({"desiredCapacity": SIZE} if n % 2 else {})},
        GUARDED[n // 2 % 3][1],
    )
    for n in range(72)
}
REMOVING = ("Removing", "Removing:Wait")
UNUSED = (
    "token-expired",
    "stale-read",
    "too-large",
    "gzip-bomb",
)  # the lag is a stale read; the last two cost seconds
MAX_OPEN, MAX_WAITING = (
    200,
    40,
)  # messages without an outcome; events that no process has taken yet
MAX_DELIVERIES = 60
RATE = 20.0  # seconds of this world in a real one
LAG_SECONDS, ACTIVITY_SECONDS, TIMEOUT_SECONDS = 60.0, 20.0, 60
TICK_SECONDS = 0.1  # real ones, between two times that the ledger's keys are made older
ENDING_KEYS = ("*:lease", "*:inflight", "*:claim:*", "*:pauses")  # the others outlast any run
PAUSE_EVERY_SECONDS, PAUSE_SECONDS = 15.0, 1.0  # real ones
MAX_TOKENS = 40  # of a message
STUCK = timedelta(hours=3)
HISTORY_RETENTION = timedelta(hours=1)  # that an activity is in the history once it has ended


class WatchedService(Service):
    """Auto Scaling, checked whenever it accepts a removal. Small groups grow again."""

    violations: list[str]
    archive: dict[
        str, Activity
    ]  # all that it ever did; the history forgets, or each read would look at all of it

    def advance(self) -> datetime:
        now = super().advance()
        for scaling_group in self.groups.values():
            if remaining_size(scaling_group) <= min_remaining(
                scaling_group
            ) + 5 and not self.running(scaling_group.scaling_group_id):
                grow(scaling_group, now)
        return now

    def start_removal(
        self, group: ScalingGroup, removed: list[Instance], activity: Activity, decrease: bool
    ) -> None:
        for id, old in list(self.activities.items()):
            if (
                old.status_code == "InProgress"
                or activity.started_at - old.ends_at < HISTORY_RETENTION
            ):
                break
            del self.activities[id]
        super().start_removal(group, removed, activity, decrease)
        self.archive[activity.scaling_activity_id] = activity
        if remaining_size(group) < min_remaining(group):
            self.violations.append(
                f"{group.scaling_group_id}: {remaining_size(group)} instances remain, "
                f"{min_remaining(group)} must"
            )


@dataclass
class Message:
    id: str
    group: str
    requested: int
    event: bytes
    said: list[truth.Said] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return not truth.ends(self.said)


@dataclass(order=True)
class Job:
    at: float
    number: int
    event: bytes = field(compare=False)
    tries: int = field(compare=False, default=0)


@dataclass
class Report:
    """What came of it."""

    messages: int = 0
    deliveries: int = 0
    kills: int = 0
    timeouts: int = 0
    pauses: int = 0
    follow_ups: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    final: Counter[str] = field(default_factory=Counter)
    removals: int = 0
    removed: int = 0
    violations: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [
            f"{self.messages} messages, {self.deliveries} invocations, "
            f"{self.follow_ups} of them follow-ups, {self.seconds:.0f} s",
            f"{self.kills} kills of {WORKERS} processes, {self.timeouts} timeouts, "
            f"{self.pauses} pauses of the ledger",
            f"{sum(self.faults.values())} faults: {numbers_of(self.faults)}",
            f"{self.removals} removals of {self.removed} instances",
            f"outcomes of invocations: {numbers_of(self.outcomes)}",
            f"final outcomes: {numbers_of(self.final)}",
            f"violations: {len(self.violations)}",
        ]
        return "\n".join([*lines, *self.violations[:40]])


def numbers_of(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.most_common())


def remaining_size(scaling_group: ScalingGroup) -> int:
    """Returns how many instances no removal takes, whatever others do to them in the meantime."""
    return sum(i.lifecycle_state not in REMOVING for i in scaling_group.instances.values())


def min_remaining(scaling_group: ScalingGroup) -> int:
    return int(
        max(scaling_group.min_size, GROUPS[scaling_group.scaling_group_id][1].get("floor", 0))
    )


def grow(scaling_group: ScalingGroup, now: datetime) -> None:
    missing = SIZE - len(scaling_group.instances)
    number = len(scaling_group.departed) + len(scaling_group.instances)
    for n in range(number, number + max(0, missing)):
        id = f"i-{scaling_group.scaling_group_id}-{n}-{now.timestamp():.3f}"
        scaling_group.instances[id] = Instance(id, now)
    if scaling_group.desired_capacity is not None:
        scaling_group.desired_capacity = scaling_group.total_capacity


def messages(number: int, chance: Random) -> Iterator[Message]:
    for n in range(number):
        group_id, requested = (
            chance.choice(list(GROUPS)),
            chance.choice([1, 1, 2, 3, 5, 25, 35]),
        )
        request = {
            "scalingGroupId": group_id,
            "remove": {"count": requested},
            "requestId": f"m-{n}",
        }
        yield Message(f"m-{n}", group_id, requested, json.dumps(request).encode())


def enveloped(message: Message, now: datetime) -> bytes:
    """As an event bus would: with the time at which it was sent."""
    data = json.loads(message.event)
    return json.dumps(
        {"specversion": "1.0", "type": "x", "id": message.id, "time": now.isoformat(), "data": data}
    ).encode()


class Seat:
    """A process that serves one event after the other, and what it is at."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.worker = processes.Worker(variables)
        self.job: Job | None = None
        self.dies_at = 0.0
        self.ends_at = 0.0


class Chaos:
    """Hands everything out, at least once, until nothing is left."""

    def __init__(
        self,
        number: int,
        seed: int,
        cloud: LocalCloud,
        clock: processes.FastClock,
        variables: dict[str, str],
    ) -> None:
        self.chance = Random(seed)
        self.cloud, self.clock, self.variables = cloud, clock, variables
        self.messages = {message.id: message for message in messages(number, self.chance)}
        self.unsent = list(self.messages.values())
        self.open: set[str] = set()
        self.jobs: list[Job] = []
        self.numbers = count()
        self.report = Report(number)
        self.crashes: list[str] = []
        self.last_end = clock.now()
        self.ended: Callable[[int], object] = lambda _: (
            None
        )  # called with how many more messages have a final outcome

    def run(self, ledger: RedisServer) -> Report:
        begun = time.monotonic()
        ledger_clock = LedgerClock(ledger, self.clock.rate, self.chance)
        workers = [Seat(self.variables) for _ in range(WORKERS)]
        while self._goes_on() or any(seat.job for seat in workers):
            ledger_clock.tick()
            self._feed()
            workers = [self._worked(seat) for seat in workers]
            wait([seat.worker.pipe for seat in workers], timeout=0.01)
        for seat in workers:
            seat.worker.kill()
        self.report.seconds, self.report.pauses = time.monotonic() - begun, ledger_clock.pauses
        self._judge()
        return self.report

    def _goes_on(self) -> bool:
        """Whether to go on: not where no message has ended for long, which the judge reports."""
        waiting = self.cloud.functions.waiting  # type: ignore[union-attr]
        return (
            bool(self.unsent or self.jobs or waiting) and self.clock.now() - self.last_end < STUCK
        )

    def _feed(self) -> None:
        now = time.monotonic()
        while self.unsent and len(self.open) < MAX_OPEN and len(self.jobs) < MAX_WAITING:
            message = self.unsent.pop()
            self.open.add(message.id)
            event = enveloped(message, self.clock.now())
            for _ in range(2 if self.chance.random() < 0.2 else 1):  # twice, and not in order
                self._push(now + self.chance.random() * 0.5, event)
        for invocation in self.cloud.functions.take_due():  # type: ignore[union-attr]
            self.report.follow_ups += 1
            self._push(now, invocation.event)
            if self.chance.random() < 0.1:  # at least once
                self._push(now + self.chance.random(), invocation.event)

    def _push(self, at: float, event: bytes, tries: int = 0) -> None:
        heapq.heappush(self.jobs, Job(at, next(self.numbers), event, tries))

    def _worked(self, seat: Seat) -> Seat:
        now = time.monotonic()
        if seat.job and seat.worker.pipe.poll():
            answer = seat.worker.answer()
            assert answer
            self._answered(seat.job, answer.outcome, answer.raised)
            seat.job = None
        if seat.job and now > min(seat.dies_at, seat.ends_at):
            seat.worker.kill()
            if seat.dies_at < seat.ends_at:
                self.report.kills += 1
            else:
                self.report.timeouts += 1  # as the platform ends an invocation
            self._again(seat.job)
            return Seat(self.variables)
        if seat.job is None and self.jobs and self.jobs[0].at <= now:
            seat.job = heapq.heappop(self.jobs)
            self.report.deliveries += 1
            seat.ends_at = now + TIMEOUT_SECONDS / self.clock.rate
            seat.dies_at = (
                now + self.chance.random() * 0.1 if self.chance.random() < 0.05 else seat.ends_at
            )
            seat.worker.send(
                processes.Job(
                    seat.job.event,
                    self.clock,
                    request_id=f"fc-{seat.job.number}",
                    timeout=TIMEOUT_SECONDS,
                    counts=False,
                )
            )
        return seat

    def _answered(self, job: Job, outcome: dict[str, Any], raised: bool) -> None:
        self.report.outcomes[outcome["status"]] += 1
        if outcome["status"] == processes.CRASHED:
            self.crashes.append(outcome["message"])
            self._again(job)
            return
        message = self.messages[str(outcome["requestId"])]
        self.crashes += response_faults(outcome)
        message.said.append(truth.Said(self.clock.now(), outcome))
        if message.id in self.open and message.is_over:
            self.open.remove(message.id)
            self.last_end = self.clock.now()
            self.ended(1)
        if raised:
            self._again(job)

    def _again(self, job: Job) -> None:
        """As the trigger does, or Function Compute for a follow-up."""
        job.tries += 1
        job.at, job.number = time.monotonic() + self.chance.uniform(0.05, 0.5), next(self.numbers)
        if job.tries < MAX_DELIVERIES:
            heapq.heappush(self.jobs, job)

    def _judge(self) -> None:
        service = self.cloud.service
        assert isinstance(service, WatchedService)
        service.advance()
        dids = {id: truth.Did.of(activity) for id, activity in service.archive.items()}
        self.report.violations = [*self.crashes, *service.violations]
        self.report.violations += violations(list(self.messages.values()), service.tokens, dids)
        self.report.faults = self.cloud.faults.occurrences
        self.report.removals = len(dids)
        self.report.removed = sum(len(did.removed) for did in dids.values())
        for message in self.messages.values():
            self.report.final.update(truth.finals(message.said) or {"none"})


def violations(
    sent: list[Message], tokens: Mapping[str, Any], dids: Mapping[str, truth.Did]
) -> list[str]:
    """Returns all that the judges find. `tokens`: what the cloud knows of each ClientToken."""
    own, unknown = defaultdict[str, list[truth.Did]](list), dict(dids)
    for message in sent:
        key = message_key(RemovalRequest(message.group, message.id, Target(instances=1)))
        for token in (client_token(key, number) for number in range(MAX_TOKENS)):
            _, _, reply = tokens.get(token, (None, "", None))
            if reply is not None:
                own[message.id].append(unknown.pop(reply["ScalingActivityId"]))
    found = [
        f"{did.activity_id} removed {len(did.instance_ids)} instances for no message"
        for did in unknown.values()
    ]
    for message in sent:
        did = own[message.id]
        wrong = (
            truth.excess(message.requested, did)
            + truth.ends(message.said)
            + truth.lies(message.said, did)
        )
        found += [f"{message.id}: {one}" for one in wrong]
    for id, (_, rules) in GROUPS.items():
        if budget := rules.get("budget"):
            of_group, window = (
                (did for did in dids.values() if did.group == id),
                budget["windowSeconds"],
            )
            over = truth.over_budget(of_group, budget["instances"], timedelta(seconds=window))
            found += [f"{id}: {one}" for one in over]
    return found


class LedgerClock:
    """Keeps a ledger, whose server knows real time only, on this clock; at times it hangs."""

    def __init__(self, ledger: RedisServer, rate: float, chance: Random) -> None:
        self.pauses = 0
        self._ledger, self._rate, self._chance = ledger, rate, chance
        self._at = time.monotonic()
        self._pause_at = self._at + chance.expovariate(1 / PAUSE_EVERY_SECONDS)
        self._paused = False

    def tick(self) -> None:
        now = time.monotonic()
        if self._paused and now > self._pause_at + PAUSE_SECONDS:
            self._ledger.resume()
            self._paused, self._pause_at = (
                False,
                now + self._chance.expovariate(1 / PAUSE_EVERY_SECONDS),
            )
        elif not self._paused and now > self._pause_at:
            self.pauses += 1
            self._ledger.pause()
            self._paused = True
        if not self._paused and now - self._at > TICK_SECONDS:
            self._ledger.advance((self._rate - 1) * (now - self._at), ENDING_KEYS)
            self._at = now


def chaos(
    number: int, seed: int, rate: float, ended: Callable[[int], object] = lambda _: None
) -> Report:
    """All of it, once. `rate`: share of calls that meet a fault."""
    groups = [
        group(*instances(SIZE), scalingGroupId=id, **attributes)
        for id, (attributes, _) in GROUPS.items()
    ]
    policy = {
        "ledgerUnavailable": "failClosed",
        "groups": {id: rules for id, (_, rules) in GROUPS.items()},
    }
    clock = processes.FastClock.starting_now(RATE)
    made = service_of({"groups": groups}, clock, Assumptions(activity_seconds=ACTIVITY_SECONDS))
    service = WatchedService(clock, made.region_id, made.assumptions, made.groups)
    service.violations, service.archive = [], {}
    cloud = LocalCloud(
        service,
        Authenticator(KEY.access_key_id, KEY.access_key_secret),
        functions=InvocationQueue(clock),
    )
    cloud.lag = Lag(LAG_SECONDS, LAG_SECONDS, varies=True, chance=Random(seed))
    cloud.faults.set_random(
        rate, [kind for kind in KINDS if kind not in UNUSED], seed, seconds=5 / RATE
    )
    with redis_server() as ledger, running(cloud) as endpoint:
        variables = {
            "SCALEIN_ESS_ENDPOINT": endpoint,
            "SCALEIN_FC_ENDPOINT": endpoint,
            "SCALEIN_FOLLOW_UP_KEY": "a key for chaos that is long enough",
            "SCALEIN_LEDGER": ledger.url,
            "SCALEIN_POLICY": json.dumps(policy),
            "SCALEIN_CONNECT_TIMEOUT_SECONDS": "0.5",  # sockets know real time
            "SCALEIN_READ_TIMEOUT_SECONDS": "0.5",
            "SCALEIN_DEADLINE_MARGIN_SECONDS": "4",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
        }
        world = Chaos(number, seed, cloud, clock, variables)
        world.ended = ended
        return world.run(ledger)


@click.command(context_settings={"show_default": True})
@click.option("--messages", default=10_000, help="How many.")
@click.option("--seed", default=1, help="Of messages, faults, lags and kills.")
@click.option("--rate", default=0.1, help="Share of calls that meet a fault.")
def main(messages: int, seed: int, rate: float) -> None:
    """Lets chaos loose, and reports."""
    with click.progressbar(length=messages, label="Messages", file=sys.stderr) as bar:
        report = chaos(messages, seed, rate, bar.update)
    click.echo(report.text())
    raise SystemExit(bool(report.violations))


if __name__ == "__main__":
    main()
