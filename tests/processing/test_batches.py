"""What many messages cost: in proportion to their number, and in bounded memory."""

from __future__ import annotations

import json
import time
import tracemalloc

from scalein.intake.envelopes import parse_event
from scalein.ledger.memory import MemoryLedger, MemoryStore
from scalein.ledger.protocol import LeaseOptions, MessageRef
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from tests.support.clock import DrivenClock
from tests.support.fakes import FakeEss, dependencies_of
from tests.support.fleets import fleet

GROUPS = 3


def seconds_for(messages: int, **policy: object) -> float:
    """Returns the processor time of a batch of requests for three groups; most meet MinSize."""
    ess = FakeEss(*(fleet(100, 95, id=f"asg-{n}") for n in range(GROUPS)))
    groups = {f"asg-{n}": policy for n in range(GROUPS)}
    clock = DrivenClock()
    known = read_policy(json.dumps({"groups": groups}))
    processor = BatchProcessor(known, dependencies_of(ess, clock, seconds=59))
    requests = [
        {"scalingGroupId": f"asg-{n % GROUPS}", "remove": {"count": 1}, "requestId": f"r-{n}"}
        for n in range(messages)
    ]
    event = parse_event(json.dumps(requests).encode())
    began = time.process_time()
    assert len(list(processor.process(event))) == messages
    return time.process_time() - began


def test_ten_times_the_messages_cost_about_ten_times_the_time() -> None:
    one, ten = min(seconds_for(300) for _ in range(3)), seconds_for(3_000)

    assert ten < 25 * one  # 10, and not 100


def test_memory_holds_no_more_however_many_messages_were_processed() -> None:
    """Nothing that an instance of the function remembers grows without end: it lives for days."""
    store, clock = MemoryStore(max_texts=1_000), DrivenClock()

    def process(numbers: range) -> None:
        for number in numbers:
            ledger, message = (
                MemoryLedger(LeaseOptions("one", 60, 86_400, clock), store),
                MessageRef("asg-1", f"m-{number}"),
            )
            ledger.claim_message(message)
            ledger.acquire_lease("asg-1")
            ledger.record(message, "p")
            ledger.record(message, "q")
            ledger.release(message, outcome="{}")

    process(range(2_000))
    tracemalloc.start()
    process(range(2_000, 4_000))
    first, _ = tracemalloc.get_traced_memory()
    process(range(4_000, 6_000))
    second, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert second < first + 200_000  # 2,000 messages of an entry each would be more
