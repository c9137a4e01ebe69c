"""What a metric of an instance is at a moment: a fixed value, or a series of one value a minute since the start."""

from __future__ import annotations

from localcloud.ess.model import Instance

MINUTE = 60


def value_at(instance: Instance, name: str, seconds: float) -> float | None:
    """The last value of a series stays. Case does not matter: ESS and CloudMonitor spell the names differently."""
    told = next((value for key, value in instance.metrics.items() if key.lower() == name.lower()), None)
    if isinstance(told, list):
        return float(told[min(max(0, int(seconds // MINUTE)), len(told) - 1)]) if told else None
    return None if told is None else float(told)
