"""Lists of instance ids, and of positions in such a list, as short texts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def ranges_of(numbers: Iterable[int]) -> str:
    """Such as 0-19 40 7, in the order given."""
    parts = list[list[int]]()
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in parts)


def numbers_of(ranges: str, limit: int) -> Iterator[int]:
    """The numbers of such a text. Raises ValueError for one that is not below the limit."""
    for part in ranges.split():
        first, _, last = part.partition("-")
        if int(last or first) >= limit:
            raise ValueError(part)
        yield from range(int(first), int(last or first) + 1)


def joined_ids(ids: tuple[str, ...]) -> str | list[str]:
    """One text: within a text within JSON, the quotes of each id would take four bytes more. A list
    where an id has a space.
    """
    text = " ".join(ids)
    return text if split_ids(text) == ids else list(ids)


def split_ids(ids: str | list[str]) -> tuple[str, ...]:
    if isinstance(ids, str):
        return tuple(ids.split(" ")) if ids else ()
    return tuple(map(str, ids))
