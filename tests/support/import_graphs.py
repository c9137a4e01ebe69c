"""Which module of a package imports which, read from the files; nothing is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


def modules_in(root: Path, package: str) -> dict[str, Path]:
    """The file of each module of a package that lies in root, by dotted name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((root / package).rglob("*.py"))
    }


def imported_names(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports: at its top, later, or for type checking only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module  # nothing is imported relatively
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_by_module(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """Those of the modules that each of them imports."""
    return {
        name: {other for other in imported_names(path) if modules.get(other, path) != path}
        for name, path in modules.items()
    }


def cycle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one import cycle, in order; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
