"""Cold and warm removals over HTTPS, beside scripts that do the same: processor time and wall."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.clouds import PreparedCloud, prepared_cloud, removal_event
from benchmarks.code import Code, Program
from benchmarks.command import command_for
from benchmarks.processes import Run, run, warm_process
from benchmarks.timing import Row, at_most, median_and_best, milliseconds, span

COLD_GOALS = {100: 0.60, 2_000: 0.65}  # of the eager script's time, by the number of instances
WARM_GOALS = {100: 8.0, 2_000: 70.0}  # milliseconds of processor time
SLOW_SECONDS = 0.05  # that an answer takes
MAX_ANSWERS = 2.3  # what the slowest removal may take, in answers


def figures(code: Code, repeats: int) -> list[Row]:
    """Cold and warm figures of both sizes, with answers at once and after a network's time."""
    rows: list[Row] = []
    for instances in COLD_GOALS:
        rows += cold_rows(code, instances, repeats)
    for delay_seconds in (0.0, SLOW_SECONDS):
        for instances in WARM_GOALS:
            rows += warm_rows(code, instances, repeats, delay_seconds)
    return rows


class Cold(NamedTuple):
    """One process, to the first RemoveInstances."""

    wall_seconds: float  # from its start until the server had the request
    cpu_seconds: float  # of the whole process
    connections: int
    resumed: int
    calls: int


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
    rows = [row for name, runs in measured.items() for row in _program_rows(name, instances, runs)]
    return [*rows, *ratio_rows(measured, code, instances)]


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
    return _cold_of(cloud, program, done)


def _cold_of(cloud: PreparedCloud, program: Program, done: Run) -> Cold:
    counts = cloud.take_counts()
    if counts.first_removal_at is None:
        raise RuntimeError(f"{program.name} removed nothing: {done.output}")
    return Cold(
        counts.first_removal_at - done.started_at,
        done.cpu_seconds,
        counts.handshakes,
        counts.resumed,
        sum(counts.calls.values()),
    )


def _program_rows(name: str, instances: int, runs: list[Cold]) -> list[Row]:
    figure = f"cold, {instances:,} instances, {name}"
    return [
        Row(f"{figure}, processor", median_and_best([cold.cpu_seconds for cold in runs])),
        Row(f"{figure}, wall", median_and_best([cold.wall_seconds for cold in runs])),
        Row(
            f"{figure}, TLS connections",
            f"{span([cold.connections for cold in runs])} "
            f"({span([cold.resumed for cold in runs])} resumed) "
            f"for {span([cold.calls for cold in runs])} calls",
        ),
    ]


def ratio_rows(measured: dict[str, list[Cold]], code: Code, instances: int) -> list[Row]:
    """The function's time over each script's: the median of what the rounds gave."""
    rows, scalein = [], measured[code.scalein.name]
    for what in ("cpu_seconds", "wall_seconds"):
        name = {"cpu_seconds": "processor", "wall_seconds": "wall"}[what]
        for program in (code.eager, code.newer):
            ratio, best = ratios(scalein, measured[program.name], what)
            figure = f"cold, {instances:,} instances, scalein / {program.name}, {name}"
            if program is code.eager:
                detail = f"of the best {best:.2f}"
                rows.append(at_most(figure, ratio, COLD_GOALS[instances], "{:.2f}", detail))
            else:
                rows.append(Row(figure, f"{ratio:.2f} (of the best {best:.2f})"))
    return rows


def ratios(ours: list[Cold], theirs: list[Cold], what: str) -> tuple[float, float]:
    """The median of the paired ratios, and the ratio of the best times."""
    pairs = [(getattr(a, what), getattr(b, what)) for a, b in zip(ours, theirs, strict=True)]
    best = min(a for a, _ in pairs) / min(b for _, b in pairs)
    return statistics.median(a / b for a, b in pairs), best


def warm_rows(
    code: Code, instances: int, repeats: int, delay_seconds: float = 0.0, prefix: Sequence[str] = ()
) -> list[Row]:
    """Figures of the second and later events of one process."""
    walls, cpus, made, used = [], [], [], []
    with (
        prepared_cloud(code.folder, code.authority, instances, delay_seconds) as cloud,
        warm_process(code, cloud.variables, prefix) as process,
    ):
        for number in range(-2, repeats):
            cloud.take_counts()
            invocation = process.invoke(removal_event(f"warm-{number}"))
            counts = cloud.take_counts()
            if number < 0:  # cold, and the one after it
                continue
            walls.append(invocation.wall_seconds)
            cpus.append(invocation.cpu_seconds)
            made.append(counts.handshakes)
            used.append(counts.connections)
    text = f"answers of {delay_seconds * 1_000:.0f} ms" if delay_seconds else "answers at once"
    figure = f"warm, {instances:,} instances, {text}"
    connections = f"{span(used)} used, {span(made)} of them new"
    rows = [_warm_cpu(figure, instances, cpus), Row(f"{figure}, wall", median_and_best(walls))]
    if delay_seconds:
        answers = [wall / delay_seconds for wall in walls]
        detail = f"best {min(answers):.2f}"
        median = statistics.median(answers)
        rows.append(at_most(f"{figure}, in answers", median, MAX_ANSWERS, "{:.2f}", detail))
    return [*rows, Row(f"{figure}, TLS connections", connections)]


def _warm_cpu(figure: str, instances: int, cpus: list[float]) -> Row:
    figure, best = f"{figure}, processor", f"best {milliseconds(min(cpus))}"
    if instances not in WARM_GOALS:
        return Row(figure, median_and_best(cpus))
    median = statistics.median(cpus) * 1_000
    return at_most(figure, median, WARM_GOALS[instances], "{:.1f} ms", best)


main = command_for("Removals, cold and warm", 20, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.removals")
