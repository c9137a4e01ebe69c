"""The house rules of the local cloud: apart from the handler, no import cycles, in rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCALCLOUD, HANDLER = ROOT / "localcloud", ROOT / "handler"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(LOCALCLOUD.rglob("*.py"))
}
OWN = {path.stem for path in HANDLER.glob("*.py")} | {"scalein", "scalein_cli", "cli"}


def imported_names(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports: at its top, later, or for type checking only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module  # nothing is imported relatively
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_by_module() -> dict[str, set[str]]:
    """The modules of the local cloud that each of them imports; packages hold docstrings only."""
    return {
        name: {other for other in imported_names(path) if MODULES.get(other, path) != path}
        for name, path in MODULES.items()
    }


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one import cycle, in order; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_local_cloud_has_no_import_cycles() -> None:
    assert cycle_in(imports_by_module()) == []


def test_an_import_cycle_would_be_found() -> None:
    """Also one that exists for type checking only, for those imports are read too."""
    graph = imports_by_module()
    graph["localcloud.errors"] = {*graph["localcloud.errors"], "localcloud.ess.service"}

    assert "localcloud.errors" in cycle_in(graph)


@pytest.mark.parametrize("name", MODULES)
def test_the_local_cloud_shares_no_code_with_the_handler(name: str) -> None:
    assert {other.split(".")[0] for other in imported_names(MODULES[name])}.isdisjoint(OWN)


@pytest.mark.parametrize("path", sorted(HANDLER.rglob("*.py")), ids=lambda path: path.name)
def test_the_handler_shares_no_code_with_the_local_cloud(path: Path) -> None:
    assert "localcloud" not in {name.split(".")[0] for name in imported_names(path)}


def test_the_local_cloud_has_one_folder_for_each_service() -> None:
    folders = {path.parent.name for path in LOCALCLOUD.glob("*/__init__.py")}

    assert folders == {"console", "ess", "functions", "monitor", "queues"}
