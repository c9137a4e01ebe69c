"""The state file: everything is saved to it after each change, before the change is answered."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.clock import AdvancingClock
from localcloud.cloud import LocalCloud
from localcloud.ess.service import Service
from localcloud.fleet import saved_document, write_whole
from localcloud.functions import saved_invocations
from localcloud.functions.saved_functions import saved_functions
from localcloud.plain import plain
from localcloud.queues.saved_queues import mark_of, saved_queues

LOOK_SECONDS = 1.0  # for what time alone changes


def whole_document(cloud: LocalCloud, codes: dict[str, str]) -> dict[str, Any]:
    """Returns a fleet file's document from which another cloud continues, functions included.

    `codes`: as `saved_functions` takes them. Keys, faults and limits remain in the fleet file.
    """
    document = saved_document(cloud.service, cloud.elsewhere.values())
    clock = cloud.service.clock
    if isinstance(clock, AdvancingClock):
        document["aheadSeconds"] = clock.ahead_seconds
    if cloud.platform:
        document["savedFunctions"] = saved_functions(cloud.platform.registry, codes)
        document["savedInvocations"] = saved_invocations.saved_invocations(cloud.platform.queue)
    triggers = cloud.triggers
    document["savedQueues"] = saved_queues(
        cloud.queues, triggers.held_messages() if triggers else ()
    )
    if triggers:
        document["savedTimers"] = plain(dict(triggers.timers_due_at))
    return document


class StateFile:
    """The file of one cloud's state."""

    def __init__(self, path: Path, cloud: LocalCloud) -> None:
        self._path = path
        self._cloud = cloud
        self._codes: dict[str, str] = {}
        self._text = ""  # that the file has
        self._mark: tuple[Any, ...] = ()

    def save(self) -> None:
        """Writes the file, whole or not at all, where it would differ. Raises OSError."""
        self._cloud.advance()
        text = json.dumps(whole_document(self._cloud, self._codes))
        if text != self._text:
            write_whole(self._path, text)
        self._text, self._mark = text, self._current_mark()

    def save_changes(self) -> None:
        """Saves if a call or time may have changed something. Raises OSError."""
        self._cloud.advance()
        if self._current_mark() != self._mark:
            self.save()

    async def save_forever(self) -> None:
        """Saves what time alone changes."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.save_changes()

    def _current_mark(self) -> tuple[Any, ...]:
        """Returns what differs after a change; a whole document would cost a read too much."""
        services = self._cloud.services()
        triggers = self._cloud.triggers
        timers = tuple(triggers.timers_due_at.values()) if triggers else ()
        marks = [_mark(service) for service in services]
        platform = self._cloud.platform
        invocations = saved_invocations.mark_of(platform.queue) if platform else ()
        return self._cloud.changes, mark_of(self._cloud.queues), timers, marks, invocations


def _mark(service: Service) -> tuple[Any, ...]:
    states = tuple((group.lifecycle_state, group.capacities()) for group in service.groups.values())
    running = [activity.scaling_activity_id for activity in service.in_progress()]
    held = [action.status for action in service.lifecycle_actions.values()]
    alarms = [(alarm.state, alarm.evaluated_at) for alarm in service.alarms.values()]
    rules = [rule.evaluated_at for rule in service.metric_rules.values()]
    on_the_way = [(one.due_at, one.attempts) for one in service.event_deliveries]
    sizes = (len(service.activities), len(service.sent_messages), len(service.scheduled_tasks))
    return states, running, held, alarms, rules, on_the_way, sizes


class Persistence:
    """ASGI middleware: an answer that a client has seen is in the file."""

    def __init__(self, app: ASGIApp, state: StateFile) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        may_change = scope["type"] == "http" and scope["path"] != "/" and scope["method"] != "GET"

        async def saved_first(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._state.save() if may_change else self._state.save_changes()
            await send(message)

        await self._app(scope, receive, saved_first)
