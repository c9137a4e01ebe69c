"""The handler in processes of its own, which can be killed at any step of its way."""

from __future__ import annotations

import ast
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from datetime import datetime, timedelta, timezone
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
os.environ.setdefault(
    "PYTHONPATH", f"{ROOT / 'handler'}:{ROOT}"
)  # the server that forks is a Python of its own
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["index", "scalein.cloud.ess", "scalein.cloud.function_compute", "scalein.ledger.redis"]
)
STEPS = {  # by module of handler/scalein: where it hands over to another, or to the world
    "cloud/ess.py": {"snapshot", "remove", "activities", "history"},
    "ledger/redis.py": {"claim_message", "acquire_lease", "record", "release"},
    "ledger/fallback.py": {"claim_message", "acquire_lease", "record", "release"},
    "processing/journal.py": {
        "record_intent",
        "record_result",
        "schedule_follow_up",
        "schedule_same_step",
        "save_outcome",
        "release",
    },
    "processing/follow_ups.py": {"schedule"},
    "report/audit.py": {"record"},
}
PACKAGE = ROOT / "handler" / "scalein"
CRASHED = "crashed"  # a status of these tests: an exception that is not documented


class FastClock(NamedTuple):
    """A clock that runs `rate` times as fast as the real one.

    Not the driven one: it shows the same in all processes of this machine, and none can move it.
    """

    start: datetime
    at: float  # time.monotonic() then
    rate: float

    @classmethod
    def starting_now(cls, rate: float) -> FastClock:
        return cls(datetime.now(timezone.utc), time.monotonic(), rate)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self.at) * self.rate

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.rate)


class Job(NamedTuple):
    event: bytes
    clock: FastClock
    kill_at: int | None = None  # the step at which it is killed
    request_id: str = "fc-1"
    timeout: int = 30
    counts: bool = True  # its steps, which makes it slower


class Answer(NamedTuple):
    outcome: dict[str, Any]
    raised: bool
    steps: int


class Worker:
    """One instance of the function."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_work, args=(theirs, dict(variables)), daemon=True)
        self.process.start()
        theirs.close()

    def send(self, job: Job) -> None:
        """Begins an invocation. Raises LookupError where a step that is counted does not exist."""
        if job.counts:
            check_steps()
        self.pipe.send(job)

    def answer(self) -> Answer | None:
        """None where it was killed."""
        try:
            answer: Answer = self.pipe.recv()
        except EOFError:
            return None
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(pipe: Connection, variables: dict[str, str]) -> None:
    os.environ.update(variables)
    logging.disable(logging.CRITICAL)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # its audit lines
        _do_jobs(pipe)


def _do_jobs(pipe: Connection) -> None:
    import index
    from tests.support.deployment import context

    while True:
        job: Job = pipe.recv()
        steps = _counting(job.kill_at) if job.counts else [0]
        try:
            outcome, raised = (
                index.serve(
                    job.event, context(request_id=job.request_id, timeout=job.timeout), job.clock
                ),
                False,
            )
        except (index.TryLaterError, index.RemovalFailedError) as error:
            outcome, raised = json.loads(str(error)), True
        except Exception:  # noqa: BLE001 (whatever is not documented)
            outcome, raised = {"status": CRASHED, "message": traceback.format_exc(limit=-3)}, True
        sys.setprofile(None)
        pipe.send(Answer(outcome, raised, steps[0]))


@cache
def check_steps() -> None:
    """Raises LookupError, which names each of STEPS that does not exist."""
    if missing := missing_steps(STEPS, PACKAGE):
        raise LookupError(f"change STEPS in {__file__}, for it names {'; '.join(missing)}")


def missing_steps(steps: Mapping[str, Collection[str]], package: Path) -> list[str]:
    """Returns a sentence for each module and each function of `steps` that a package lacks."""
    missing = []
    for module, names in steps.items():
        if not (package / module).is_file():
            missing.append(f"{module}, which does not exist")
            continue
        tree = ast.parse((package / module).read_text(encoding="utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        missing += [f"{name}(), which {module} lacks" for name in sorted({*names} - defined)]
    return missing


def _counting(kill_at: int | None) -> list[int]:
    """Counts the steps from now on, at begin and end of each. At `kill_at`, the process dies."""
    steps = [0]

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return"):
            return
        module = frame.f_code.co_filename.rpartition("/scalein/")[2]
        if frame.f_code.co_name in STEPS.get(module, ()):
            if steps[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            steps[0] += 1

    sys.setprofile(profile)
    return steps
