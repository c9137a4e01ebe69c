"""Whatever is late, lost, killed or doubled: each message has one effect, the group never falls
below MinSize or floor, and no outcome lies. Judged by what the simulated cloud did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

import pytest

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import RemovalRequest, Target
from scalein.decision.progress import client_token, message_key
from scalein.decision.reasons import Status
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.examples import max_examples
from tests.support.simulated import MAX_LAG, Function, finals
from tests.support.simulated_ess import Removing, SimulatedEss

ENDINGS = (
    *("Successful", "Warning", "Warning unlisted", "Failed", "Failed unlisted"),
    "Rejected unlisted",
)
EXAMPLES = max_examples()
SEEDS = EXAMPLES if EXAMPLES > 1_000 else 40
COMBINED = EXAMPLES // 15 if EXAMPLES > 1_000 else 3
SIZE, MIN_SIZE, FLOOR = 60, 10, 15
ACTED = (Status.REMOVING, Status.REMOVED, Status.PARTLY_REMOVED)
ENDED = (Status.REMOVED, Status.PARTLY_REMOVED, Status.FAILED)
INACTION = (Status.AT_TARGET, Status.BLOCKED, Status.REFUSED, Status.EXPIRED, Status.DRY_RUN)

Fault = Callable[[Random, int], str]


@dataclass
class Conditions:
    """What a story goes through."""

    ledger: str = "redis"
    follows_up: bool = True
    desired: bool = True
    lists_late: bool = True
    history_late: bool = True
    fault: Fault = lambda chance, call: ""
    messages: int = 1
    changes: bool = False  # health and state of instances change in the meantime
    kills: bool = False
    overlaps: bool = False  # invocations run beside each other
    others: bool = False  # a person removes instances too
    endings: tuple[str, ...] = ("Successful",)
    outages: float = 0.0  # of the ledger's answers that do not come
    activity_seconds: float = 20.0


@dataclass
class Story:
    """Messages for one group, and what became of them."""

    ess: SimulatedEss
    function: Function
    requested: dict[str, int]
    tokens: dict[str, set[str]]  # that the calls of each message may have

    def removals(self, id: str) -> list[Removing]:
        return [one for one in self.ess.accepted if one.token in self.tokens[id]]

    def check(self) -> None:
        self.check_headroom()
        self.check_effects()
        self.check_truth()

    def check_headroom(self) -> None:
        assert self.ess.lowest >= max(MIN_SIZE, FLOOR)

    def check_effects(self) -> None:
        """One effect: in all its calls together, a message never names more than it requests."""
        for id, requested in self.requested.items():
            ids = {one for activity in self.removals(id) for one in activity.instance_ids}
            assert len(ids) <= requested, (id, requested, len(ids))

    def check_truth(self) -> None:
        for id in self.requested:
            moments = self.function.moments[id]
            for outcome, said_at in zip(self.function.outcomes[id], moments, strict=True):
                self.check_outcome(id, outcome, said_at)

    def check_outcome(self, id: str, outcome: Outcome, said_at: datetime) -> None:
        """What an outcome says of the message against what comes of all calls made before it."""
        own = {one.id: one for one in self.removals(id) if one.sent_at <= said_at}
        removed = {one for activity in own.values() for one in activity.removed_ids}
        accepted = {one for activity in own.values() for one in activity.instance_ids}
        said = (id, outcome.status.value, outcome.message)
        if outcome.status in INACTION:
            assert not own, said
        if outcome.status in (*ACTED, *ENDED):
            assert set(outcome.accepted) <= accepted, said
            assert set(outcome.scaling_activity_ids) <= own.keys(), said
        if outcome.status in ENDED:
            assert outcome.result is not None
            assert set(outcome.result.removed) <= removed, said
            assert not removed & {one for one, _ in outcome.result.not_removed}, said


def story(seed: int, on: Conditions) -> Story:
    chance, clock = Random(seed), DrivenClock(NOON)
    ess = SimulatedEss(clock, SIZE, MIN_SIZE, on.desired, on.activity_seconds)
    ess.lists_lag = lambda: chance.uniform(0, MAX_LAG) if on.lists_late else 0.0
    ess.history_lag = lambda: chance.uniform(0, MAX_LAG) if on.history_late else 0.0
    ess.fault = lambda: on.fault(chance, ess.calls)
    ess.late_seconds = lambda: chance.uniform(0, 60)
    ess.ending = lambda: chance.choice(on.endings)
    function = Function(ess, clock, on.ledger, on.follows_up, chance, GroupPolicy(floor=FLOOR))
    function.overlaps = on.overlaps
    function.ledger_fails = lambda: chance.random() < on.outages
    if on.kills:
        function.kill = lambda step: chance.random() < (0.15 if step == "again" else 0.1)
    requested = {}
    for number in range(on.messages):
        id, count = f"m-{number}", chance.choice([1, 2, 5, 25, 40])
        requested[id] = count
        sent_at = clock.now() if chance.random() < 0.7 else None
        request = RemovalRequest("asg-1", id, Target(instances=count), sent_at=sent_at)
        after = chance.uniform(0, 60)
        function.send(request, after)
        if chance.random() < 0.3:
            function.send(request, after + chance.uniform(0, 90))  # delivered twice
    for _ in range(400 if on.changes or on.others else 0):
        function.run(10)
        ess.advance()
        if on.changes:
            state = chance.choice(["Standby", "InService", "InService"])
            ess.change(f"i-{chance.randrange(SIZE):03}", state)
        if on.others and chance.random() < 0.02 and len(ess.states) > FLOOR + 10:
            ess.remove_by_other(tuple(chance.sample(sorted(ess.states), 2)))
    function.run()
    clock.elapsed += 3_600
    ess.advance()
    return Story(ess, function, requested, {id: tokens_of(id) for id in requested})


def tokens_of(id: str) -> set[str]:
    key = message_key(RemovalRequest("asg-1", id, Target(instances=1)))
    return {client_token(key, number) for number in range(200)}


FAULTS: dict[str, Fault] = {
    "nothing": lambda chance, call: "",
    "answer lost": lambda chance, call: "lost" if call == 1 else "",
    "killed before": lambda chance, call: "killed-before" if call == 1 else "",
    "killed after": lambda chance, call: "killed-after" if call == 1 else "",
    "carried out late": lambda chance, call: "late" if call == 1 else "",
}


@pytest.mark.parametrize("changed", [False, True], ids=["same selection", "changed selection"])
@pytest.mark.parametrize("desired", [False, True], ids=["one at a time", "desired capacity"])
@pytest.mark.parametrize(
    ("lists", "history"),
    [(False, False), (True, False), (False, True), (True, True)],
    ids=["present", "lists late", "history late", "both late"],
)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("follows_up", [False, True], ids=["trigger", "follow-ups"])
@pytest.mark.parametrize("ledger", ["none", "memory", "redis"])
def test_one_message_has_one_effect(
    ledger: str,
    follows_up: bool,
    fault: str,
    lists: bool,
    history: bool,
    desired: bool,
    changed: bool,
) -> None:
    on = Conditions(ledger, follows_up, desired, lists, history, FAULTS[fault], changes=changed)
    for seed in range(COMBINED):
        story(seed, on).check()


def at_random(chance: Random, call: int) -> str:
    wrong = ("lost", "unsent", "late", "killed-before", "killed-after", "killed-late")
    refused = ("throttled", "refused", "in-progress", "paused")
    return chance.choice(["", "", "", "", "", *wrong, *refused])


@pytest.mark.slow
@pytest.mark.parametrize("overlaps", [False, True], ids=["in turn", "overlapping"])
@pytest.mark.parametrize("desired", [False, True], ids=["one at a time", "desired capacity"])
@pytest.mark.parametrize("ledger", ["none", "memory", "redis", "redis-closed"])
def test_one_message_has_one_effect_under_all_faults_at_once(
    ledger: str, desired: bool, overlaps: bool
) -> None:
    for seed in range(SEEDS):
        on = Conditions(
            ledger,
            seed % 3 > 0,
            desired,
            fault=at_random,
            changes=seed % 2 == 0,
            kills=True,
            overlaps=overlaps,
            outages=0.1 if ledger == "redis-closed" else 0.0,
            endings=ENDINGS if seed % 4 == 0 else ("Successful",),
        )
        story(seed, on).check()


@pytest.mark.slow
@pytest.mark.parametrize("desired", [False, True], ids=["one at a time", "desired capacity"])
@pytest.mark.parametrize("messages", [1, 6])
def test_a_message_has_one_effect_though_redis_fails_at_times_and_the_function_goes_on_without(
    messages: int, desired: bool
) -> None:
    """An outcome may say less than was done then: what was done meanwhile is not known."""
    for seed in range(SEEDS):
        on = Conditions(
            "redis",
            desired=desired,
            fault=at_random,
            messages=messages,
            changes=seed % 2 == 0,
            kills=True,
            overlaps=seed % 3 == 0,
            outages=0.1,
        )
        story(seed, on).check_effects()


@pytest.mark.slow
@pytest.mark.parametrize("desired", [False, True], ids=["one at a time", "desired capacity"])
@pytest.mark.parametrize("ledger", ["none", "memory"])
def test_many_messages_without_a_shared_ledger_have_one_effect_each(
    ledger: str, desired: bool
) -> None:
    """MinSize holds where ESS itself takes one removal at a time; else only Redis keeps it."""
    for seed in range(SEEDS):
        on = Conditions(
            ledger,
            desired=desired,
            fault=at_random,
            messages=6,
            changes=seed % 2 == 0,
            kills=True,
            overlaps=seed % 3 == 0,
        )
        found = story(seed, on)
        found.check_effects()
        assert desired or found.ess.lowest >= MIN_SIZE


@pytest.mark.slow
@pytest.mark.parametrize("overlaps", [False, True], ids=["in turn", "overlapping"])
@pytest.mark.parametrize("desired", [False, True], ids=["one at a time", "desired capacity"])
@pytest.mark.parametrize("ledger", ["redis", "redis-closed"])
def test_many_messages_with_a_shared_ledger_have_one_effect_and_one_end_each(
    ledger: str, desired: bool, overlaps: bool
) -> None:
    for seed in range(SEEDS):
        on = Conditions(
            ledger,
            desired=desired,
            fault=at_random,
            messages=6,
            changes=seed % 2 == 0,
            kills=True,
            overlaps=overlaps,
            outages=0.05 if ledger == "redis-closed" else 0.0,
            endings=ENDINGS if seed % 4 == 0 else ("Successful",),
        )
        found = story(seed, on)
        found.check()
        for id, outcomes in found.function.outcomes.items():
            assert len(finals(outcomes)) == 1, (seed, id, [one.status.value for one in outcomes])
