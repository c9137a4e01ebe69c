"""The policy of a file is the last good one that was read; each invocation reads it again."""

from __future__ import annotations

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalein.errors import ConfigurationError
from scalein.policy import MAX_DOCUMENT_BYTES
from scalein.policy_source import PolicyFile, PolicyInUse, policy_in_use

MISSING = "missing"
BAD = ("", "{", "[]", '{"groups": {}, "canary": 1}', '{"groups": {"asg-1": {"floor": "canary"}}}')
GOOD = tuple(f'{{"groups": {{"asg-{number}": {{}}}}}}' for number in (1, 2, 3))


def write(file: Path, content: str) -> None:
    """Writes the content as a mount shows it whose time never changes."""
    if content == MISSING:
        file.unlink(missing_ok=True)
    else:
        file.write_text(content, encoding="utf-8")
        os.utime(file, (1_700_000_000, 1_700_000_000))


def groups(in_use: PolicyInUse) -> list[str]:
    return list(in_use.policy.groups)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([MISSING, *BAD, *GOOD]), max_size=12))
def test_the_last_good_content_decides_and_any_other_is_warned_of(
    tmp_path: Path, contents: list[str]
) -> None:
    """Whatever is written in whatever order; all times are the same, and all good sizes."""
    file = tmp_path / "policy.json"
    known, last_good = PolicyFile(str(file)), ""
    for content in contents:
        write(file, content)
        if content in GOOD:
            last_good = content
        if not last_good:
            with pytest.raises(ConfigurationError):
                known.policy_in_use()
            continue
        in_use = known.policy_in_use()
        assert groups(in_use) == list(json.loads(last_good)["groups"])
        assert in_use.fingerprint == sha256(last_good.encode()).hexdigest()[:12]
        assert bool(in_use.warning) == (content not in GOOD)
        assert (str(file) in in_use.warning) == bool(in_use.warning)
        assert "canary" not in in_use.warning
        assert known.policy_in_use() == in_use


def test_a_warning_says_where_the_fault_is_and_which_policy_decides_meanwhile(
    tmp_path: Path,
) -> None:
    file = tmp_path / "policy.json"
    known = PolicyFile(str(file))
    write(file, GOOD[0])
    fingerprint = known.policy_in_use().fingerprint
    write(file, BAD[-1])

    assert known.policy_in_use().warning == (
        f"The policy read before ({fingerprint}) still decides. Correct the new one: policy {file}:"
        " at $.groups['asg-1'].floor, rule type: groups['asg-1'].floor must be an integer."
        " Meaning: The capacity that the group keeps at least, as MinSize but of this policy."
    )


def test_a_document_that_did_not_change_is_not_checked_again(tmp_path: Path) -> None:
    """Neither a good one nor a bad one: a check takes milliseconds."""
    file = tmp_path / "policy.json"
    known = PolicyFile(str(file))
    write(file, GOOD[0])
    first = known.policy_in_use()

    assert known.policy_in_use() is first
    write(file, BAD[1])
    assert known.policy_in_use() is known.policy_in_use()


def test_the_identity_is_what_sha256sum_begins_with(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    write(file, GOOD[1])
    output = subprocess.run(["sha256sum", file], check=True, capture_output=True, text=True).stdout

    assert output.startswith(policy_in_use("", str(file)).fingerprint)
    assert policy_in_use(GOOD[1], "").fingerprint == policy_in_use("", str(file)).fingerprint


def test_a_document_beyond_any_policy_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    with file.open("wb") as stream:
        stream.truncate(MAX_DOCUMENT_BYTES + 1)

    with pytest.raises(ConfigurationError, match="has more than 1048576 bytes"):
        policy_in_use("", str(file))


def test_a_folder_in_its_place_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        policy_in_use("", str(tmp_path))
