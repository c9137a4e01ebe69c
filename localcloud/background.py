"""Work beside the requests of a server: a step again and again, and jobs on a pool of threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LOOK_SECONDS = 0.05  # between two steps
LOG = logging.getLogger(__name__)


class Background:
    """Makes steps from `start` to `close`. A step that fails is logged, and the next one made."""

    def __init__(self, name: str, workers: int, step: Callable[[], None]) -> None:
        self._step = step
        self._pool = ThreadPoolExecutor(workers, name)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name=f"{name}-steps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Callable[..., object], *arguments: Any) -> None:
        """Has a thread of the pool do a job."""
        self._pool.submit(job, *arguments)

    def close(self) -> None:
        """Waits for the step and the jobs that run; those that wait are not done."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _repeat(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            try:
                self._step()
            except Exception:
                LOG.exception("A step of the local cloud failed.")
