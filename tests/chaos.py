"""Thousands of messages, many handler processes, every fault by chance; the cloud's own log is the judge.

python -m tests.chaos --help. The handlers are the deployed ones, over real sockets, with a real redis-server; they are
killed while they work, meet every kind of fault, and get messages twice and out of order.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from multiprocessing.connection import wait
from random import Random
from typing import Any

import click

from localcloud.clock import SystemClock
from localcloud.ess.model import Activity, Instance, Knobs, ScalingGroup
from localcloud.ess.service import Service
from localcloud.faults import KINDS
from localcloud.fleet import service_of
from localcloud.functions.queue import Functions, Invocation
from localcloud.server import LocalCloud, running
from localcloud.wire import Gate
from tests import processes
from tests.clouds import KEY, group, instances
from tests.fakes import token_of
from tests.redis_server import RedisServer, redis_server

WORKERS = 6
SIZE = 60
GUARDED: list[tuple[dict[str, Any], dict[str, Any]]] = [  # what ESS and the policy say of a group
    ({"minSize": 20}, {}),
    ({"minSize": 0}, {"floor": 30}),
    ({"minSize": 10}, {"budget": {"instances": 40, "windowSeconds": 60}}),
]
GROUPS = {  # every other one has a desired capacity, and so runs removals beside each other
    f"asg-{n}": ({**GUARDED[n // 2 % 3][0], **({"desiredCapacity": SIZE} if n % 2 else {})}, GUARDED[n // 2 % 3][1])
    for n in range(18)
}
STABLE = ("InService", "Protected", "Standby")
MOST_DELIVERIES = 60


class Judge(Service):
    """Auto Scaling, watched at the moment that it accepts a removal. Groups grow again once they are small."""

    violations: list[str]
    told: list[tuple[datetime, str, tuple[str, ...]]]

    def advance(self) -> datetime:
        now = super().advance()
        for scaling_group in self.groups.values():
            if stable(scaling_group) <= least(scaling_group) + 5 and not self.running(scaling_group.scaling_group_id):
                grow(scaling_group, now)
        return now

    def start_removal(self, group: ScalingGroup, removed: list[Instance], activity: Activity, decrease: bool) -> None:
        super().start_removal(group, removed, activity, decrease)
        id = group.scaling_group_id
        self.told.append((activity.started_at, id, tuple(activity.told)))
        if stable(group) < least(group):
            self.violations.append(f"{id}: {stable(group)} stay, {least(group)} must")
        budget = GROUPS[id][1].get("budget")
        if budget:
            since = activity.started_at - timedelta(seconds=budget["windowSeconds"])
            spent = sum(
                left_by(a) for a in self.activities.values() if a.scaling_group_id == id and a.started_at > since
            )
            if spent > budget["instances"]:
                self.violations.append(f"{id}: {spent} within a window, {budget['instances']} may")


@dataclass
class Message:
    id: str
    group: str
    asked: int
    event: bytes
    statuses: list[str] = field(default_factory=list)


@dataclass(order=True)
class Job:
    at: float
    number: int
    event: bytes = field(compare=False)
    message: Message | None = field(compare=False, default=None)
    invocation: Invocation | None = field(compare=False, default=None)
    tries: int = field(compare=False, default=0)


@dataclass
class Report:
    """What came of it."""

    messages: int = 0
    deliveries: int = 0
    kills: int = 0
    pauses: int = 0
    follow_ups: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    removals: int = 0
    removed: int = 0
    violations: list[str] = field(default_factory=list)

    def text(self) -> str:
        told = [
            f"{self.messages} messages, {self.deliveries} deliveries, {self.follow_ups} follow-ups, "
            f"{self.seconds:.0f} s",
            f"{self.kills} kills of {WORKERS} processes, {self.pauses} pauses of the ledger",
            f"{sum(self.faults.values())} faults: {told_of(self.faults)}",
            f"{self.removals} removals of {self.removed} instances",
            f"outcomes of invocations: {told_of(self.outcomes)}",
            f"violations: {len(self.violations)}",
        ]
        return "\n".join([*told, *self.violations[:20]])


def told_of(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.most_common())


def left_by(activity: Activity) -> int:
    """Instances; while it runs, as many as it may take."""
    return len(activity.told if activity.status_code == "InProgress" else activity.destroyed)


def stable(scaling_group: ScalingGroup) -> int:
    return sum(i.lifecycle_state in STABLE for i in scaling_group.instances.values())


def least(scaling_group: ScalingGroup) -> int:
    return int(max(scaling_group.min_size, GROUPS[scaling_group.scaling_group_id][1].get("floor", 0)))


def grow(scaling_group: ScalingGroup, now: datetime) -> None:
    missing = SIZE - len(scaling_group.instances)
    number = len(scaling_group.left) + len(scaling_group.instances)
    for n in range(number, number + max(0, missing)):
        id = f"i-{scaling_group.scaling_group_id}-{n}-{now.timestamp():.3f}"
        scaling_group.instances[id] = Instance(id, now)
    if scaling_group.desired_capacity is not None:
        scaling_group.desired_capacity = scaling_group.total_capacity


def messages(number: int, chance: Random) -> Iterator[Message]:
    for n in range(number):
        group_id, asked = chance.choice(list(GROUPS)), chance.choice([1, 1, 2, 3, 5, 25, 35])
        request = {"scalingGroupId": group_id, "remove": {"count": asked}, "requestId": f"m-{n}"}
        yield Message(f"m-{n}", group_id, asked, json.dumps(request).encode())


def enveloped(message: Message) -> bytes:
    """As an event bus would: with the time at which it was sent."""
    now = datetime.now(timezone.utc).isoformat()
    return json.dumps(
        {"specversion": "1.0", "type": "x", "id": message.id, "time": now, "data": json.loads(message.event)}
    ).encode()


class Seat:
    """A process that serves one event after the other, and what it is at."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.worker = processes.Worker(variables)
        self.job: Job | None = None
        self.dies_at: float | None = None


class Chaos:
    """Hands everything out, at least once, until nothing is left."""

    def __init__(
        self, number: int, seed: int, rate: float, cloud: LocalCloud, ledger: RedisServer, variables: dict[str, str]
    ) -> None:
        self.chance = Random(seed)
        self.cloud, self.ledger, self.variables = cloud, ledger, variables
        self.messages = {message.id: message for message in messages(number, self.chance)}
        self.unsent = list(self.messages.values())
        self.jobs: list[Job] = []
        self.numbers = count()
        self.report = Report(number)
        self.served: Callable[[int], object] = lambda _: None  # told how many more messages have an outcome
        self.paused_until = 0.0
        cloud.faults.at_random(rate, [kind for kind in KINDS if kind != "token-expired"], seed)

    def run(self) -> Report:
        begun = time.monotonic()
        workers = [Seat(self.variables) for _ in range(WORKERS)]
        while self.unsent or self.jobs or self.cloud.functions.waiting or any(seat.job for seat in workers):  # type: ignore[union-attr]
            self._feed()
            workers = [self._worked(seat) for seat in workers]
            wait([seat.worker.pipe for seat in workers], timeout=0.01)
        for seat in workers:
            seat.worker.kill()
        self.report.seconds = time.monotonic() - begun
        self._judge()
        return self.report

    def _feed(self) -> None:
        now = time.monotonic()
        while self.unsent and len(self.jobs) < 100:
            message = self.unsent.pop()
            event = enveloped(message)
            for _ in range(2 if self.chance.random() < 0.2 else 1):  # twice, and not in order
                self._push(now + self.chance.random() * 0.5, event, message)
        for invocation in self.cloud.functions.due():  # type: ignore[union-attr]
            self.report.follow_ups += 1
            heapq.heappush(self.jobs, Job(now, next(self.numbers), invocation.event, invocation=invocation))
        if self.paused_until and now > self.paused_until:
            self.ledger.resume()
            self.paused_until = 0.0
        elif not self.paused_until and self.chance.random() < 0.0005:
            self.report.pauses += 1
            self.ledger.pause()
            self.paused_until = now + 1.5

    def _push(self, at: float, event: bytes, message: Message | None, tries: int = 0) -> None:
        heapq.heappush(self.jobs, Job(at, next(self.numbers), event, message, tries=tries))

    def _worked(self, seat: Seat) -> Seat:
        now = time.monotonic()
        if seat.job and seat.worker.pipe.poll():
            answer = seat.worker.answer()
            assert answer
            self._answered(seat.job, answer.outcome, answer.raised)
            seat.job, seat.dies_at = None, None
        if seat.job and seat.dies_at and now > seat.dies_at:
            seat.worker.kill()
            self.report.kills += 1
            self._again(seat.job)
            return Seat(self.variables)
        if seat.job is None and self.jobs and self.jobs[0].at <= now:
            seat.job = heapq.heappop(self.jobs)
            self.report.deliveries += 1
            seat.dies_at = now + self.chance.random() * 0.1 if self.chance.random() < 0.05 else None
            seat.worker.send(processes.Job(seat.job.event, request_id=f"fc-{seat.job.number}", timeout=3))
        return seat

    def _answered(self, job: Job, told: dict[str, Any], raised: bool) -> None:
        self.report.outcomes[told["status"]] += 1
        message = self.messages.get(str(told["requestId"]))
        if message:
            self.served(int(not message.statuses))
            message.statuses.append(told["status"])
        if raised:
            self._again(job)

    def _again(self, job: Job) -> None:
        """As the trigger does, or Function Compute for a follow-up."""
        job.tries += 1
        job.at, job.number = time.monotonic() + self.chance.uniform(0.05, 0.5), next(self.numbers)
        if job.tries < MOST_DELIVERIES:
            heapq.heappush(self.jobs, job)

    def _judge(self) -> None:
        report, service = self.report, self.cloud.service
        assert isinstance(service, Judge)
        tokens = {
            token_of(message.group, message.id, n): message for message in self.messages.values() for n in range(40)
        }
        effects: dict[str, set[str]] = defaultdict(set)
        for call in self.cloud.calls:
            if call.action == "RemoveInstances" and call.status == 200 and call.activity_id:
                asker = tokens.get(call.params["ClientToken"])
                effects[asker.id if asker else "?"].add(call.activity_id)
        for id, activities in effects.items():
            gone = [gone for activity_id in activities for gone in service.activities[activity_id].told]
            asked = self.messages[id].asked if id != "?" else 0
            most = -(-asked // 20)
            if len(gone) > asked or len(set(gone)) < len(gone) or len(activities) > most + (most > 1):
                report.violations.append(f"{id} asked for {asked}; {len(activities)} removals took {len(gone)}")
        report.violations += service.violations
        report.violations += [f"{m.id} has no outcome" for m in self.messages.values() if not m.statuses]
        report.faults = self.cloud.faults.happened
        report.removals, report.removed = len(service.told), sum(len(ids) for _, _, ids in service.told)


def chaos(number: int, seed: int, rate: float, served: Callable[[int], object] = lambda _: None) -> Report:
    """All of it, once."""
    groups = [group(*instances(SIZE), scalingGroupId=id, **facts) for id, (facts, _) in GROUPS.items()]
    policy = {"whenLedgerIsGone": "closed", "groups": {id: rules for id, (_, rules) in GROUPS.items()}}
    clock = SystemClock()
    made = service_of({"groups": groups}, clock, Knobs(activity_seconds=0.2))
    service = Judge(clock, made.region_id, made.knobs, made.groups)
    service.violations, service.told = [], []
    cloud = LocalCloud(service, Gate(KEY.access_key_id, KEY.access_key_secret), functions=Functions(FastQueue()))
    cloud.calls = Calls()
    with redis_server() as ledger, running(cloud) as endpoint:
        variables = {
            "SCALEIN_ESS_ENDPOINT": endpoint,
            "SCALEIN_FC_ENDPOINT": endpoint,
            "SCALEIN_FOLLOW_UP_KEY": "a key for chaos that is long enough",
            "SCALEIN_LEDGER": ledger.url,
            "SCALEIN_POLICY": json.dumps(policy),
            "SCALEIN_READ_TIMEOUT_SECONDS": "1",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
        }
        made = Chaos(number, seed, rate, cloud, ledger, variables)
        made.served = served
        return made.run()


class FastQueue(SystemClock):
    """Follow-ups come sixty times as soon as they were asked for."""

    def __init__(self) -> None:
        self._start = super().now()

    def now(self) -> datetime:
        return self._start + 60 * (super().now() - self._start)


class Calls(list[Any]):
    """All of them: the judge needs the whole log."""


@click.command(context_settings={"show_default": True})
@click.option("--messages", default=10_000, help="How many.")
@click.option("--seed", default=1, help="Of messages, faults and kills.")
@click.option("--rate", default=0.1, help="Share of calls that meet a fault.")
def main(messages: int, seed: int, rate: float) -> None:
    """Lets chaos loose, and reports."""
    with click.progressbar(length=messages, label="Messages", file=sys.stderr) as bar:
        report = chaos(messages, seed, rate, bar.update)
    click.echo(report.text())
    raise SystemExit(bool(report.violations))


if __name__ == "__main__":
    main()
