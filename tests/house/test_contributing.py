"""The worked examples of CONTRIBUTING.md work: they are followed in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("handler", "localcloud", "tests", "scalein_cli")
STEP = re.compile(
    r"^ *`(?P<path>[\w/.]+)`, (?:(?P<place>after|before|without) the line `(?P<line>[^\n]+?)`|"
    r"(?P<new>a new file)|(?P<end>at its end))(?::\n\n *```\w+\n(?P<text>.*?)^ *```$|\.$)",
    re.MULTILINE | re.DOTALL,
)


def follow(root: Path, step: re.Match[str]) -> None:
    """Changes one file of the copy. Fails where the line is not there exactly once."""
    path, line = root / step["path"], f"{step['line']}\n"
    text = re.sub("^   ", "", step["text"] or "", flags=re.MULTILINE)
    if step["new"]:
        assert not path.exists(), path
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if step["end"]:
        path.write_text(f"{before}\n\n{text}", encoding="utf-8")
        return
    assert before.count(f"\n{line}") == 1, (step["path"], line)
    changed = {"after": line + text, "before": text + line, "without": ""}[step["place"]]
    path.write_text(before.replace(f"\n{line}", f"\n{changed}"), encoding="utf-8")


def test_the_examples_work_when_they_are_followed(tmp_path: Path) -> None:
    document = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = list(STEP.finditer(document))
    assert len(steps) == len(re.findall(r"```(?:python|json)\n", document)) + 1
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    for step in steps:
        follow(tmp_path, step)

    new_tests = [step["path"] for step in steps if step["new"] and "/test_" in step["path"]]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--basetemp=run", *new_tests],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "handler:."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
