"""The log of an instance: what a function writes, between the platform's lines."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

TAIL_BYTES = 4 << 10  # of the log that comes back with an answer
# The same for every version of Python, as logs of 3.9 and 3.10 show (help page "Logs").
INITED = "FunctionCompute python3 runtime inited.\n"
NAMES = {"initialize": "Initialize", "invoke": "Invoke"}


def begin(log: Path, is_cold: bool) -> int:
    """Returns where the output of an invocation starts; a new instance says what it is."""
    start = log.stat().st_size
    if is_cold:
        _append(log, INITED)
    return start


def write_start(log: Path, kind: str, request_id: str) -> None:
    """Appends the line that begins an invocation, or the initializer."""
    _append(log, f"FC {NAMES[kind]} Start RequestId: {request_id}\n")


def write_end(log: Path, kind: str, request_id: str, error: str) -> None:
    """Appends the line that ends what `write_start` began."""
    reason = f", Error: {error}" if error else ""
    with log.open("rb") as file:
        file.seek(-1, 2)  # the line that begins it is there
        line_end = "" if file.read() == b"\n" else "\n"
    _append(log, f"{line_end}FC {NAMES[kind]} End RequestId: {request_id}{reason}\n")


def output_since(log: Path, start: int) -> bytes:
    """Returns all that was written since."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read()


def tail(output: bytes, seconds: float, memory_mb: int, max_memory_used_mb: float) -> bytes:
    """The end of the output and the figures of the invocation, as they come with an answer."""
    milliseconds = seconds * 1_000
    figures = (
        f"Duration: {milliseconds:.2f} ms, Billed Duration: {-(-milliseconds // 1):.0f} ms, "
        f"Memory Size: {memory_mb} MB, Max Memory Used: {max_memory_used_mb:.2f} MB"
    )
    return (output + f"\n{figures}".encode())[-TAIL_BYTES:]


def max_memory_used_mb(process_id: int) -> float:
    """Most memory that the process had so far, in MB; 0 where this machine does not say."""
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1_024
    return 0.0


def _append(log: Path, text: str) -> None:
    with log.open("ab") as file:
        file.write(text.encode())
