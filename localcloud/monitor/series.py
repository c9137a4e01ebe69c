"""The value of an instance's metric at a time: fixed, or a series of one value a minute."""

from __future__ import annotations

from localcloud.ess.model import Instance

MINUTE = 60


def value_at(instance: Instance, name: str, seconds: float) -> float | None:
    """Returns the value so many seconds after the start; the last one of a series remains.

    Case does not matter: ESS and CloudMonitor spell the names differently.
    """
    metrics = instance.metrics.items()
    series = next((value for key, value in metrics if key.lower() == name.lower()), None)
    if not isinstance(series, list):
        return None if series is None else float(series)
    index = min(max(0, int(seconds // MINUTE)), len(series) - 1)
    return float(series[index]) if series else None
