"""How many requests run at once: one, where no ledger tells two invocations of each other."""

from __future__ import annotations

from functools import partial

from scalein_cli.changes import Change
from scalein_cli.compute import call_api
from scalein_cli.function_api import LATEST, FunctionApi, FunctionState
from scalein_cli.shown_settings import Row

LEDGER = "SCALEIN_LEDGER"
ONE = 1
NO_LIMIT = "no limit"


def latest_limit(
    before: FunctionState | None, after: FunctionState, limit: int | None, *, is_unfinished: bool
) -> int | None:
    """The limit that LATEST will have. What a person lifted stays so, while its reason does.

    `is_unfinished`: the function is new, or its first deployment was interrupted.
    """
    had_ledger = bool(before and before.variables.get(LEDGER))
    is_needed = not after.variables.get(LEDGER) and (is_unfinished or had_ledger)
    return ONE if limit is None and is_needed else limit


def limit_row(before: int | None, after: int | None) -> Row:
    return Row("concurrency", _text(before), _text(after))


def limit_change(function: FunctionApi, before: int | None, after: int | None) -> list[Change]:
    """What gives LATEST its limit, if it has another."""
    if after is None or before == after:
        return []
    put = partial(function.put_concurrency, after)
    return [Change("concurrency, as there is no ledger", (limit_row(before, after),), put)]


def alias_limit_change(function: FunctionApi, alias_name: str, latest: int | None) -> list[Change]:
    """What gives the alias the limit of LATEST, if it has none: in 2.0 it is a qualifier's own."""
    if latest is None or not function.address.service:
        return []
    if read_limit(function, alias_name) is not None:
        return []
    subject = f"concurrency of {alias_name}"
    row = Row(f"alias {alias_name}: concurrency", NO_LIMIT, str(latest))
    return [Change(subject, (row,), partial(function.put_concurrency, latest, alias_name))]


def read_limit(function: FunctionApi, qualifier: str = LATEST) -> int | None:
    """How many requests may run at once; None: no limit. Raises CommandError."""
    return call_api("concurrency", partial(function.read_concurrency, qualifier))


def _text(limit: int | None) -> str:
    return NO_LIMIT if limit is None else str(limit)
