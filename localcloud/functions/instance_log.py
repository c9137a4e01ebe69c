"""The log of an instance: what a function writes, between the platform's lines."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

TAIL_BYTES = 4 << 10  # of the log that comes back with an answer


def begin(log: Path, request_id: str) -> int:
    """Appends the line that begins an invocation; returns where its output starts."""
    start = log.stat().st_size
    _append(log, f"FC Invoke Start RequestId: {request_id}\n")
    return start


def end(log: Path, start: int, request_id: str, error: str) -> bytes:
    """Appends the line that ends an invocation; returns all of its output."""
    reason = f", Error: {error}" if error else ""
    with log.open("rb") as file:
        file.seek(start)
        output = file.read()
    line_end = "" if output.endswith(b"\n") else "\n"
    _append(log, f"{line_end}FC Invoke End RequestId: {request_id}{reason}\n")
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
