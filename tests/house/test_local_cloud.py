"""The house rules of the local cloud: apart from the handler, no import cycles, in rooms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.import_graphs import cycle_in, imported_names, imports_by_module, modules_in

ROOT = Path(__file__).parents[2]
LOCALCLOUD, HANDLER = ROOT / "localcloud", ROOT / "handler"
MODULES = modules_in(ROOT, "localcloud")
OWN = {path.stem for path in HANDLER.glob("*.py")} | {"scalein", "scalein_cli", "cli"}


def test_the_local_cloud_has_no_import_cycles() -> None:
    assert cycle_in(imports_by_module(MODULES)) == []


def test_an_import_cycle_would_be_found() -> None:
    """Also one that exists for type checking only, for those imports are read too."""
    graph = imports_by_module(MODULES)
    graph["localcloud.errors"] = {*graph["localcloud.errors"], "localcloud.ess.service"}

    assert "localcloud.errors" in cycle_in(graph)


@pytest.mark.parametrize("name", MODULES)
def test_the_local_cloud_shares_no_code_with_the_handler(name: str) -> None:
    assert {other.split(".")[0] for other in imported_names(MODULES[name])}.isdisjoint(OWN)


@pytest.mark.parametrize("path", sorted(HANDLER.rglob("*.py")), ids=lambda path: path.name)
def test_the_handler_shares_no_code_with_the_local_cloud(path: Path) -> None:
    assert "localcloud" not in {name.split(".")[0] for name in imported_names(path)}


PAGE = sorted((LOCALCLOUD / "console/page").iterdir())


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.name)
def test_a_file_of_the_console_stays_small_and_asks_no_other_server(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    addresses = {word for line in lines for word in re.findall(r"https?://[^\s'\"]+", line)}

    assert len(lines) <= 300
    assert [number for number, line in enumerate(lines, 1) if len(line) > 100] == []
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.name)
def test_a_file_of_the_console_says_what_it_is_for(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]

    assert first.startswith({".js": "// ", ".css": "/* ", ".html": "<!doctype"}[path.suffix])


def test_the_local_cloud_has_one_folder_for_each_service() -> None:
    folders = {path.parent.name for path in LOCALCLOUD.glob("*/__init__.py")}

    assert folders == {
        "buses",
        "console",
        "ess",
        "functions",
        "logs",
        "monitor",
        "queues",
        "triggers",
    }
