"""Removals under a share of a processor, as Function Compute gives one with the memory size.

The kernel limits the processes, by a control group, where this machine lets one be made (as root,
cgroup v1 or v2). Elsewhere the times are computed from those without a limit, and the table says
so: a process takes at least its processor time divided by its share.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.clouds import PreparedCloud, prepared_cloud
from benchmarks.code import Code
from benchmarks.command import command_for
from benchmarks.removals import Cold, Warm, cold_run, ratios, warm_runs
from benchmarks.timing import Row

SHARES = (0.05, 0.1, 0.25, 0.5)  # of one processor
SIZES = (100, 2_000)
PERIOD_MICROSECONDS = 100_000  # the kernel's default; that of Function Compute is not documented
GROUPS = Path("/sys/fs/cgroup")
# Moves the shell into the group, and has the program take its place.
ENTER = ("/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"')


class Limit(NamedTuple):
    """How to run a command with a share of a processor."""

    prefix: tuple[str, ...]  # empty if the machine allows no limit
    share: float


def figures(code: Code, repeats: int) -> list[Row]:
    """Cold and warm removals at each share, and the ratio to the eager script."""
    rows = []
    for instances in SIZES:
        with prepared_cloud(code.folder, code.authority, instances) as cloud:
            for program in (code.scalein, code.eager):
                cold_run(code, program, cloud, "first")  # brings the server its answers
            for share in SHARES:
                with limit(share) as limited:
                    rows.append(_cold_row(code, cloud, instances, limited, repeats))
    for instances in SIZES:
        for share in SHARES:
            with limit(share) as limited:
                rows.append(_warm_row(code, instances, limited, repeats))
    return rows


def _cold_row(
    code: Code, cloud: PreparedCloud, instances: int, limited: Limit, repeats: int
) -> Row:
    pairs: list[list[Cold]] = []
    failures: list[RuntimeError] = []
    while len(pairs) < repeats and len(pairs) + len(failures) < 2 * repeats:
        request_id = f"{len(pairs) + len(failures)}"
        try:
            pairs.append(
                [
                    cold_run(code, program, cloud, request_id, limited.prefix)
                    for program in (code.eager, code.scalein)
                ]
            )
        except RuntimeError as error:  # so little of a slow processor that its calls time out
            failures.append(error)
    if not pairs:
        raise failures[-1]
    eager, scalein = map(list, zip(*pairs, strict=True))
    wall = _wall_of_cold(limited)
    ratio, _ = ratios(scalein, eager, wall)
    tries = len(pairs) + len(failures)
    failed = f"; {len(failures)} of {tries} failed" if failures else ""
    return Row(
        f"cold, {instances:,} instances, {limited.share} vCPU",
        f"{_median(scalein, wall)}; eager script {_median(eager, wall)}; {ratio:.2f} of it{failed}"
        + _note(limited),
    )


def _warm_row(code: Code, instances: int, limited: Limit, repeats: int) -> Row:
    runs = warm_runs(code, instances, max(repeats, 5), prefix=limited.prefix)

    def wall(warm: Warm) -> float:
        measured = warm.invocation
        return _at_share(measured.wall_seconds, measured.cpu_seconds, limited)

    figure = f"warm, {instances:,} instances, {limited.share} vCPU"
    return Row(figure, _median(runs, wall) + _note(limited))


def _wall_of_cold(limited: Limit) -> Callable[[Cold], float]:
    return lambda cold: _at_share(cold.wall_seconds, cold.cpu_seconds, limited)


def _at_share(wall_seconds: float, cpu_seconds: float, limited: Limit) -> float:
    """The wall time as measured under the limit, or computed if there was none."""
    return wall_seconds if limited.prefix else max(wall_seconds, cpu_seconds / limited.share)


def _note(limited: Limit) -> str:
    return "" if limited.prefix else " (computed)"


def _median(runs: Sequence[object], wall: Callable[..., float]) -> str:
    return f"{statistics.median(wall(run) for run in runs):.2f} s"


@contextmanager
def limit(share: float, groups: Path = GROUPS) -> Iterator[Limit]:
    """Makes a control group with a share of a processor, where the machine allows it."""
    quota, name = round(share * PERIOD_MICROSECONDS), f"scalein-benchmark-{os.getpid()}"
    if (groups / "cgroup.controllers").exists():  # cgroup v2
        group, values = groups / name, {"cpu.max": f"{quota} {PERIOD_MICROSECONDS}"}
    else:
        period = {"cpu.cfs_period_us": f"{PERIOD_MICROSECONDS}"}
        group, values = groups / "cpu" / name, {**period, "cpu.cfs_quota_us": f"{quota}"}
    if not _is_made(group, values):
        yield Limit((), share)
        return
    try:
        yield Limit((*ENTER, str(group / "cgroup.procs")), share)
    finally:
        group.rmdir()


def _is_made(group: Path, values: dict[str, str]) -> bool:
    """Makes a control group with these values. Returns False, and leaves none, if it cannot be."""
    try:
        group.mkdir()
    except OSError:
        return False
    try:
        for name, value in values.items():
            with (group / name).open("r+") as file:  # the kernel made it
                file.write(value)
    except OSError:
        group.rmdir()
        return False
    return True


main = command_for("Removals with a share of a processor", 3, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.quotas")
