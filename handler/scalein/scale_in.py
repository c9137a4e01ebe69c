"""The shell: gather, decide, act, for one message; and how it ended. What was done so far is its progress.

A removal is planned once. Who was chosen leaves in calls of twenty at most, each with the next token of the message's
sequence; where one call must wait for the one before, the rest is carried on by follow-ups, and checked anew each time.
"""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from scalein import outcome
from scalein.clock import Deadline
from scalein.ending import ended, gone, running
from scalein.errors import Refused, StaleSnapshot, TokenUsed, TryLater
from scalein.gateway import Gateway, Removal, fresh
from scalein.guardrails import Guardrails, needs
from scalein.model import MAX_INSTANCES_PER_CALL, Activity, Needs, Outcome, Plan, RemovalRequest, Snapshot
from scalein.planning import plan_removal
from scalein.progress import Progress
from scalein.reasons import Reason

MOST_PER_MESSAGE = 1_000  # instances; as many as ESS takes in one activity
PLANS_AT_MOST = 3  # the first, and two more where the group changed under it
TOKENS_AT_MOST = 5  # of a message's sequence, for one call
CLOCK_SKEW = timedelta(minutes=5)  # how far clocks may differ: a sender's, this one, ESS's
AGE_UNKNOWN = timedelta(days=1)  # of a message that does not tell its time: Function Compute repeats it so long
LOOK_SECONDS = 2.0  # between two looks at an activity that is waited for

Decide = Callable[[RemovalRequest, Snapshot, Guardrails, int], Plan]


class Means(NamedTuple):
    """What serving a message stands on."""

    gateway: Gateway  # to decide by: whoever was told to leave counts as leaving
    ess: Gateway  # to judge by what became of them: as ESS shows it
    deadline: Deadline
    decide: Decide = plan_removal
    note: Callable[[Progress], None] = lambda _: None  # before each call; raises TryLater where it must not be made
    carry: Callable[[Progress], bool] | None = None  # asks for the next follow-up; None: there are none
    most: int = MAX_INSTANCES_PER_CALL  # for one message, in a group that runs one removal at a time
    untimely: Outcome | None = None  # of a message that is too old to begin with
    alone: bool = True  # nobody else acts on this group at the same time


class Carried(Exception):
    """The next follow-up was asked for before, by an earlier run of this one: the message is in its hands."""


class Served(Exception):
    """An earlier delivery of the message was served, as these activities tell."""

    def __init__(self, activities: tuple[Activity, ...]) -> None:
        super().__init__()
        self.activity_ids = tuple(activity.id for activity in activities)


class ScaleIn:
    """One message in one invocation. Its methods raise GatewayError; `progress` holds what was done even then."""

    def __init__(self, progress: Progress, guardrails: Guardrails, means: Means) -> None:
        self.progress = progress
        self.plan: Plan | None = None  # of the first step, which alone has one for the whole group
        self.carried = False  # the next follow-up is asked for
        self.raced = False
        self._first = False
        self._guardrails = guardrails
        self._means = means

    def run(self) -> Outcome:
        """As far as it goes now: decided, told, or looked at. Raises Carried and Served too."""
        if self.progress.unanswered:
            self._settle()
        if not self.progress.calls:  # nothing was done yet: decided anew, if there is still time for it
            self._first, self.progress = True, self.progress._replace(chosen=(), given_up=())
            if self._means.untimely is not None:
                return self._means.untimely
        if self._first:
            change = self._remove()
            if not self.progress.activity_ids and not self.carried:
                return outcome.stale(self.progress.request, change) if change else self._planned()
            return self._removing()
        activities = self._means.gateway.activities(self.progress.activity_ids)
        if running(activities):
            return self._removing()
        if self.progress.rest:
            return self._go_on(activities)
        return self._ended(activities)

    def wait(self) -> Outcome:
        """For the end, while there is time."""
        while True:
            activities = self._means.gateway.activities(self.progress.activity_ids)
            if not running(activities):
                return self._ended(activities)
            if self._means.deadline.remaining_seconds() < 2 * LOOK_SECONDS:
                return self._removing()
            self._means.deadline.clock.sleep(LOOK_SECONDS)

    def _go_on(self, activities: tuple[Activity, ...]) -> Outcome:
        """With the rest, once what was told is over; not where that went wrong altogether."""
        before = len(self.progress.activity_ids)
        wrong = next((a.status.lower() for a in activities if a.status in ("Failed", "Rejected")), None)
        if wrong:
            self.progress = self.progress.without(dict.fromkeys(self.progress.rest, wrong))
            return self._ended(activities)
        change = self._remove()
        if change is not None:
            return outcome.stale(self.progress.request, change)
        if len(self.progress.activity_ids) > before:
            return self._removing()
        return self._ended(activities)

    def _remove(self) -> StaleSnapshot | None:
        """Tells whoever may leave to leave. Gives the last change of a group that never stands still."""
        change = None
        for _ in range(PLANS_AT_MOST):
            snapshot, plan = self._decided()
            if not plan.leaving:
                return None
            try:
                self._act(snapshot)
            except StaleSnapshot as error:
                if self.carried:
                    raise TryLater(error.action, error.code, "the group changed; the follow-up goes on.") from error
                change = error
            else:
                return None
        return change

    def _decided(self) -> tuple[Snapshot, Plan]:
        anew = self._first and not self.progress.calls
        question = self.progress.request if anew else self.progress.question
        snapshot = self._means.gateway.snapshot(question.scaling_group_id, needs(question, self._guardrails))
        plan = self._means.decide(question, snapshot, self._guardrails, self._most(snapshot))
        if anew:
            self.plan = plan
            self.progress = self.progress._replace(chosen=plan.leaving)
        elif plan.refusal is Reason.ACTIVITY_IN_PROGRESS:
            raise TryLater("RemoveInstances", "ScalingActivityInProgress", "a scaling activity is in progress.")
        else:
            self.progress = self.progress.without({v.instance_id: v.reason.value for v in plan.kept})
        return snapshot, plan

    def _act(self, snapshot: Snapshot) -> None:
        at_once = snapshot.group.desired_capacity is not None  # such a group runs removals beside each other
        while self.progress.rest:
            self.progress = self.progress.telling()
            if self._means.carry and ((self.progress.rest and not at_once) or self.progress.follow_ups):
                self._carry_first()
            if not fresh(snapshot, self._means.deadline.clock.now()):
                self.progress = self.progress.untold()
                raise StaleSnapshot("DescribeScalingInstances", "Old", "what was read is old by now.")
            self._call()
            if at_once and not self._means.alone and self._somebody_else(snapshot):
                self.raced = True
            if self.raced or not at_once:
                return

    def _carry_first(self) -> None:
        """Before the call, so that nobody who is killed between the two leaves a rest that nobody knows of."""
        if self.carried or self._means.carry is None:
            return
        try:
            self.carried = self._means.carry(self.progress)
        except TryLater:
            self.progress = self.progress.untold()
            raise
        if not self.carried:
            raise Carried

    def _call(self) -> None:
        for _ in range(TOKENS_AT_MOST):
            try:
                self._means.note(self.progress)
                self._accept(self._means.gateway.remove(self._removal()))
            except (StaleSnapshot, Refused, TryLater):
                self.progress = self.progress.untold()
                raise
            except TokenUsed as error:
                self._look_back(error)
            else:
                return
        self.progress = self.progress.untold()
        raise Refused("RemoveInstances", "IdempotentParameterMismatch", "every token of this message is used up.")

    def _look_back(self, error: TokenUsed) -> None:
        """Either the message was served, or its call was refused and burnt the token: the history decides."""
        ours = self._ours()
        if ours and self._first:
            raise Served(ours)
        burnt = self.progress.calls[-1]
        self.progress = self.progress.untold()._replace(next_token=burnt.token_number + 1)
        if ours:  # an earlier run of this very step
            adopted = burnt._replace(instance_ids=(), activity_id=ours[0].id)
            self.progress = self.progress._replace(calls=(*self.progress.calls, adopted))
            raise TryLater(error.action, error.code, "an earlier call of this message was accepted.") from error
        self.progress = self.progress.telling()

    def _ours(self) -> tuple[Activity, ...]:
        """Removals by a call to ESS since the message was sent that are not known to be another's; newest first.

        ESS does not tell an activity's token, so one of a stranger counts too: too little, never too much.
        """
        request, known = self.progress.request, set(self.progress.activity_ids)
        since = min(self.progress.begun_at, request.sent_at or self.progress.begun_at - AGE_UNKNOWN)
        since = (since - CLOCK_SKEW).replace(second=0, microsecond=0)  # ESS tells times to the minute, by its own clock
        history = self._means.gateway.history(request.scaling_group_id, since)
        return tuple(a for a in history if a.started_at >= since and a.id not in known and _may_be_ours(a))

    def _somebody_else(self, snapshot: Snapshot) -> bool:
        """Whether another removal began beside ours: where no lease keeps others out, only this tells."""
        history = self._means.gateway.history(snapshot.group.id, snapshot.taken_at)
        known = {activity.id for activity in snapshot.activities or ()} | set(self.progress.activity_ids)
        return any(a.ended_at is None and a.id not in known and _may_be_ours(a) for a in history)

    def _settle(self) -> None:
        """Finds out from ESS what became of the last call, of which nobody knows whether it came through.

        It is not sent again to find out: by an old picture it might act, on instances that were not checked anew.
        """
        call, snapshot = self.progress.calls[-1], self._means.ess.snapshot(self._group_id)
        staying = frozenset(instance.id for instance in snapshot.instances if not gone(instance))
        found = [activity for activity in self._ours() if _took(activity, call.instance_ids, staying)]
        if found:
            self._accept(found[-1].id)
        else:
            self.progress = self.progress.untold(staying)

    def _planned(self) -> Outcome:
        assert self.plan is not None  # noqa: S101 (the first step makes one)
        return outcome.planned(self.progress.request, self.plan)

    def _removing(self) -> Outcome:
        return outcome.removing(self.progress, self.plan)

    def _ended(self, activities: tuple[Activity, ...]) -> Outcome:
        """Against a fresh picture, with what happened since."""
        age = self._means.deadline.clock.now() - self.progress.begun_at + timedelta(minutes=1)
        wanted = Needs(max(60, int(age.total_seconds())))
        return ended(self.progress, activities, self._means.ess.snapshot(self._group_id, wanted))

    def _accept(self, activity_id: str | None) -> None:
        self.progress = self.progress.accepted(activity_id or "")

    def _removal(self) -> Removal:
        call = self.progress.calls[-1]
        token = client_token(self._group_id, self.progress.request.request_id, call.token_number)
        return Removal(self._group_id, call.instance_ids, token, self.progress.request.options)

    @property
    def _group_id(self) -> str:
        return self.progress.request.scaling_group_id

    def _most(self, snapshot: Snapshot) -> int:
        return self._means.most if snapshot.group.desired_capacity is None else MOST_PER_MESSAGE


def client_token(scaling_group_id: str, request_id: str, number: int = 0) -> str:
    """One of a message's fixed sequence. It depends on the message alone, never on the chosen ids: after a first
    success a fresh snapshot yields other ids, and a token made of them would remove again. 64 ASCII characters (ESS).
    """
    step = f"\n{number}" if number else ""
    return "scalein-" + sha256(f"{scaling_group_id}\n{request_id}{step}".encode("ascii")).hexdigest()[:48]


def _may_be_ours(activity: Activity) -> bool:
    """Ours are called for by the API, and add nobody."""
    return activity.trigger in ("APIs", "") and not activity.added


def _took(activity: Activity, told: tuple[str, ...], staying: frozenset[str]) -> bool:
    """Whether it is that of a call for these ids: it lists one; or lists none yet, and they are as it would leave them:
    on their way while it runs, all still there once it has failed.
    """
    listed = activity.removed_ids.union(id for id, _ in activity.failures)
    if listed:
        return not listed.isdisjoint(told)
    if activity.ended_at is None:
        return not staying.issuperset(told)
    return activity.status in ("Failed", "Rejected") and staying.issuperset(told)
