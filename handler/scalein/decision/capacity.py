"""The capacity of a scaling group, counted by lifecycle states, in instances or in weights."""

from collections import Counter
from fractions import Fraction
from operator import attrgetter

from scalein.decision.model import Instance, Snapshot

STABLE_STATES = ("InService", "Protected", "Standby")  # ESS guide, Expected number of instances
PENDING_STATES = ("Pending", "Pending:Wait")
SERVING_STATES = ("InService", "Protected")
REMOVING_STATES = ("Removing", "Removing:Wait")
OUT_OF_SERVICE = (*REMOVING_STATES, "Stopped")  # in economical mode an instance stays a member


def capacity_of(instance: Instance, snapshot: Snapshot) -> int:
    """The capacity of one instance: its weight in a weighted group, else one."""
    return (instance.weight or 0) if snapshot.group.weighted else 1


def capacity_in(states: tuple[str, ...], snapshot: Snapshot) -> int:
    """The capacity of the listed instances in these states."""
    if not snapshot.group.weighted:
        return count_in(states, snapshot)
    return sum(
        instance.weight or 0
        for instance in snapshot.instances
        if instance.lifecycle_state in states
    )


def count_in(states: tuple[str, ...], snapshot: Snapshot) -> int:
    """The number of listed instances in these states, whatever their weights."""
    counts = Counter(map(attrgetter("lifecycle_state"), snapshot.instances))
    return sum(counts[state] for state in states)


def stable_capacity(snapshot: Snapshot) -> int:
    """The listed capacity that ESS compares with the desired capacity."""
    return capacity_in(STABLE_STATES, snapshot)


def percentage_of(total: int, percent: float) -> int:
    """This percentage of a total, rounded down.

    It is computed from the decimal text of the percentage: 29 % of 100 is 29, which binary
    floating point does not guarantee.
    """
    return int(total * Fraction(repr(percent)) / 100)
