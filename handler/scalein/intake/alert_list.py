"""The alerts of one notification, each an alarm of its own, and several of them as one alarm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from scalein.decision.alarm import Alarm
from scalein.decision.reasons import Ignored
from scalein.intake.keys import digest

NEVER = datetime.min.replace(tzinfo=timezone.utc)


class AlertList(NamedTuple):
    """The alerts of a notification that fire, one or more."""

    alarms: tuple[Alarm, ...]
    note: str = ""  # sentences on alerts that are not among them


def alert_list(alarms: Sequence[Alarm], without_data: int, left_out: int) -> AlertList | Ignored:
    """Returns the alerts that fire; Ignored if none does.

    `without_data`: how many only say that data is missing. `left_out`: how many the sender did
    not send.
    """
    if not alarms:
        return Ignored.NO_DATA if without_data else Ignored.RECOVERY
    notes = (
        f"Alerts that only say that data is missing: {without_data}; ignored." * bool(without_data),
        f"Alerts that the sender left out: {left_out}; nothing was done for them." * bool(left_out),
    )
    return AlertList(tuple(alarms), " ".join(filter(None, notes)))


def firing_at(now: datetime, alarms: Sequence[Alarm]) -> list[Alarm]:
    """Returns the alarms whose end, if they have one, is still to come."""
    return [alarm for alarm in alarms if alarm.ends_at is None or alarm.ends_at > now]


def merged(alarms: Sequence[Alarm]) -> Alarm:
    """Returns one alarm for one or more alerts of the same scope, in whatever order they are.

    Its key is made of theirs alone, so that it is the same beside other alerts. Its time is that
    of the newest, so that it does not expire because another alert has fired for long.
    """
    if len(alarms) == 1:
        return alarms[0]
    alarms = sorted(alarms, key=lambda alarm: (alarm.idempotency_key, alarm.instance_ids))
    keys = sorted({alarm.idempotency_key for alarm in alarms})
    observations = sorted({alarm.observation for alarm in alarms})
    times = [alarm.sent_at for alarm in alarms if alarm.sent_at is not None]
    ids = sorted({id for alarm in alarms for id in alarm.instance_ids})
    first, times_of_begin = alarms[0], [alarm.began_at for alarm in alarms]
    newest = max(alarms, key=lambda alarm: alarm.began_at or NEVER)
    return first._replace(
        episode=newest.episode if all(times_of_begin) else "",
        idempotency_key=keys[0] if len(keys) == 1 else f"alerts:{digest(*keys)}",
        subject=first.subject._replace(instance_ids=tuple(ids)),
        sent_at=max(times) if len(times) == len(alarms) else None,
        observation=observations[0] if len(observations) == 1 else digest(*observations),
    )
