"""The progress of a message: the instances it selected, its calls, what is known of each call.

A removal is planned once. Its later steps are bound to the ids that were selected then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from scalein.decision.model import MAX_INSTANCES_PER_CALL, RemovalRequest, Target


class CallState(str, Enum):
    """What is known of a RemoveInstances call. One that certainly did not happen is not listed."""

    UNCONFIRMED = "unconfirmed"  # recorded before it is made; ESS may have accepted it
    ACCEPTED = "accepted"  # ESS answered with a scaling activity
    # Another delivery used this token with other instances; what it did is unknown.
    FOREIGN = "foreign"


class Call(NamedTuple):
    """One RemoveInstances call, made with one token of the message's sequence."""

    token_number: int
    instance_ids: tuple[str, ...]  # sorted, so that a repeated call is the same call
    intended_at: datetime  # no attempt was sent before this moment, by the earlier clock
    send_by: datetime  # no attempt is sent after this moment, by the later clock
    state: CallState = CallState.UNCONFIRMED
    activity_id: str = ""


class Progress(NamedTuple):
    """What has been done for a message so far."""

    request: RemovalRequest
    first_claimed_at: datetime
    selected: tuple[str, ...] = ()  # bound by the first recorded intent: no others are ever added
    calls: tuple[Call, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()  # selected ids, and why they are not removed
    unaccounted: tuple[str, ...] = ()  # selected ids that left the group by an unknown activity
    next_token: int = 0
    follow_ups: int = 0  # the number of the newest follow-up
    attempt: int = 0  # how often that follow-up found the message or the group locked
    idle: int = 0  # follow-ups in a row in which nothing happened
    # The status with which an earlier step ended the message; empty before. With it, this follow-up
    # does nothing: it only uses up its task id, so that no other run schedules this follow-up.
    ended: str = ""
    due_at: datetime | None = None  # of this follow-up, by the clock of who scheduled it
    # Instances whose scaling group is requested, while that group is not known.
    group_of: tuple[str, ...] = ()

    def age_seconds(self, now: datetime) -> float:
        """Seconds since the message was first claimed."""
        return (now - self.first_claimed_at).total_seconds()

    @property
    def key(self) -> str:
        """The name of the message in the ledger, in tokens and in task ids."""
        return message_key(self.request)

    @property
    def called_ids(self) -> tuple[str, ...]:
        """Ids of instances in calls that were, or may have been, accepted."""
        return tuple(
            id
            for call in self.calls
            for id in call.instance_ids
            if call.state is not CallState.FOREIGN
        )

    @property
    def pending(self) -> tuple[str, ...]:
        """Selected ids that are in no call yet."""
        settled = {*self.called_ids, *self.unaccounted, *(id for id, _ in self.given_up)}
        return tuple(id for id in self.selected if id not in settled)

    @property
    def accepted_calls(self) -> tuple[Call, ...]:
        """Calls that ESS accepted."""
        return tuple(call for call in self.calls if call.state is CallState.ACCEPTED)

    @property
    def unconfirmed_calls(self) -> tuple[Call, ...]:
        """Calls of which it is not known whether ESS accepted them."""
        return tuple(call for call in self.calls if call.state is not CallState.ACCEPTED)

    @property
    def activity_ids(self) -> tuple[str, ...]:
        """Ids of the scaling activities of accepted calls."""
        return tuple(call.activity_id for call in self.accepted_calls)

    @property
    def accepted_ids(self) -> tuple[str, ...]:
        """Ids of instances in accepted calls, in the order of selection."""
        ids = {id for call in self.accepted_calls for id in call.instance_ids}
        return tuple(id for id in self.selected if id in ids)

    def request_for_ids(self, ids: tuple[str, ...]) -> RemovalRequest:
        """The request whose plan says which of these selected instances may be removed now."""
        named = Target(instance_ids=ids, by_plan=not self.request.target.is_named)
        denies_partial = self.request.denies_partial and not self.calls
        own_ids = frozenset(self.activity_ids + self.called_ids)
        return self.request._replace(target=named, denies_partial=denies_partial, own_ids=own_ids)

    def with_intents(
        self, max_calls: int | None, intended_at: datetime, send_by: datetime
    ) -> Progress:
        """This progress with intents of the next calls: at most `max_calls`, or all (None)."""
        ids, calls = self.pending, list[Call]()
        for start in range(0, len(ids), MAX_INSTANCES_PER_CALL):
            if max_calls is not None and len(calls) == max_calls:
                break
            chunk = tuple(sorted(ids[start : start + MAX_INSTANCES_PER_CALL]))
            calls.append(Call(self.next_token + len(calls), chunk, intended_at, send_by))
        return self._replace(calls=(*self.calls, *calls), next_token=self.next_token + len(calls))

    def with_call(self, call: Call) -> Progress:
        """This progress with the newer state of a call."""
        calls = tuple(
            call if known.token_number == call.token_number else known for known in self.calls
        )
        return self._replace(calls=calls, idle=0 if call.state is CallState.ACCEPTED else self.idle)

    def with_known_calls(self, calls: Iterable[Call]) -> Progress:
        """This progress with the acceptances and later attempts that another run knows."""
        by_number = {call.token_number: call for call in self.calls}
        for call in calls:
            known = by_number.setdefault(call.token_number, call)
            is_newer = call.state is CallState.ACCEPTED or call.send_by > known.send_by
            if known.state is not CallState.ACCEPTED and is_newer:
                by_number[call.token_number] = call
        ids = (id for call in by_number.values() for id in call.instance_ids)
        return self._replace(
            selected=tuple(dict.fromkeys((*self.selected, *ids))),
            calls=tuple(by_number[number] for number in sorted(by_number)),
            next_token=max((self.next_token, *(number + 1 for number in by_number))),
        )

    def without_call(self, call: Call, is_token_free: bool) -> Progress:
        """This progress without a call that did not happen: its instances are pending again.

        `is_token_free`: no attempt was sent with its token, so the next call may have that token.
        """
        calls = tuple(known for known in self.calls if known.token_number != call.token_number)
        has_later = any(known.token_number > call.token_number for known in calls)
        number = call.token_number if is_token_free and not has_later else self.next_token
        return self._replace(calls=calls, next_token=number)

    def with_unaccounted(self, ids: Iterable[str]) -> Progress:
        """This progress with selected instances that left the group by no call known to it."""
        return self._replace(unaccounted=(*self.unaccounted, *ids))

    def with_given_up(self, reason_by_id: Mapping[str, str]) -> Progress:
        """This progress without those pending instances that may not be removed after all."""
        given_up = tuple((id, reason_by_id[id]) for id in self.pending if id in reason_by_id)
        return self._replace(given_up=self.given_up + given_up)

    def with_next_follow_up(self) -> Progress:
        """The progress with which the next follow-up begins."""
        return self._replace(follow_ups=self.follow_ups + 1, attempt=0, idle=self.idle + 1)


def furthest(arrived: Progress, known: Progress | None, is_complete: bool) -> Progress:
    """The further of two progresses of a message: that of a follow-up, and that in the ledger.

    The ledger's was recorded later. But an incomplete ledger may lack steps that another process
    recorded, which the follow-up carries.
    """
    if known is None:
        return arrived
    if arrived.follow_ups < known.follow_ups:
        return known
    if arrived.follow_ups > known.follow_ups and not is_complete:
        return arrived.with_known_calls(known.calls)
    idle = max(arrived.idle, known.idle)
    return known._replace(follow_ups=arrived.follow_ups, attempt=arrived.attempt, idle=idle)


def message_key(request: RemovalRequest) -> str:
    """64 hexadecimal digits that identify the message.

    Each part comes with its length, so that no two messages share a key whatever their texts. A
    sender's requestId and an id derived from an envelope are different name spaces.
    """
    parts = (
        "derived" if request.derived_id else "sender",
        request.scaling_group_id,
        request.request_id,
    )
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def client_token(key: str, number: int = 0) -> str:
    """The ClientToken of a message's call of this number: 56 ASCII characters (ESS takes 64).

    It depends on the message alone, never on the selected ids: after a first success a new
    snapshot yields other ids, and a token made of them would remove again.
    """
    return "scalein-" + sha256(f"{key}\n{number}".encode("ascii")).hexdigest()[:48]
