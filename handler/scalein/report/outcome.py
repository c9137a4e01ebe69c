"""What came of one message: the value that is returned, logged and saved."""

from datetime import datetime
from typing import NamedTuple

from scalein.decision.model import Plan, RemovalResult
from scalein.decision.reasons import Ignored, Status


class Rejection(NamedTuple):
    """Where a message is wrong: JSON path, and the rule it breaks (`policy`: not the operator's will)."""

    path: str
    rule: str


class Unconfirmed(NamedTuple):
    """A call of which it is not known whether ESS accepted it."""

    client_token: str
    instance_ids: tuple[str, ...]
    sent_by: datetime  # no attempt of it was made later


class FollowUp(NamedTuple):
    """This function is called again for this message."""

    number: int
    delay_seconds: int


class Outcome(NamedTuple):
    """What the caller is told. `plan` is absent where nothing was decided, `rejection` where nothing was wrong."""

    status: Status
    request_id: str
    message: str
    scaling_group_id: str | None = None
    plan: Plan | None = None
    scaling_activity_ids: tuple[str, ...] = ()
    rejection: Rejection | None = None
    ignored: Ignored | None = None
    reason: str = ""  # the request's own, for the audit line
    accepted: tuple[str, ...] = ()  # ids that ESS was told to remove
    pending: int = 0  # instances that are chosen, and not yet told
    result: RemovalResult | None = None  # once it is known
    follow_up: FollowUp | None = None
    first: str = ""  # of a duplicate: the status that stands
    concurrent_removal: bool = False  # another invocation removed at the same moment
    unconfirmed: tuple[Unconfirmed, ...] = ()
    ledger: str = ""  # which one: redis, memory, gone

    @property
    def removed(self) -> tuple[str, ...]:
        """Who is gone, where that is known; else who was told to leave; of a dry run, who would be."""
        if self.result:
            return self.result.removed
        return self.plan.selected if self.plan and self.status is Status.DRY_RUN else self.accepted
