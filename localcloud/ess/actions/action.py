"""One action of the API: what it takes, what it does, and what of it is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.parameters import Parameter, Request
from localcloud.ess.state import EssState


class Action(NamedTuple):
    """One action of the API."""

    name: str
    act: Callable[[EssState, Request], Reply]
    parameters: tuple[Parameter, ...] = ()
    missing: str = ""  # of what the documentation says it does; empty: nothing known
    # what an invalid parameter is refused with; `InvalidParameter` otherwise
    invalid: type[errors.ApiError] | None = None
