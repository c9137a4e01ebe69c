"""Holds back the signals that would end this process, while it must not end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C; the end of a job; a closed terminal, which not every system has.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def held_signals(say: Callable[[], None]) -> Iterator[None]:
    """Holds them back until the context ends; they act then. `say` is called for each."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        received.append(number)
        say()

    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.signal(number, hold) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if received:
            signal.raise_signal(received[0])
