"""Checks of a template of the deployment: its references, its conditions, its RAM policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scalein_cli.ros_form import form_faults
from scalein_cli.ros_template import parameter_sets, resolve_template, template_faults

ROS = "ROSTemplateFormatVersion"
FORMS = {ROS, "edition"}  # edition: of s.yaml
STATEMENT_KEYS = {"Effect", "Action", "Resource", "Condition"}
ACTION = re.compile(r"[a-z]+:[A-Za-z*]+")
ARN = re.compile(r"\*|acs:[a-z]+:[^:]*:[^:]*:.+")


def template_results(path: Path) -> Iterator[tuple[bool, str]]:
    """Whether each check passed, and its detail. A ROS template is checked with each of its
    conditions both ways."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        yield False, f"not YAML: {str(error).splitlines()[0]}"
        return
    documents = [document]
    if isinstance(document, dict) and ROS in document:
        for fault in template_faults(document):
            yield False, fault
        if form_faults(document):
            return
        documents = [
            resolve_template(document, values).resources for values in parameter_sets(document)
        ]
    statements = [pair for each in documents for pair in statements_of(each)]
    if not statements and not (isinstance(document, dict) and document.keys() & FORMS):
        yield False, f"no template: it has neither {ROS} nor edition (of s.yaml)"
        return
    faults = [(json_path, statement_fault(statement)) for json_path, statement in statements]
    for json_path, fault in dict.fromkeys(faults):
        if fault:
            yield False, f"{json_path}: {fault}"
    yield True, f"{len(dict(statements))} statements of RAM policies checked"


def statement_fault(statement: Any) -> str:
    """A sentence that says what is wrong with a statement of a RAM policy; "" if it is correct."""
    if not isinstance(statement, dict) or not statement.keys() <= STATEMENT_KEYS | {"Principal"}:
        return f"A statement may have only the keys {', '.join(sorted(STATEMENT_KEYS))}."
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Effect must be Allow or Deny."
    if not all(isinstance(a, str) and ACTION.fullmatch(a) for a in _listed(statement, "Action")):
        return "Action must be product:Name, such as ess:RemoveInstances, or a list of such."
    if "Principal" in statement:
        return ""
    if not statement.get("Resource"):
        return "Resource is missing."
    names = [name for name in _listed(statement, "Resource") if isinstance(name, str)]
    wrong = [name for name in names if not ARN.fullmatch(name)]
    if wrong:
        return f"Resource {wrong[0]} must be *, or acs:product:region:account:resource."
    return ""


def statements_of(document: Any, json_path: str = "$") -> Iterator[tuple[str, Any]]:
    """Each statement of each RAM policy in the document, with its JSON path."""
    if isinstance(document, dict):
        for name, inner in document.items():
            if name == "Statement" and isinstance(inner, list):
                for number, statement in enumerate(inner):
                    yield f"{json_path}.Statement[{number}]", statement
            else:
                yield from statements_of(inner, f"{json_path}.{name}")
    elif isinstance(document, list):
        for number, inner in enumerate(document):
            yield from statements_of(inner, f"{json_path}[{number}]")


def _listed(statement: dict[str, Any], key: str) -> list[Any]:
    value = statement.get(key)
    return value if isinstance(value, list) else [value]
