"""Decompresses an LZ4 block, as clients of Simple Log Service send it (LZ4's block format)."""

from __future__ import annotations

MIN_MATCH = 4


def decompress(data: bytes, size: int) -> bytes:
    """Returns the content, of `size` bytes. Raises ValueError where it is no such block."""
    out, at = bytearray(), 0
    try:
        while at < len(data):
            token = data[at]
            count, at = _length(data, at + 1, token >> 4)
            if at + count > len(data):
                raise ValueError("the block ends within a literal")
            out += data[at : at + count]
            at += count
            if at == len(data):
                break
            distance = data[at] | data[at + 1] << 8
            count, at = _length(data, at + 2, token & 15)
            _repeat(out, distance, count + MIN_MATCH, size)
    except IndexError as error:
        raise ValueError("the block ends within a sequence") from error
    if len(out) != size:
        raise ValueError(f"the block has {len(out)} bytes, not {size}")
    return bytes(out)


def _length(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    """Returns a length, and where what follows it begins."""
    length = nibble
    if nibble == 15:
        while True:
            byte = data[at]
            at += 1
            length += byte
            if byte != 255:
                break
    return length, at


def _repeat(out: bytearray, distance: int, count: int, max_size: int) -> None:
    if not 0 < distance <= len(out) or len(out) + count > max_size:
        raise ValueError("the block refers to what is not in it")
    pattern = bytes(out[-distance:])  # where it is shorter than the copy, it comes again
    out += (pattern * (count // distance + 1))[:count]
