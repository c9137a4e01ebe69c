"""Ctrl-C ends a command that only reads within a second, though its threads wait for answers."""

from __future__ import annotations

import os
import signal
import sys
from threading import Timer
from types import FrameType
from typing import NoReturn

CLEANUP_SECONDS = 0.8  # for the main thread: it stops what it started
INTERRUPTED = 130  # exit status, as of a shell: 128 and the signal's number
SHOW_CURSOR = "\x1b[?25h"


def end_soon_on_interrupt() -> None:
    """From now on. Only for commands that change nothing in the cloud."""
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    timer = Timer(CLEANUP_SECONDS, _end)
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def _end() -> None:
    if sys.stderr.isatty():
        sys.stderr.write(SHOW_CURSOR)
    sys.stderr.write("Aborted!\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
