"""The only module that counts a scaling group: by which states, in instances or in weights."""

from collections import Counter
from fractions import Fraction
from operator import attrgetter

from scalein.decision.model import Instance, Snapshot

STABLE_STATES = ("InService", "Protected", "Standby")  # ESS guide, Expected number of instances
COMING_STATES = ("Pending", "Pending:Wait")
WORKING_STATES = ("InService", "Protected")
LEAVING_STATES = ("Removing", "Removing:Wait")
OUT_OF_SERVICE = (*LEAVING_STATES, "Stopped")  # in economical mode an instance stays a member


def capacity_of(instance: Instance, snapshot: Snapshot) -> int:
    """What it counts: its weight in a weighted group, else one."""
    return (instance.weight or 0) if snapshot.group.weighted else 1


def capacity_in(states: tuple[str, ...], snapshot: Snapshot) -> int:
    """Of the instances in these states, as listed."""
    if not snapshot.group.weighted:
        return count_in(states, snapshot)
    return sum(
        instance.weight or 0
        for instance in snapshot.instances
        if instance.lifecycle_state in states
    )


def count_in(states: tuple[str, ...], snapshot: Snapshot) -> int:
    """Instances in these states, whatever they weigh."""
    counted = Counter(map(attrgetter("lifecycle_state"), snapshot.instances))
    return sum(counted[state] for state in states)


def stable_capacity(snapshot: Snapshot) -> int:
    """As listed: what ESS compares desired capacity with."""
    return capacity_in(STABLE_STATES, snapshot)


def share(total: int, percent: float) -> int:
    """Rounded down. By the decimal text: 29 % of 100 must be 29, which binary floating point does not promise."""
    return int(total * Fraction(repr(percent)) / 100)
