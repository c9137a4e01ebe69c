"""The form of a ROS template: its sections, and what an entry of each may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

NAME = {"type": "string"}
ENTRIES_OF_ANY_FORM = {"type": ["object", "null"]}


def _entries(required: list[str], **properties: Any) -> dict[str, Any]:
    """A section: a dictionary of dictionaries with these properties and no other."""
    entry = {"type": "object", "properties": properties, "required": required}
    return {
        "type": ["object", "null"],
        "additionalProperties": {**entry, "additionalProperties": False},
    }


# Names and types as in ROS's help pages `template-structure`, `parameters`, `rules`, `resources`,
# `outputs`.
FORM = {
    "type": "object",
    "properties": {
        "ROSTemplateFormatVersion": {"const": "2015-09-01"},
        "Description": True,
        "Metadata": True,
        "Parameters": {
            "type": ["object", "null"],
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "Type": NAME,
                    "Description": NAME,
                    "NoEcho": {"type": "boolean"},
                    "AllowedValues": {"type": "array"},
                },
                "required": ["Type"],
            },
        },
        "Conditions": ENTRIES_OF_ANY_FORM,
        "Rules": _entries(
            ["Assertions"],
            RuleCondition=True,
            Assertions={
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"Assert": True, "AssertDescription": NAME},
                    "required": ["Assert"],
                    "additionalProperties": False,
                },
            },
        ),
        "Resources": _entries(
            ["Type"],
            Type=NAME,
            Properties=ENTRIES_OF_ANY_FORM,
            Condition=NAME,
            DependsOn={"anyOf": [NAME, {"type": "array", "items": NAME}]},
            DeletionPolicy={"enum": ["Delete", "Retain"]},
            Metadata=True,
        ),
        "Outputs": _entries(["Value"], Value=True, Condition=NAME, Description=True, Label=True),
    },
    "additionalProperties": False,
}


def form_faults(template: Mapping[str, Any]) -> list[str]:
    """What of the template has a wrong form, with its JSON path. Only a template of the right form
    can be resolved."""
    errors = Draft202012Validator(FORM).iter_errors(template)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]
