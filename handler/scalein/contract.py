"""Checks documents against the JSON Schemas in schemas/, and says in a sentence what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalein.cold_start import cheap_imports, imports_of_jsonschema
from scalein.errors import RejectedEvent

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

SCHEMAS = Path(__file__).parent / "schemas"
TYPES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
# How many unknown fields, and how much of each name, are compared with the known ones.
MAX_UNKNOWN_FIELDS, MAX_NAME_CHARACTERS = 5, 64


@cache
def validator(schema: str) -> Draft202012Validator:
    """Returns the validator of schemas/<schema>.schema.json, compiled once in a process."""
    with cheap_imports(), imports_of_jsonschema():
        from jsonschema import Draft202012Validator
    return Draft202012Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_bytes()))


def check(document: object, schema: str, names_unknown_fields: bool = False) -> None:
    """Raises RejectedEvent with the path and the rule that the document breaks, and a sentence.

    The sentence has words of the schema only, never of the document: unless its unknown fields may
    be named, as those of an operator's own document. Stops at the first violation: a document
    that breaks a limit is not examined further.
    """
    error: ValidationError | None = next(validator(schema).iter_errors(document), None)
    if error is not None:
        sentence = _sentence(error, names_unknown_fields)
        raise RejectedEvent(error.json_path, str(error.validator), sentence)


def did_you_mean(word: str, known_words: Iterable[str], quote: str = "") -> str:
    """Returns " Did you mean X?" with the known word that is closest, or "" if none is close."""
    closest = _closest(word, known_words)
    return f" Did you mean {quote}{closest}{quote}?" if closest else ""


def _closest(word: str, known_words: Iterable[str]) -> str:
    from difflib import get_close_matches  # only to explain an error

    matches = get_close_matches(word[:MAX_NAME_CHARACTERS], list(known_words), n=1, cutoff=0.75)
    return matches[0] if matches else ""


def _sentence(error: ValidationError, names_unknown_fields: bool) -> str:
    schema: Any = error.schema
    name, meaning = str(schema.get("title")) if isinstance(schema, Mapping) else "", ""
    if error.absolute_path:
        name = error.json_path.removeprefix("$.")
        description = schema.get("description") if isinstance(schema, Mapping) else None
        meaning = f" Meaning: {description}" if description else ""
    writers = WRITERS | NAMING_WRITERS if names_unknown_fields else WRITERS
    write = writers.get(str(error.validator))
    violation = write(error) if write else f"breaks the rule {error.validator}."
    return f"{name} {violation}{meaning}"


def _wrong_type(error: ValidationError) -> str:
    names: Any = error.validator_value
    types = names if isinstance(names, list) else [names]
    return f"must be {' or '.join(TYPES[name] for name in types)}."


def _missing_field(error: ValidationError) -> str:
    required: Any = error.validator_value
    document: Any = error.instance
    missing = [name for name in required if name not in document]
    return f"lacks the required {'field' if len(missing) == 1 else 'fields'} {_quoted(missing)}."


def _unknown_field(error: ValidationError, names: str = "") -> str:
    """Names the known fields, and the one that an unknown field may stand for.

    Without names, the unknown field itself is named only if it is one of an earlier version.
    """
    schema = _mapping(error.schema)
    known, unknown = list(schema["properties"]), _unknown_fields(error)
    new_names = _mapping(schema.get("x-newNameByFormerName"))
    renamed = [name for name in unknown if name in new_names]
    if renamed:
        hint = "".join(f' "{name}" is now "{new_names[name]}".' for name in renamed)
    else:
        closest = sorted({match for name in unknown if (match := _closest(name, known))})
        hint = f" Did you mean {_quoted(closest)}?" if closest else ""
    return f"has an unknown field{names}.{hint} Known fields: {', '.join(known)}."


def _unknown_fields(error: ValidationError) -> list[str]:
    """The first fields that the schema does not know."""
    known = _mapping(_mapping(error.schema).get("properties"))
    return [name for name in _mapping(error.instance) if name not in known][:MAX_UNKNOWN_FIELDS]


def _named(unknown: Iterable[str]) -> str:
    """The names as a message to a person has them: cut, and in printable characters."""
    return ", ".join(json.dumps(name[:MAX_NAME_CHARACTERS]) for name in unknown)


def _unknown_field_named(error: ValidationError) -> str:
    return _unknown_field(error, f": {_named(_unknown_fields(error))}")


def _missing_field_named(error: ValidationError) -> str:
    """Names the unknown fields too: a field that is misspelt is both."""
    unknown = _unknown_fields(error)
    known = _mapping(_mapping(error.schema).get("properties"))
    hints = dict.fromkeys(did_you_mean(name, known, quote='"') for name in unknown)
    also = f" It has an unknown field: {_named(unknown)}.{''.join(hints)}" if unknown else ""
    return f"{_missing_field(error)}{also}"


def _wrong_value(error: ValidationError) -> str:
    values: Any = error.validator_value
    return f"must be {'one of ' if len(values) > 1 else ''}{_quoted(values)}."


def _wrong_number_of_fields(error: ValidationError) -> str:
    limit: Any = error.validator_value
    schema = _mapping(error.schema)
    is_too_few = error.validator == "minProperties"
    if limit == 1 and "properties" in schema:
        return f"must have {'' if is_too_few else 'only '}one of {_quoted(schema['properties'])}."
    return f"must have {'at least' if is_too_few else 'at most'} {_number(limit, 'field')}."


def _limit(template: str, unit: str = "") -> Callable[[ValidationError], str]:
    """Returns a writer for a rule that has a number as its value."""

    def write(error: ValidationError) -> str:
        limit: Any = error.validator_value
        return f"must {template} {_number(limit, unit) if unit else limit}."

    return write


WRITERS: dict[str, Callable[[ValidationError], str]] = {
    "type": _wrong_type,
    "required": _missing_field,
    "additionalProperties": _unknown_field,
    "enum": _wrong_value,
    "minProperties": _wrong_number_of_fields,
    "maxProperties": _wrong_number_of_fields,
    "minimum": _limit("be at least"),
    "maximum": _limit("be at most"),
    "exclusiveMinimum": _limit("be greater than"),
    "minItems": _limit("have at least", "item"),
    "maxItems": _limit("have at most", "item"),
    "minLength": _limit("have at least", "character"),
    "maxLength": _limit("have at most", "character"),
    "uniqueItems": lambda _: "must not have the same item twice.",
    "pattern": lambda _: "has the wrong format.",
}
NAMING_WRITERS: dict[str, Callable[[ValidationError], str]] = {
    "required": _missing_field_named,
    "additionalProperties": _unknown_field_named,
}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _quoted(words: Iterable[object]) -> str:
    return ", ".join(f'"{word}"' for word in words)
