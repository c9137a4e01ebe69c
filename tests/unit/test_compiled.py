"""What is stored of a cold start's compiling is what Python makes of the same source."""

from __future__ import annotations

import marshal
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scalein import compiled
from scalein.compiled import Codes, Pattern, add_codes, add_patterns
from scalein_cli.packing import RECORDER

INDEX = """
import re, typing, attr._make
from collections import namedtuple
word = re.compile(r"(?P<first>[a-z]+)é*", re.I)
digits = re.compile(rb"[0-9]{2,4}")
Point = namedtuple("Point", "x y")
exec(compile("answer = 42", "<made here>", "exec"))
"""
MODULES = {
    "index.py": INDEX,
    "scalein/__init__.py": "",
    "scalein/compiled.py": Path(compiled.__file__).read_text(),
    "attr/__init__.py": "",
    "attr/_make.py": "hashed = eval(str(hash('a name')))",
    "scalein/contract.py": "def validator(name): pass",
    "scalein/cloud/__init__.py": "",
    "scalein/cloud/ess.py": "from __future__ import annotations\nvalue: int = eval('6 * 7')",
}
Recorded = tuple[dict[str, Any], list[Pattern], dict[str, Codes]]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    for name, source in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(source)
    done = subprocess.run(
        [sys.executable, "-S", "-c", RECORDER.read_text(), str(tmp_path)],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    result: Recorded = marshal.loads(done.stdout)
    return result


@pytest.fixture
def empty_cache() -> Iterator[None]:
    re.purge()
    yield
    re.purge()


@pytest.mark.usefixtures("empty_cache")
def test_stored_patterns_are_those_that_python_compiles(recorded: Recorded) -> None:
    _, patterns, _ = recorded
    add_patterns(patterns)
    stored = {(p, flags): re.compile(p, flags) for p, flags, _ in patterns}
    re.purge()

    assert {(p, flags): re.compile(p, flags) for p, flags in stored} == stored
    assert stored[r"(?P<first>[a-z]+)é*", re.I].match("Ab")["first"] == "Ab"  # type: ignore[index]
    assert (rb"[0-9]{2,4}", 0) in stored


@pytest.mark.usefixtures("empty_cache")
def test_re_takes_a_stored_pattern() -> None:
    ordinary = re.compile("a+b")
    re.purge()
    add_patterns([("a+b", 0, (32, [1], 0, {}, ()))])  # code of no pattern: it always matches

    assert re.compile("a+b") != ordinary
    assert re.compile("a+b").match("c")


def test_stored_code_is_what_python_compiles_by_the_callers_future_statements(
    recorded: Recorded,
) -> None:
    modules, _, codes_by_module = recorded
    assert set(modules) == {
        "attr",
        "attr._make",
        "scalein.contract",
        "scalein.cloud",
        "scalein.cloud.ess",
    }
    assert set(codes_by_module) >= {"index", "collections", "scalein.cloud.ess"}
    for codes in codes_by_module.values():
        for (source, filename, mode), byte_code in codes.items():
            stored = marshal.loads(byte_code)
            flags = stored.co_flags & 0x1FF0000
            assert stored == compile(source, filename, mode, flags, dont_inherit=True)


def test_a_module_takes_stored_code_and_compiles_everything_else() -> None:
    stored = marshal.dumps(compile("'stored'", "<string>", "eval"))
    module = ModuleType("module")
    add_codes(module, {("'compiled'", "<string>", "eval"): stored})
    program = """
taken = eval("'compiled'", {}), eval(compile("'compiled'", "<string>", "eval"), {})
not_taken = eval("'other'", {}), eval(compile("'compiled'", "other file", "eval"), {})
"""
    exec(program, vars(module))

    assert module.taken == ("stored", "stored")
    assert module.not_taken == ("other", "compiled")


def test_named_tuples_are_as_ever_with_stored_code(recorded: Recorded) -> None:
    codes = recorded[2]["collections"]
    namedtuples = ModuleType("namedtuples")
    vars(namedtuples).update(vars(sys.modules["collections"]))
    add_codes(namedtuples, codes)

    point: Any = vars(namedtuples)["namedtuple"]("Point", "x y")

    assert point(1, y=2) == (1, 2)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        point(1)


def test_source_of_attrs_with_the_hash_of_a_name_is_the_same_in_every_process(
    recorded: Recorded,
) -> None:
    codes = recorded[2]["attr._make"]
    module = ModuleType("attr._make")
    add_codes(module, codes)
    exec("source = str(hash('a name'))", vars(module))

    assert (module.source, "<string>", "eval") in codes
