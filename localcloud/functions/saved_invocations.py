"""Asynchronous invocations, and what became of tasks, as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localcloud.functions.invocation_queue import Invocation, InvocationQueue
from localcloud.plain import plain, typed


def saved_invocations(queue: InvocationQueue) -> dict[str, Any]:
    """Returns what waits and what ended, ready for JSON.

    One whose attempt runs, or whose result may not be at its destination yet, waits in what is
    saved: a restart makes another attempt, at least once.
    """
    with queue.lock:
        taken = {one.request_id: _again(one) for one in queue.taken}
        waiting = {**taken, **{one.request_id: one for one in queue.waiting}}
        known = {one.request_id: one for one in (*queue.failed, *queue.tasks.values())}
        ended = [one for id, one in known.items() if one.ended_at and id not in waiting]
        return {"waiting": plain(list(waiting.values())), "ended": plain(ended)}


def restore_invocations(queue: InvocationQueue, document: Mapping[str, Any]) -> None:
    """Sets what `saved_invocations` gave. Raises KeyError, TypeError, ValueError."""
    waiting = typed(list[Invocation], document["waiting"])
    ended = typed(list[Invocation], document["ended"])
    stopping = [one for one in waiting if one.status == "Stopping"]
    for one in stopping:
        one.become("Stopped", queue.clock.now())
    with queue.lock:
        queue.waiting += [one for one in waiting if one not in stopping]
        queue.failed += [one for one in ended if one.status == "Failed"]
        queue.tasks.update({one.task_key: one for one in (*ended, *waiting) if one.task_id})


def mark_of(queue: InvocationQueue) -> tuple[Any, ...]:
    """Returns what differs after a change: less than the document, and cheap."""
    waiting = [(one.due_at, one.attempts) for one in list(queue.waiting)]
    return waiting, len(queue.taken), len(queue.tasks), len(queue.failed)


def _again(taken: Invocation) -> Invocation:
    status = "Stopping" if taken.status in ("Stopping", "Stopped") else "Retrying"
    return replace(taken, status=status, ended_at=None)
