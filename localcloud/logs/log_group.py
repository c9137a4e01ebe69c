"""Rows from a LogGroup, the protocol buffer that PutLogs takes (help page "Data encoding method").

Log { Time = 1, Contents = 2 { Key = 1, Value = 2 } }
LogGroup { Logs = 1, Topic = 3, Source = 4, LogTags = 6 { Key = 1, Value = 2 } }"""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.logs.rows import Row

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def rows_in(body: bytes) -> list[Row]:
    """Returns the rows of a LogGroup. Raises ValueError where it is none."""
    common: Row = {"__topic__": "", "__source__": ""}
    logs: list[Row] = []
    for number, value in _fields(body):
        if number == 1:
            logs.append(_log(_bytes(value)))
        elif number in (3, 4):
            common["__topic__" if number == 3 else "__source__"] = _text(value)
        elif number == 6:
            key, text = _pair(_bytes(value))
            common[f"__tag__:{key}"] = text
    return [{**common, **log} for log in logs]


def _log(body: bytes) -> Row:
    row: Row = {}
    for number, value in _fields(body):
        if number == 1 and isinstance(value, int):
            row["__time__"] = value
        elif number == 2:
            key, text = _pair(_bytes(value))
            row[key] = text
    if "__time__" not in row:
        raise ValueError("a log has no time")
    return row


def _pair(body: bytes) -> tuple[str, str]:
    fields = dict(_fields(body))
    return _text(fields.get(1, b"")), _text(fields.get(2, b""))


def _bytes(value: bytes | int) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a field is a number where bytes are expected")  # noqa: TRY004
    return value


def _text(value: bytes | int) -> str:
    return _bytes(value).decode("utf-8", "replace")


def _fields(body: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yields the number and the value of each field. Raises ValueError."""
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(body, at)
            yield number, value
            continue
        if kind == BYTES:
            size, at = _varint(body, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"the wire type {kind} is not known")
        if at + size > len(body):
            raise ValueError("the message ends within a field")
        yield number, body[at : at + size]
        at += size


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(body) and shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("the message ends within a number")
