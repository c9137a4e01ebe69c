"""Modules that are executed when they are first used."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scalein.cold_start import attributes_of, defer

HANDLER = Path(__file__).parents[2] / "handler"
SLOW = """
import time
started = True
time.sleep(0.05)
value = 7
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "a_module_of_this_test"
    (tmp_path / f"{name}.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_a_deferred_module_is_executed_when_an_attribute_is_read(module: str) -> None:
    defer(module)
    deferred = sys.modules[module]
    assert "value" not in vars(deferred)

    assert deferred.value == 7


def test_threads_that_use_a_deferred_module_at_once_all_find_it_whole(module: str) -> None:
    defer(module)
    together = threading.Barrier(8)

    def read(_: int) -> object:
        together.wait()
        return sys.modules[module].value

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read, range(8))) == [7] * 8


def test_an_attribute_that_stands_in_for_a_while_is_gone_afterwards(module: str) -> None:
    with attributes_of(module, value=1):
        assert sys.modules[module].value == 1
        assert "started" not in vars(sys.modules[module])

    assert sys.modules[module].value == 7


def test_an_attribute_never_stands_in_for_one_of_a_module_that_is_loaded(module: str) -> None:
    __import__(module)
    with attributes_of(module, value=1):
        assert sys.modules[module].value == 7


@pytest.mark.parametrize(
    "program",
    [
        "import inspect; assert inspect.signature(len)",
        "import typing_extensions; assert typing_extensions.TypeVar('A', default=int).__default__",
        "import idna; assert idna.IDNAError is not UnicodeError; assert idna.encode('a.de')",
        "import dataclasses; assert dataclasses.make_dataclass('A', ['x'])(1).x == 1",
        "import attrs; attrs.define(type('A', (), {'x': attrs.field(validator="
        "attrs.validators.instance_of(int), default=1, converter=int)}))()",
        "import traceback, linecache, tokenize; assert traceback.format_exception_only(OSError())",
        "import zipfile, shutil, locale; assert shutil.which and zipfile.ZipFile and locale.LC_ALL",
        "import ipaddress; assert ipaddress.AddressValueError is not ValueError",
        "from jsonschema import FormatChecker; assert not FormatChecker().conforms('a', 'ipv4')",
        "import subprocess, selectors, sys; assert selectors.DefaultSelector()"
        " and subprocess.run([sys.executable, '-c', '']).returncode == 0",
        "import platform, socket; assert platform.processor() is not None and socket.socket()",
        "import xml.etree.cElementTree as tree; assert tree.fromstring('<a/>').tag == 'a'",
        "import xml.etree.ElementTree as tree; assert tree.fromstring('<a/>').tag == 'a'",
        "import requests, fc2, redis; assert requests.Session()",
        "assert 'xn--' in 'm\\xfcnchen.de'.encode('idna').decode()",
    ],
)
def test_what_was_deferred_is_the_real_one_to_whoever_uses_it(program: str) -> None:
    """In a fresh interpreter, after all that a cold start imports."""
    cold = (
        "import index; from scalein import contract; contract.validator('removal-request');"
        " import scalein.cloud.ess"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{cold}\n{program}"],
        env={"PYTHONPATH": str(HANDLER)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
