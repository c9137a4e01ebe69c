"""How far a message has come: the instances that it selected, its calls, and what is known of each call. Pure.

A removal is planned once and carried by id; progress_text.py has the form in which it is carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from scalein.decision.model import MAX_INSTANCES_PER_CALL, Named, RemovalRequest


class CallState(str, Enum):
    """What is known of a RemoveInstances call. A call that certainly did not happen is no longer listed."""

    UNCONFIRMED = "unconfirmed"  # recorded before it is made; ESS may have accepted it
    ACCEPTED = "accepted"  # ESS answered with a scaling activity
    FOREIGN = (
        "foreign"  # another delivery used this token, with other instances; what it did is unknown
    )


class Call(NamedTuple):
    """One RemoveInstances call, with one token of the message's sequence."""

    token_number: int
    instance_ids: tuple[str, ...]  # sorted, so that a repeated call is the same call
    intended_at: datetime  # no attempt of it was sent before this moment, by the earlier clock
    send_by: datetime  # no attempt of it is sent after this moment, by the later clock
    state: CallState = CallState.UNCONFIRMED
    activity_id: str = ""


class Progress(NamedTuple):
    """What was done for a message so far."""

    request: RemovalRequest
    first_claimed_at: datetime  # when it was first claimed
    selected: tuple[str, ...] = ()  # bound by the first recorded intent: no others are ever added
    calls: tuple[Call, ...] = ()
    given_up: tuple[
        tuple[str, str], ...
    ] = ()  # of the selected, by id: why it is not removed after all
    unaccounted: tuple[
        str, ...
    ] = ()  # of the selected: no longer members, by which activity is not known
    next_token: int = 0
    follow_ups: int = 0  # the number of the newest follow-up
    attempt: int = 0  # of that follow-up: how often it found message or group held
    idle: int = 0  # follow-ups in a row in which nothing happened
    ended: str = ""  # how an earlier step ended the message; this follow-up keeps others from it

    @property
    def key(self) -> str:
        """Names the message in the ledger, in tokens and in task ids."""
        return message_key(self.request)

    @property
    def called(self) -> tuple[str, ...]:
        """Instances in a call that was, or may have been, accepted."""
        return tuple(
            id
            for call in self.calls
            for id in call.instance_ids
            if call.state is not CallState.FOREIGN
        )

    @property
    def pending(self) -> tuple[str, ...]:
        """Selected, and not yet in a call."""
        out = {*self.called, *self.unaccounted, *(id for id, _ in self.given_up)}
        return tuple(id for id in self.selected if id not in out)

    @property
    def accepted(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.state is CallState.ACCEPTED)

    @property
    def unconfirmed_calls(self) -> tuple[Call, ...]:
        """Calls of which it is not known whether ESS accepted them."""
        return tuple(call for call in self.calls if call.state is not CallState.ACCEPTED)

    @property
    def activity_ids(self) -> tuple[str, ...]:
        return tuple(call.activity_id for call in self.accepted)

    @property
    def accepted_ids(self) -> tuple[str, ...]:
        ids = {id for call in self.accepted for id in call.instance_ids}
        return tuple(id for id in self.selected if id in ids)  # in the order of selection

    def request_for_ids(self, ids: tuple[str, ...]) -> RemovalRequest:
        """The request to decide whether exactly these selected instances may be removed now."""
        named = Named(ids, by_plan=not isinstance(self.request.target, Named))
        whole = self.request.denies_partial and not self.calls
        earlier = frozenset(self.activity_ids + self.called)
        return self.request._replace(target=named, denies_partial=whole, own_ids=earlier)

    def intending(self, number: int | None, intended_at: datetime, send_by: datetime) -> Progress:
        """With the next calls intended: so many at most, or all."""
        ids, calls = self.pending, list[Call]()
        for start in range(0, len(ids), MAX_INSTANCES_PER_CALL):
            if number is not None and len(calls) == number:
                break
            chunk = tuple(sorted(ids[start : start + MAX_INSTANCES_PER_CALL]))
            calls.append(Call(self.next_token + len(calls), chunk, intended_at, send_by))
        return self._replace(calls=(*self.calls, *calls), next_token=self.next_token + len(calls))

    def updated(self, call: Call) -> Progress:
        """With what is known of this call now."""
        calls = tuple(
            call if known.token_number == call.token_number else known for known in self.calls
        )
        return self._replace(calls=calls, idle=0 if call.state is CallState.ACCEPTED else self.idle)

    def learning(self, calls: Iterable[Call]) -> Progress:
        """With what another run knows of this message's calls: an acceptance, or a later attempt."""
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

    def without(self, call: Call, token_is_free: bool) -> Progress:
        """The call did not happen: its instances are pending again."""
        calls = tuple(known for known in self.calls if known.token_number != call.token_number)
        after = {known.token_number for known in calls if known.token_number > call.token_number}
        number = self.next_token if after or not token_is_free else call.token_number
        return self._replace(calls=calls, next_token=number)

    def losing(self, ids: Iterable[str]) -> Progress:
        """These selected instances are gone, or on their way, by no call that is known here."""
        return self._replace(unaccounted=(*self.unaccounted, *ids))

    def giving_up(self, reason_by_id: Mapping[str, str]) -> Progress:
        """Those of the pending that may not be removed after all are given up."""
        found = tuple((id, reason_by_id[id]) for id in self.pending if id in reason_by_id)
        return self._replace(given_up=self.given_up + found)

    def followed(self) -> Progress:
        """As the next follow-up takes it up."""
        return self._replace(follow_ups=self.follow_ups + 1, attempt=0, idle=self.idle + 1)


def furthest(arrived: Progress, known: Progress | None, is_complete: bool) -> Progress:
    """What the ledger knows outranks what a follow-up carries, for it was recorded later; but for
    one that another process scheduled, of which an incomplete ledger knows nothing.
    """
    if known is None:
        return arrived
    if arrived.follow_ups < known.follow_ups:
        return known
    if arrived.follow_ups > known.follow_ups and not is_complete:
        return arrived.learning(known.calls)
    idle = max(arrived.idle, known.idle)
    return known._replace(follow_ups=arrived.follow_ups, attempt=arrived.attempt, idle=idle)


def message_key(request: RemovalRequest) -> str:
    """64 hexadecimal digits. Parts are joined with their lengths, so that no text can stand for another's parts; a
    sender's own requestId is another name space than an identity derived from an envelope.
    """
    parts = (
        "derived" if request.derived_id else "sender",
        request.scaling_group_id,
        request.request_id,
    )
    return sha256(
        "".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    ).hexdigest()


def client_token(key: str, number: int = 0) -> str:
    """One of a message's fixed sequence. It depends on the message alone, never on the selected ids: after a first
    success a new snapshot yields other ids, and a token made of them would remove again. 64 ASCII characters (ESS).
    """
    return "scalein-" + sha256(f"{key}\n{number}".encode("ascii")).hexdigest()[:48]
