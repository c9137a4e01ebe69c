"""The billed time of a removal of two hundred instances, over HTTPS, in calls of 20.

The group runs one activity at a time, and follow-ups carry on. The local cloud answers, for its
state decides what the next call does.
"""

from __future__ import annotations

import statistics

from benchmarks.clouds import GROUP_ID, POLICY, fleet_document, removal_event
from benchmarks.code import Code
from benchmarks.command import command_for
from benchmarks.instances import follow, instance, living_cloud
from benchmarks.timing import Row, at_most

CALL_SECONDS = 0.005  # that the cloud takes for each call
INSTANCES, REMOVED, CALLS = 300, 200, 10
MAX_SECONDS_FOR_EACH_CALL = 0.2


def figures(code: Code, repeats: int) -> list[Row]:
    """Time in the function, and invocations, for each call of 20."""
    runs = [_invocations(code) for _ in range(repeats)]
    billed_seconds = statistics.median(sum(run) for run in runs)
    invocations = statistics.median(len(run) for run in runs)
    figure = f"{REMOVED} of {INSTANCES}, billed time for each call of 20"
    return [
        at_most(figure, billed_seconds / CALLS, MAX_SECONDS_FOR_EACH_CALL, "{:.3f} s"),
        Row(
            f"{REMOVED} of {INSTANCES}, invocations for each call of 20",
            f"{invocations / CALLS:.1f}",
        ),
    ]


def _invocations(code: Code) -> list[float]:
    """Removes the instances. Returns the wall seconds of each invocation."""
    fleet = fleet_document(INSTANCES, min_size=0, is_parallel=False)
    with living_cloud(code, fleet) as cloud, instance(code, cloud, POLICY) as function:
        cloud.inside.faults.add("slow", times=1_000_000, seconds=CALL_SECONDS)
        function.serve(removal_event("billing", REMOVED))
        follow(function, cloud)
        service = cloud.inside.service
        assert len(service.activities) == CALLS
        assert len(service.groups[GROUP_ID].instances) == INSTANCES - REMOVED
    return function.wall_seconds


main = command_for("Billed time of a long removal", 1, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.billing")
