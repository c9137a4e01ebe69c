"""The whole state as JSON, and back: what a saved fleet file holds under `saved`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from localcloud.buses import delivery
from localcloud.ess.service import Service
from localcloud.plain import hints_of, plain, typed

NOT_SAVED = ("clock", "region_id", "account_id", "assumptions")  # set when the service is made


def saved(service: Service) -> dict[str, Any]:
    """Returns the state, ready for JSON."""
    return {
        f.name: plain(getattr(service, f.name)) for f in fields(service) if f.name not in NOT_SAVED
    }


def restore(service: Service, state: Mapping[str, Any]) -> None:
    """Sets what `saved` gave. Raises ValueError, KeyError, TypeError where it is no state."""
    hints = hints_of(Service)
    unknown = state.keys() - {f.name for f in fields(service)} | state.keys() & set(NOT_SAVED)
    if unknown:
        raise ValueError(f"unknown part {sorted(unknown)[0]!r}")
    for name, value in state.items():
        setattr(service, name, typed(hints[name], value))
    delivery.resume(service)
