"""The only module that knows JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scalein.cold_start import cheap_imports
from scalein.errors import ContractViolation

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

SCHEMAS = Path(__file__).parent / "schemas"
ARTICLES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
UNITS = {
    "minItems": " long",
    "maxItems": " long",
    "minLength": " characters long",
    "maxLength": " characters long",
}


@cache
def validator(schema: str) -> Draft202012Validator:
    """Validator of schemas/<schema>.schema.json, compiled once in a process."""
    with cheap_imports():
        from jsonschema import Draft202012Validator
    return Draft202012Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_bytes()))


def check(document: object, schema: str) -> None:
    """Raises ContractViolation with path, rule and a sentence made of the schema's words, never the document's.

    Only the first violation is looked for: a document that breaks a size rule is not examined any further.
    """
    error: ValidationError | None = next(validator(schema).iter_errors(document), None)
    if error is not None:
        raise ContractViolation(error.json_path, str(error.validator), _sentence(error))


def _sentence(error: ValidationError) -> str:
    meant = (
        error.schema.get("description")
        if isinstance(error.schema, Mapping) and error.absolute_path
        else None
    )
    return f"{_name(error)} {_fault(error)}{f' It says: {meant}' if meant else ''}"


def _fault(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "type":
            return f"must be {' or '.join(ARTICLES[name] for name in _listed(wanted))}."
        case "required":
            return f"lacks {_quoted(name for name in wanted if name not in instance)}."
        case "additionalProperties":
            return f"has a field that is not known here.{_known(error)}"
        case "enum":
            return f"must be one of {_quoted(wanted)}."
        case "minimum" | "minItems" | "minLength":
            return f"must be at least {wanted}{UNITS.get(error.validator, '')}."
        case "maximum" | "maxItems" | "maxLength":
            return f"must be at most {wanted}{UNITS.get(error.validator, '')}."
        case "exclusiveMinimum":
            return f"must be above {wanted}."
        case "uniqueItems":
            return "must not name anything twice."
        case "minProperties" | "maxProperties":
            return _how_many_fields(error, wanted)
        case "pattern":
            return "is not of the expected form."
        case rule:
            return f"breaks the rule {rule}."


def _name(error: ValidationError) -> str:
    schema: Any = error.schema
    return error.json_path.removeprefix("$.") if error.absolute_path else str(schema["title"])


def _known(error: ValidationError) -> str:
    """The known fields, and the one that an unknown field nearly spells; the unknown name itself is never repeated."""
    from difflib import get_close_matches

    names, document = _properties(error.schema), cast("dict[str, Any]", error.instance)
    unknown = [name for name in document if name not in names][:5]
    near = sorted(
        {
            match
            for name in unknown
            for match in get_close_matches(name[:64], names, n=1, cutoff=0.75)
        }
    )
    hint = f" Did you mean {_quoted(near)}?" if near else ""
    return f"{hint} Known: {', '.join(names)}."


def _how_many_fields(error: ValidationError, wanted: int) -> str:
    too_few = error.validator == "minProperties"
    schema: Any = error.schema
    if wanted == 1 and "properties" in schema:
        return f"must have {'' if too_few else 'only '}one of {_quoted(_properties(schema))}."
    return f"must have {'at least' if too_few else 'at most'} {wanted} field{'' if wanted == 1 else 's'}."


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _properties(schema: Any) -> list[str]:
    return list(schema["properties"])


def _quoted(words: Iterable[object]) -> str:
    return ", ".join(f'"{word}"' for word in words)
