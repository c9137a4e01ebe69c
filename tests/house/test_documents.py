"""Schemas and documents say what the code does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from localcloud.ess import catalogue
from localcloud.faults import KINDS
from scalein.cloud.error_codes import MEANINGS
from scalein.decision.reasons import Ignored, Reason, Status
from scalein_cli.__main__ import main as commands
from scalein_cli.verdicts import LABELS
from tests.support.needs import skip_without
from tools import operations_tables

ROOT = Path(__file__).parents[2]
SCHEMAS = [
    *(ROOT / "handler/scalein/schemas").glob("*.json"),
    *(ROOT / "localcloud").glob("*.schema.json"),
    *(ROOT / "scalein_cli/schemas").glob("*.json"),
]
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs/settings.md").read_text(encoding="utf-8")


def fields(schema: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property and item of a schema."""
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{path}.{name}", field
        for key, inner in schema.items():
            yield from fields(inner, f"{path}/{key}")


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_valid_and_describes_every_field(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)

    assert [name for name, field in fields(schema) if not field.get("description")] == []


def test_the_projects_own_request_knows_every_field_that_it_allows() -> None:
    schema = json.loads(
        (ROOT / "handler/scalein/schemas/removal-request.schema.json").read_text(encoding="utf-8")
    )
    objects = [schema, *(field for _, field in fields(schema) if field.get("type") == "object")]

    assert all(field["additionalProperties"] is False for field in objects)


@pytest.mark.parametrize("status", Status)
def test_operations_has_a_row_for_every_status(status: Status) -> None:
    assert f"| `{status.value}` |" in OPERATIONS


@pytest.mark.parametrize("reason", Reason)
def test_operations_has_a_row_for_every_reason(reason: Reason) -> None:
    assert f"| `{reason.value}` |" in OPERATIONS
    assert LABELS[reason]


@pytest.mark.parametrize("name", ["operations.md", "observability.md"])
def test_the_tables_of_a_document_are_those_that_the_code_makes(name: str) -> None:
    """make docs writes them."""
    document = (ROOT / "docs" / name).read_text(encoding="utf-8")

    assert operations_tables.written(document) == document


def test_every_table_that_the_code_makes_is_in_a_document() -> None:
    documents = [
        (ROOT / "docs" / name).read_text() for name in ("operations.md", "observability.md")
    ]
    marked = [name for text in documents for name in operations_tables.TABLE.findall(text)]

    assert sorted(marked) == sorted(operations_tables.made_tables())


@pytest.mark.parametrize("why", Ignored)
def test_operations_has_a_row_for_every_way_to_be_ignored(why: Ignored) -> None:
    assert f"| `{why.value}` |" in OPERATIONS


def test_the_policy_is_described_field_by_field() -> None:
    """Every guardrail, every fact that a rule can match on, in prose as in the schema."""
    policy = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
    schema = json.loads(
        (ROOT / "handler/scalein/schemas/policy.schema.json").read_text(encoding="utf-8")
    )["properties"]
    group_policy = schema["groups"]["additionalProperties"]["properties"]
    conditions = schema["alarms"]["items"]["properties"]["when"]["properties"]

    assert [
        name
        for name in (*schema, *group_policy, *conditions)
        if name != "$schema" and name not in policy
    ] == []
    assert [name for name in conditions if f"| `{name}` |" not in policy] == []


def test_architecture_names_every_module_of_the_deployed_package() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    package = ROOT / "handler/scalein"
    modules = [path.relative_to(package).as_posix() for path in package.rglob("*.py")]

    assert [name for name in modules if f"](../handler/scalein/{name})" not in text] == []


@pytest.mark.parametrize("code", MEANINGS)
def test_operations_has_a_row_for_every_error_code(code: str) -> None:
    assert f"`{code}`" in OPERATIONS


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    in_code = set(
        re.findall(
            r"SCALEIN_[A-Z_]+", (ROOT / "handler/scalein/settings.py").read_text(encoding="utf-8")
        )
    )

    documented = set(re.findall(r"SCALEIN_[A-Z_]+", SETTINGS))

    assert documented == in_code - {"SCALEIN_"}
    assert set(re.findall(r"SCALEIN_[A-Z_]+", OPERATIONS)) <= documented


DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))

    assert [target for target in targets if not (document.parent / target).exists()] == []


def anchors(document: Path) -> set[str]:
    """What GitHub calls the headings of a document in links."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_to_a_heading_leads_to_one(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text(encoding="utf-8"))

    assert [
        (name, anchor)
        for name, anchor in links
        if anchor not in anchors(document.parent / name if name else document)
    ] == []


def test_the_readmes_commands_are_targets_of_the_makefile() -> None:
    targets = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert (
        set(re.findall(r"`?make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
        <= targets
    )


def test_every_deployed_requirement_is_pinned_and_names_the_module_that_imports_it() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()

    for line in lines:
        if line and not line.startswith("#"):
            found = re.fullmatch(r"[\w.-]+==[0-9.]+ +# (handler/scalein/[\w/]+\.py).*", line)
            assert found, line
            assert (ROOT / found[1]).is_file(), line


LOCALCLOUD = (ROOT / "localcloud/README.md").read_text(encoding="utf-8")


def test_the_console_is_served_at_the_port_that_make_is_given() -> None:
    if shutil.which("make") is None:
        skip_without("make", "apt-get install make")

    def printed(*words: str) -> str:
        command = ["make", "--no-print-directory", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "localcloud --port 8080" in printed("-n", "console")
    assert "localcloud --port 9001" in printed("-n", "console", "PORT=9001")
    assert "(PORT=8080)" in printed("help")


def test_the_table_of_actions_is_the_one_that_the_catalogue_makes() -> None:
    """python -c "from localcloud.ess.catalogue import table; print(table())" """
    assert f"<!-- table -->\n{catalogue.table()}\n<!-- /table -->" in LOCALCLOUD
    assert len(catalogue.ACTIONS) + len(catalogue.ABSENT) == 80
    assert f"<!-- newer -->\n{catalogue.newer_table()}\n<!-- /newer -->" in LOCALCLOUD


def test_every_kind_of_fault_is_described() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in LOCALCLOUD] == []


def test_every_package_that_is_deployed_has_its_licence_listed() -> None:
    locks = [path.read_text(encoding="utf-8") for path in (ROOT / "locks").glob("*.txt")]
    pinned = {name for text in locks for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    listed = set(
        re.findall(
            r"^\| ([\w.-]+) \| \S",
            (ROOT / "docs/licences.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )

    assert listed - {"package", "---"} == pinned


def test_what_is_pinned_for_deployment_is_what_the_requirements_say() -> None:
    wanted = re.findall(
        r"^([\w.-]+==[\w.]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    for path in (ROOT / "locks").glob("*.txt"):
        pinned = re.findall(r"^([\w.-]+==[\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(wanted) <= set(pinned)
        assert not any(name.startswith("cryptography") for name in pinned)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_a_command_that_is_documented_takes_the_options_that_it_is_given(path: Path) -> None:
    for name, rest in re.findall(
        r"(?<![\w/.-])scalein ([a-z-]+)((?: [^`\n|;&]*)?)", path.read_text(encoding="utf-8")
    ):
        command = commands.commands.get(name)
        if command is not None:
            options = {option for parameter in command.params for option in parameter.opts} | {
                "--help"
            }
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options, (name, rest)


def test_the_newest_release_of_the_changelog_is_the_version_of_this_checkout() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[([0-9.]+)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)

    assert releases[0] == (ROOT / "VERSION").read_text(encoding="utf-8").strip()
