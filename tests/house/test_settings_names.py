"""One list of settings: what is read, what is documented, what all around the function sets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from scalein.errors import ConfigurationError
from scalein.settings import KNOWN, read_settings

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"(?<![A-Z_])SCALEIN_[A-Z_]+[A-Z]")
SETTERS = [
    "template.yml",
    "template-fc2.yml",
    "s-resources.yml",
    "s.yaml",
    "alarms.yml",
    "Makefile",
    "README.md",
    "scalein_cli",
    "localcloud",
    "benchmarks",
    "tools",
]
SUFFIXES = {".py", ".yml", ".yaml", ".json", ".md", ".sh", ""}


class Recorder(Mapping[str, str]):
    """An environment that knows what it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def test_the_known_settings_are_those_that_are_read() -> None:
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x"}
    environment = Recorder(
        {**keys, "SCALEIN_FOLLOW_UP_KEY": "k" * 32, "SCALEIN_FC_FUNCTION": "a/b"}
    )
    read_settings(environment, SimpleNamespace(region="cn-hangzhou", account_id="1"))

    assert {name for name in environment.names if name.startswith("SCALEIN_")} == set(KNOWN)
    assert list(KNOWN) == sorted(KNOWN)


def test_the_known_settings_are_those_that_operations_has_a_row_for() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")

    assert sorted(re.findall(r"^\| `(SCALEIN_[A-Z_]+)` \|", text, re.MULTILINE)) == list(KNOWN)


@pytest.mark.parametrize("place", SETTERS)
def test_nothing_around_the_function_sets_what_it_would_refuse(place: str) -> None:
    path = ROOT / place
    files = (
        [path]
        if path.is_file()
        else [p for p in path.rglob("*") if p.is_file() and p.suffix in SUFFIXES]
    )
    found = {name for file in files for name in NAME.findall(file.read_text(encoding="utf-8"))}

    assert found <= set(KNOWN)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SCALEIN_LEGDER", r"Unknown setting SCALEIN_LEGDER\. Did you mean SCALEIN_LEDGER\?"),
        ("SCALEIN_DRYRUN", "Did you mean SCALEIN_DRY_RUN"),
        ("SCALEIN_", r"Unknown setting SCALEIN_\. "),
        ("SCALEIN_ZZZZZZZZZZZZZZZZZZZZZ", "Known settings: SCALEIN_CMS_ENDPOINT, "),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_known_name(name: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        read_settings({name: "canary"}, SimpleNamespace())

    assert "canary" not in str(caught.value)


def test_names_of_others_are_no_fault_of_the_deployment() -> None:
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x"}
    others = {"_SCALEIN_COMPLETE": "1", "MY_SCALEIN_X": "1", "SCALEINX": "1"}

    assert (
        read_settings({**keys, **others}, SimpleNamespace(region="cn-hangzhou")).region_id
        == "cn-hangzhou"
    )
