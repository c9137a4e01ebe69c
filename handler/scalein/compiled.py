"""Gives imports what they would compile: regular expressions, and source that modules generate.

Named tuples, annotations and the classes of attrs are made of generated source; with 80 regular
expressions, to compile it takes a quarter of a cold start's imports. `scalein package` stores what
comes of it (scalein.packed). The key is all that the result depends on, and what is not stored is
compiled as ever.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]
import marshal
import re
from binascii import crc32
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType
from typing import Any

# Pattern and flags, as a module gives them; and what Python's compiler makes of them.
Pattern = tuple[Any, int, tuple[Any, ...]]
# By source, file name and mode, as they are given to `compile`: marshalled code.
Codes = dict[tuple[str, str, str], bytes]


def add_patterns(patterns: Sequence[Pattern]) -> None:
    """Puts regular expressions where `re` keeps those that it compiled."""
    cache: Any = vars(re).get("_cache", {})
    for pattern, flags, arguments in patterns:
        cache[type(pattern), pattern, flags] = _sre.compile(pattern, *arguments)


def add_codes(module: ModuleType, codes: Codes) -> None:
    """Has a module take stored code where it calls `compile`, or `eval` with a text."""
    vars(module).update(compile=_compiler(codes), eval=_evaluator(codes))
    if module.__name__ == "attr._make":
        vars(module).update(hash=steady_hash)


def steady_hash(text: str) -> int:
    """Returns a hash that is the same in every process. attrs writes the hash of a class's name
    into the source of `__hash__`, to tell instances of two classes apart.
    """
    return crc32(text.encode())


def _compiler(codes: Codes) -> Callable[..., Any]:
    def compile_or_take(source: Any, filename: str, mode: str) -> Any:
        return _stored(codes, source, filename, mode) or compile(source, filename, mode)

    return compile_or_take


def _evaluator(codes: Codes) -> Callable[..., Any]:
    def evaluate(source: Any, *names: Any) -> Any:
        return eval(_stored(codes, source, "<string>", "eval") or source, *names)  # noqa: S307

    return evaluate


def _stored(codes: Codes, source: Any, filename: str, mode: str) -> CodeType | None:
    byte_code = codes.get((source, filename, mode)) if isinstance(source, str) else None
    return marshal.loads(byte_code) if byte_code else None  # noqa: S302 (part of the package)
