"""The templates of the repository, read, and resolved for each way that their conditions take."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scalein_cli.ros_template import ResolvedTemplate, parameter_sets, resolve_template
from scalein_cli.template_check import statements_of

ROOT = Path(__file__).parents[2]


def read_template(name: str) -> dict[str, Any]:
    """A template, or s.yaml, of the repository's root."""
    return copy.deepcopy(_parsed(name))


@cache
def _parsed(name: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return template


def resolved(name: str, **parameters: Any) -> ResolvedTemplate:
    """A template with its defaults, but for these parameters. ALIYUN__X is ALIYUN::X."""
    template = read_template(name)
    given = {key.replace("__", "::"): value for key, value in parameters.items()}
    return resolve_template(template, {**parameter_sets(template)[0], **given})


def each_resolved(name: str) -> Iterator[ResolvedTemplate]:
    """A template with each of its conditions both ways."""
    template = read_template(name)
    return (resolve_template(template, values) for values in parameter_sets(template))


def properties(template: ResolvedTemplate, type: str) -> list[dict[str, Any]]:
    """The properties of all resources of one type."""
    return [each["Properties"] for each in template.resources.values() if each["Type"] == type]


def granted(template: ResolvedTemplate, role: str) -> dict[str, list[str]]:
    """The resources of each action that the policies of a role, or a managed policy, allow."""
    allowed: dict[str, list[str]] = {}
    for _, statement in statements_of(template.resources.get(role, {})):
        for action in statement["Action"] if "Resource" in statement else ():
            allowed.setdefault(action, []).extend(statement["Resource"])
    return allowed
