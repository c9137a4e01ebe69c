"""Cold and warm removals over HTTPS, beside scripts that do the same: processor time and wall."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from benchmarks.clouds import PreparedCloud, prepared_cloud, removal_event
from benchmarks.code import Code, Program
from benchmarks.command import command_for
from benchmarks.processes import Invocation, run, warm_process
from benchmarks.timing import Row, at_most, milliseconds, span

PAGE_SIZE = 100  # the maximum of ESS
SIZES = (10, 100, 1_000, 2_000)  # instances of a group
COLD_GOALS = {100: 0.60, 2_000: 0.65}  # of the eager script's time, by the number of instances
WARM_GOALS = {100: 8.0, 2_000: 70.0}  # milliseconds of processor time
SLOW_SECONDS = 0.05  # that an answer takes
MAX_ANSWERS = 2.3  # what the slowest removal may take, in answers
OWN_GOAL = 2.0  # milliseconds

Measured = TypeVar("Measured")


class Cold(NamedTuple):
    """One process, to the first RemoveInstances."""

    wall_seconds: float  # from its start until the server had the request
    cpu_seconds: float  # of the whole process
    connections: int
    calls: int


class Warm(NamedTuple):
    """One invocation after the first of its process."""

    invocation: Invocation
    connections: int  # that carried a call
    handshakes: int
    calls: int


def figures(code: Code, repeats: int) -> list[Row]:
    """Cold figures of both sizes, and warm ones of four, with answers at once and slow."""
    rows: list[Row] = []
    for instances in COLD_GOALS:
        rows += cold_rows(code, instances, repeats)
    rows += [own_row(code, repeats)]
    rows += [warm_row(code, instances, repeats) for instances in SIZES]
    rows += [slow_row(code, instances, repeats, False) for instances in SIZES]
    rows += [slow_script_row(code, max(SIZES), repeats)]
    return rows + [slow_row(code, instances, repeats, True) for instances in WARM_GOALS]


def cold_rows(code: Code, instances: int, repeats: int) -> list[Row]:
    """Figures of a process that removes one instance; the programs take turns."""
    programs = (code.eager, code.newer, code.scalein)
    measured: dict[str, list[Cold]] = {program.name: [] for program in programs}
    with prepared_cloud(code.folder, code.authority, instances) as cloud:
        for number in range(-1, repeats):
            for program in programs:
                cold = cold_run(code, program, cloud, f"cold-{number}")
                if number >= 0:  # the first round brings the server its answers
                    measured[program.name].append(cold)
    return [
        *(_cold_row(name, instances, runs) for name, runs in measured.items()),
        *_ratio_rows(measured, code, instances),
    ]


def cold_run(
    code: Code,
    program: Program,
    cloud: PreparedCloud,
    request_id: str,
    prefix: Sequence[str] = (),
) -> Cold:
    """Runs a program once. Raises RuntimeError if it removes nothing."""
    cloud.take_counts()
    done = run(code, program, cloud.variables, removal_event(request_id), prefix)
    counts = cloud.take_counts()
    if counts.first_removal_at is None:
        raise RuntimeError(f"{program.name} removed nothing: {done.output}")
    wall_seconds = counts.first_removal_at - done.started_at
    calls = sum(counts.calls.values())
    return Cold(wall_seconds, done.cpu_seconds, counts.handshakes, calls)


def _cold_row(name: str, instances: int, runs: list[Cold]) -> Row:
    return Row(
        f"cold, {instances:,} instances, {name}",
        f"{_median(runs, lambda cold: cold.cpu_seconds)} processor, "
        f"{_median(runs, lambda cold: cold.wall_seconds)} wall; "
        f"{span([cold.connections for cold in runs], 'connection')}, "
        f"{span([cold.calls for cold in runs], 'call')}",
    )


def _ratio_rows(measured: dict[str, list[Cold]], code: Code, instances: int) -> list[Row]:
    """The function's time over each script's: the median of the rounds' ratios."""
    rows, scalein = [], measured[code.scalein.name]
    limit, figure = COLD_GOALS[instances], f"cold, {instances:,} instances, scalein / "
    for what, time_of in TIMES.items():
        ratio, best = ratios(scalein, measured[code.eager.name], time_of)
        name = f"{figure}{code.eager.name}, {what}"
        rows.append(at_most(name, ratio, limit, "{:.2f}", f"of the best {best:.2f}"))
    newer = [ratios(scalein, measured[code.newer.name], time_of)[0] for time_of in TIMES.values()]
    rows.append(Row(f"{figure}{code.newer.name}", "{:.2f} processor, {:.2f} wall".format(*newer)))
    return rows


TIMES: dict[str, Callable[[Cold], float]] = {
    "processor": lambda cold: cold.cpu_seconds,
    "wall": lambda cold: cold.wall_seconds,
}


def ratios(
    runs: list[Cold], others: list[Cold], time_of: Callable[[Cold], float]
) -> tuple[float, float]:
    """The median of the paired ratios, and the ratio of the best times."""
    pairs = [(time_of(a), time_of(b)) for a, b in zip(runs, others, strict=True)]
    best = min(a for a, _ in pairs) / min(b for _, b in pairs)
    return statistics.median(a / b for a, b in pairs), best


def warm_row(code: Code, instances: int, repeats: int) -> Row:
    """Processor time of a warm removal, with answers at once."""
    runs = warm_runs(code, instances, repeats)
    cpus = [warm.invocation.cpu_seconds * 1_000 for warm in runs]
    wall = _median(runs, lambda warm: warm.invocation.wall_seconds)
    detail = f"best {min(cpus):.1f} ms; {wall} wall; {_connections(runs)}"
    figure, median = f"warm, {instances:,} instances, processor", statistics.median(cpus)
    if instances in WARM_GOALS:
        return at_most(figure, median, WARM_GOALS[instances], "{:.1f} ms", detail)
    return Row(figure, f"{median:.1f} ms ({detail})")


def slow_row(code: Code, instances: int, repeats: int, is_parallel: bool) -> Row:
    """Wall time of a warm removal in slow answers.

    A group with a desired capacity (`is_parallel`) takes an answer more, so it has no goal: other
    removals may have begun beside this one.
    """
    runs = warm_runs(code, instances, repeats, SLOW_SECONDS, is_parallel)
    answers = [warm.invocation.wall_seconds / SLOW_SECONDS for warm in runs]
    median, milli = statistics.median(answers), SLOW_SECONDS * 1_000
    cpu = _median(runs, lambda warm: warm.invocation.cpu_seconds)
    figure = f"warm, {instances:,} instances, in answers of {milli:.0f} ms"
    detail = f"best {min(answers):.2f}; {cpu} processor; {_connections(runs)}"
    if is_parallel:
        return Row(f"{figure}, desired capacity", f"{median:.2f} ({detail})")
    return at_most(figure, median, MAX_ANSWERS, "{:.2f}", detail)


def slow_script_row(code: Code, instances: int, repeats: int) -> Row:
    """Wall time of a script that only reads all pages at once and removes, in slow answers."""
    pages = -(-instances // PAGE_SIZE)
    arguments = ("-m", "eager_parallel", str(pages))
    script = Program("script in as many threads", code.eager.paths, arguments)
    runs = warm_runs(code, instances, repeats, SLOW_SECONDS, False, program=script)
    answers = [warm.invocation.wall_seconds / SLOW_SECONDS for warm in runs]
    cpu = _median(runs, lambda warm: warm.invocation.cpu_seconds)
    milli = SLOW_SECONDS * 1_000
    return Row(
        f"warm, {instances:,} instances, in answers of {milli:.0f} ms, {script.name}",
        f"{statistics.median(answers):.2f} (best {min(answers):.2f}; {cpu} processor)",
    )


def warm_runs(
    code: Code,
    instances: int,
    repeats: int,
    delay_seconds: float = 0.0,
    is_parallel: bool = True,
    prefix: Sequence[str] = (),
    program: Program | None = None,
) -> list[Warm]:
    """Removes one instance in each of several invocations of one process.

    `is_parallel`: the group has a desired capacity. `program`: in place of the function. The first
    two invocations are not returned: they are cold, and bring the server its answers.
    """
    runs = []
    repeats = min(repeats, instances - 4)
    with (
        prepared_cloud(
            code.folder, code.authority, instances, delay_seconds, is_parallel=is_parallel
        ) as cloud,
        warm_process(code, cloud.variables, prefix, program=program) as process,
    ):
        for number in range(-2, repeats):
            cloud.take_counts()
            invocation = process.remove(removal_event(f"warm-{number}"))
            counts = cloud.take_counts()
            if number >= 0:
                calls = sum(counts.calls.values())
                runs.append(Warm(invocation, counts.connections, counts.handshakes, calls))
    return runs


def own_row(code: Code, repeats: int) -> Row:
    """The handler's own time: a warm invocation less the time in which a call ran."""
    with (
        prepared_cloud(code.folder, code.authority, 100) as cloud,
        warm_process(code, cloud.variables, mode=["own"]) as process,
    ):
        runs = [process.remove(removal_event(f"own-{n}")) for n in range(min(repeats, 90) + 2)][2:]
    own = [run.own_seconds * 1_000 for run in runs]
    figure = "warm, 100 instances, wall without the calls to ESS"
    return at_most(figure, statistics.median(own), OWN_GOAL, "{:.1f} ms", f"best {min(own):.1f} ms")


def _connections(runs: list[Warm]) -> str:
    return (
        f"{span([warm.connections for warm in runs], 'connection')} used, "
        f"{span([warm.handshakes for warm in runs], 'new one')}, "
        f"{span([warm.calls for warm in runs], 'call')}"
    )


def _median(runs: Sequence[Measured], time_of: Callable[[Measured], float]) -> str:
    return milliseconds(statistics.median(time_of(run) for run in runs))


main = command_for("Removals, cold and warm", 20, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.removals")
