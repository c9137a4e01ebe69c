"""Modules that are imported from one file behave as those that are imported from their own."""

from __future__ import annotations

import importlib
import importlib.resources
import marshal
import sys
import traceback
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from scalein.compiled import Codes
from scalein.packed import Entries, Finder, finder_of, packed_bytes

SOURCES = {
    "packed_here/__init__.py": "from packed_here import inner\n",
    "packed_here/inner.py": "value = 7\n\ndef fail():\n    raise ValueError('on line 4')\n"
    "computed = eval('5 * 7', {}), eval('5 * 8', {})\n",
}
# The value is another one, so that it shows which was taken.
STORED = marshal.dumps(compile("-35", "<string>", "eval"))
CODES: dict[str, Codes] = {"packed_here.inner": {("5 * 7", "<string>", "eval"): STORED}}


def packed_file(folder: Path, magic_number: bytes = MAGIC_NUMBER) -> str:
    entries, byte_code = Entries(), b""
    for path, source in SOURCES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(source)
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        own = marshal.dumps(compile(source, str(folder / path), "exec"))
        start, byte_code = len(byte_code), byte_code + own
        entries[name] = (path, path.endswith("__init__.py"), start, len(byte_code))
    file = folder / "packed.bin"
    file.write_bytes(packed_bytes((entries, [], CODES), byte_code, magic_number))
    return str(file)


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[Finder]:
    found = finder_of(str(tmp_path), packed_file(tmp_path))
    assert found is not None
    sys.meta_path.insert(0, found)
    yield found
    sys.meta_path.remove(found)
    for name in ("packed_here", "packed_here.inner"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("finder")
def test_a_packed_module_takes_stored_code_in_place_of_source_that_it_compiles() -> None:
    assert importlib.import_module("packed_here").inner.computed == (-35, 40)


@pytest.mark.usefixtures("finder")
def test_a_packed_package_has_its_modules_its_files_and_its_lines(tmp_path: Path) -> None:
    package = importlib.import_module("packed_here")
    (tmp_path / "packed_here" / "data.txt").write_text("data")

    assert package.inner.value == 7
    assert package.__path__ == [str(tmp_path / "packed_here")]
    assert package.inner.__file__ == str(tmp_path / "packed_here" / "inner.py")
    assert importlib.resources.files("packed_here").joinpath("data.txt").read_text() == "data"
    with pytest.raises(ValueError, match="on line 4") as error:
        package.inner.fail()
    assert "raise ValueError('on line 4')" in "".join(traceback.format_tb(error.tb))


def test_a_module_that_is_not_packed_is_left_to_others(finder: Finder) -> None:
    assert finder.find_spec("json") is None


def test_a_file_of_another_python_or_none_at_all_is_ignored(tmp_path: Path) -> None:
    assert finder_of(str(tmp_path), packed_file(tmp_path, b"\0\0\r\n")) is None
    assert finder_of(str(tmp_path), str(tmp_path / "missing")) is None
