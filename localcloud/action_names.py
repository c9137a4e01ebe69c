"""The names of all actions that a call can be known by: what a fault or a rate limit may name."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from localcloud import balancers, ecs, location, sts
from localcloud.buses import actions as buses
from localcloud.ess import catalogue
from localcloud.monitor import describe as monitor
from localcloud.queues import queue_calls, topic_calls

ALL = "*"
INVOKE = "InvokeFunction"
ACCOUNT = ("SetAccountAttributes", "GetAccountAttributes")  # of the queues' account


@cache
def action_names() -> frozenset[str]:
    """Returns the names, also of actions of Auto Scaling that this cloud refuses."""
    tables = (
        *(catalogue.ACTIONS, catalogue.ABSENT, catalogue.NEWER_ACTIONS, catalogue.NEWER_ABSENT),
        *(monitor.ACTIONS, buses.ACTIONS, balancers.ACTIONS, balancers.ALB_ACTIONS, ecs.ACTIONS),
    )
    operations = (*queue_calls.operations(), *topic_calls.operations())
    return frozenset(
        {
            *(name for table in tables for name in table),
            *(operation.action for operation in operations),
            *(INVOKE, location.ACTION, *sts.ACTIONS, *ACCOUNT),
        }
    )


def check_action(name: str) -> None:
    """Raises ValueError for a name that no call has; the text names the nearest that one has."""
    if name == ALL or name in action_names():
        return
    by_letters = {known.lower(): known for known in action_names()}
    near = get_close_matches(name.lower()[:100], sorted(by_letters), n=1)
    hint = f"did you mean {by_letters[near[0]]}?" if near else "its README lists the actions"
    raise ValueError(f"no call has the action {name[:100]!r}; {hint}")
