"""One action of the API: what it takes, what it does, and what of it is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from localcloud.answers import Reply
from localcloud.ess.parameters import Ask, Parameter

if TYPE_CHECKING:
    from localcloud.ess.service import Service


class Action(NamedTuple):
    name: str
    act: Callable[[Service, Ask], Reply]
    parameters: tuple[Parameter, ...] = ()
    missing: str = ""  # of what the documentation says it does; empty: nothing known
