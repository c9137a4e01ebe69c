"""What processing works with: the adapters of one invocation, behind protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from scalein.clock import Deadline
from scalein.cloud.gateway import Gateway
from scalein.decision.group_policy import ALL_GROUPS
from scalein.decision.model import MAX_INSTANCES_PER_CALL, Snapshot
from scalein.decision.progress import Progress
from scalein.ledger.protocol import Ledger

MAX_PER_MESSAGE = 1_000  # instances; as many as ESS takes in one activity

# Calls this function again with the progress, so many seconds later; False if this follow-up was
# scheduled before. Raises TryLater.
ScheduleFollowUp = Callable[[Progress, int], bool]


class FollowUpScheduler(Protocol):
    """Function Compute, of either generation, as what calls this function again."""

    def invoke_later(
        self, event: bytes, task_id: str, delay_seconds: int, max_seconds: float
    ) -> bool:
        """Has this function invoked with the event, `delay_seconds` from now.

        Returns False if that task id was scheduled before. Takes `max_seconds` at most; raises
        TryLater.
        """


class Dependencies(NamedTuple):
    """The adapters of one invocation. Both openers open once, and then return the same object."""

    open_gateway: Callable[[], Gateway]
    open_ledger: Callable[[], Ledger]
    deadline: Deadline
    schedule_follow_up: ScheduleFollowUp | None = None
    follow_up_key: str = ""  # signs follow-ups
    settle_seconds: float = 180.0
    is_dry_run: bool = False
    stopped_groups: tuple[str, ...] = ()  # the stop switch; ("all",): every group
    region_id: str = ""  # where the groups are; "": not known, so events of all regions count
    stop_fault: str = ""  # a clause: the stop switch cannot be read, and stops every group

    def stop_of(self, scaling_group_id: str) -> str:
        """A clause that says how the stop switch stops the group; empty if it does not."""
        if self.stop_fault:
            return self.stop_fault
        stopping = {ALL_GROUPS, scaling_group_id}.intersection(self.stopped_groups)
        return f"SCALEIN_STOP is {', '.join(self.stopped_groups)}" if stopping else ""

    def max_instances(self, snapshot: Snapshot) -> int:
        """How many instances one message may remove from this group.

        A group without desired capacity runs one removal at a time (ESS guide), and each further
        call needs a follow-up.
        """
        is_parallel = snapshot.group.desired_capacity is not None
        return MAX_PER_MESSAGE if is_parallel or self.schedule_follow_up else MAX_INSTANCES_PER_CALL
