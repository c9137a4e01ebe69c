"""The only module that knows a message's turn: claim it, enter its group, serve it, remember it, have it followed up.

Three nets keep a message from acting twice: its age (serving), its tokens (scale_in), and the ledger. Each holds alone.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Protocol

from scalein import outcome
from scalein.clock import Deadline
from scalein.errors import GatewayError, LedgerGone, Refused, TryLater
from scalein.gateway import DryRun, OneGroup
from scalein.guardrails import Guardrails
from scalein.ledger import Closing, Entry, Ledger
from scalein.model import MAX_INSTANCES_PER_CALL, FollowUp, Outcome
from scalein.progress import Progress, progress_of, text_of
from scalein.reasons import Status
from scalein.scale_in import MOST_PER_MESSAGE, Carried, Means, ScaleIn, Served

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 10, 300
MOST_WAITS = 40  # follow-ups in a row in which nothing happens
MOST_FOLLOW_UPS = 500
LONGEST_SECONDS = 86_400  # from the first to the last
OPEN = (Status.TRY_LATER, Status.REMOVING)  # there is more to come
DECIDED = (Status.REMOVING, Status.NOTHING_TO_REMOVE, Status.REFUSED)


class FollowUps(Protocol):
    def ask(self, progress: Progress, delay_seconds: int) -> bool:
        """Has this function called with the progress; False where that very follow-up was asked for before.

        Raises TryLater.
        """


class Turn:
    """Of one message, in one invocation. `follow_ups` is None where nothing can be carried on."""

    def __init__(
        self, group: OneGroup, guardrails: Guardrails, deadline: Deadline, ledger: Ledger, follow_ups: FollowUps | None
    ) -> None:
        self._group = group
        self._guardrails = guardrails
        self._deadline = deadline
        self._ledger = ledger
        self._follow_ups = follow_ups
        self._asked: FollowUp | None = None
        self._untimely: Outcome | None = None
        self._noted: set[str] = set()  # about to be told

    def serve(self, progress: Progress, untimely: Outcome | None = None) -> Outcome:
        """`untimely`: of a message that is too old to begin with."""
        self._untimely = untimely
        try:
            found = self._claimed(progress)
        except LedgerGone as error:
            found = outcome.busy(progress.request, f"The policy stops where the ledger is gone, and {error}")
        return found._replace(ledger=self._ledger.name, follow_up=self._asked)

    def _claimed(self, progress: Progress) -> Outcome:
        request, claim = progress.request, self._ledger.claim(progress.key)
        if claim.outcome is not None:
            told = json.loads(claim.outcome)
            return outcome.duplicate(request, told["status"], tuple(told["scalingActivityIds"]))
        if not claim.ours:
            return outcome.busy(request, "Another invocation serves this very message.")
        if request.dry_run:
            self._ledger.close(progress.key, "", Closing())
            means = Means(
                DryRun(self._group), self._group.ess, self._deadline, self._group.decide, most=most_of(self._follow_ups)
            )
            return tried(progress, self._guardrails, means)
        if claim.progress is not None:
            progress = progress_of(claim.progress)
        entry = self._ledger.enter(request.scaling_group_id)
        if entry is None:
            self._ledger.close(progress.key, "", Closing())
            return outcome.busy(request, "Another message of this scaling group is being served.")
        if not progress.chosen and request.sent_at and entry.newest and request.sent_at < entry.newest:
            old = outcome.superseded(request)
            self._ledger.close(progress.key, request.scaling_group_id, Closing(_kept(old)))
            return old
        return self._entered(progress, entry)

    def _entered(self, progress: Progress, entry: Entry) -> Outcome:
        self._group.enter(entry.told - _unsure(progress), entry.version)  # of these, ESS is asked
        scale_in = ScaleIn(progress, self._guardrails, self._means())
        found: Outcome | None = None
        try:
            found = self._followed(scale_in, self._run(scale_in))
        finally:
            self._close(scale_in, progress, entry, found)
        if progress.request.wait and found.status is Status.REMOVING and not found.remaining:
            found = self._waited(scale_in, found)
        if progress.follow_ups or progress.request.wait:
            self._ledger.remember(progress.message, _kept(found))
        return found

    def _close(self, scale_in: ScaleIn, before: Progress, entry: Entry, found: Outcome | None) -> None:
        newest = max(filter(None, [before.request.sent_at, entry.newest]), default=None)
        final = found is not None and (found.status is not Status.TRY_LATER or self._asked is not None)
        closing = Closing(
            outcome=_kept(found) if found and final else None,
            spared=tuple((self._noted - entry.told | _unsure(before)).difference(scale_in.progress.told)),
            newest=newest if found and found.status in DECIDED else None,
        )
        self._ledger.close(before.key, before.request.scaling_group_id, closing)

    def _means(self) -> Means:
        return Means(
            self._group,
            self._group.ess,
            self._deadline,
            self._group.decide,
            note=self._note,
            carry=self._carry if self._follow_ups else None,
            most=most_of(self._follow_ups),
            untimely=self._untimely,
            alone=self._ledger.shared,
        )

    def _run(self, scale_in: ScaleIn) -> Outcome:
        request = scale_in.progress.request
        try:
            return scale_in.run()._replace(raced=scale_in.raced)
        except Served as served:
            return outcome.duplicate(request, Status.REMOVING.value, served.activity_ids)
        except Carried:
            return outcome.duplicate(request, "a follow-up", scale_in.progress.activity_ids)
        except GatewayError as error:
            progress = scale_in.progress
            if progress.activity_ids and isinstance(error, Refused):
                scale_in.progress = progress.without(dict.fromkeys(progress.rest, error.code))
            return outcome.interrupted(scale_in.progress, scale_in.plan, error)

    def _waited(self, scale_in: ScaleIn, found: Outcome) -> Outcome:
        try:
            return scale_in.wait()
        except GatewayError:
            return found

    def _followed(self, scale_in: ScaleIn, found: Outcome) -> Outcome:
        """Where there is more to come and this function can be called again for it, it is."""
        if found.status in OPEN and self._follow_ups and not scale_in.carried:
            try:
                if not self._carry(scale_in.progress):
                    return outcome.duplicate(scale_in.progress.request, "a follow-up", scale_in.progress.activity_ids)
            except TryLater as error:
                return found._replace(message=f"{found.message} It is not followed up: {error}")
        return found

    def _note(self, progress: Progress) -> None:
        try:
            told = progress.calls[-1].instance_ids
            self._noted.update(told)
            ours = self._ledger.note(progress.key, progress.request.scaling_group_id, text_of(progress), told)
        except LedgerGone as error:
            raise TryLater("RemoveInstances", "LedgerGone", str(error)) from None
        self._group.noted()
        if not ours:
            raise TryLater("RemoveInstances", "LeaseLost", "it took so long that another invocation may be at it.")

    def _carry(self, progress: Progress) -> bool:
        age = (self._deadline.clock.now() - progress.begun_at).total_seconds()
        if progress.waits >= MOST_WAITS or progress.follow_ups >= MOST_FOLLOW_UPS or age > LONGEST_SECONDS:
            raise TryLater(
                "InvokeFunction", "TooOften", "there were enough follow-ups; look at the scaling activities."
            )
        assert self._follow_ups is not None  # noqa: S101 (asked before)
        following = progress.carried()
        delay = _delay_seconds(following)
        accepted = self._follow_ups.ask(following, delay)
        if accepted:
            self._asked = FollowUp(following.follow_ups, delay)
        return accepted


def tried(progress: Progress, guardrails: Guardrails, means: Means) -> Outcome:
    """A dry run: it needs no turn."""
    try:
        return ScaleIn(progress, guardrails, means).run()
    except GatewayError as error:
        return outcome.failed(progress.request, error)


def most_of(follow_ups: FollowUps | None) -> int:
    """Instances for one message, in a group that runs one removal at a time."""
    return MOST_PER_MESSAGE if follow_ups else MAX_INSTANCES_PER_CALL


def _delay_seconds(progress: Progress) -> int:
    """Doubled from one to the next, and jittered by the message: the same follow-up always has the same delay."""
    longest: int = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS << min(progress.waits - 1, 10))
    spread = sha256(progress.key.encode()).digest()[0] / 255
    return round(longest * (1 + spread) / 2)


def _unsure(progress: Progress) -> frozenset[str]:
    """Whom an earlier invocation was about to tell when it broke off."""
    return frozenset(progress.unanswered.instance_ids if progress.unanswered else ())


def _kept(found: Outcome) -> str:
    """What a duplicate is told."""
    return json.dumps({"status": found.status.value, "scalingActivityIds": found.scaling_activity_ids})
