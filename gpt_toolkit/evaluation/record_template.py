"""Templates of a custom benchmark: text with the fields of a record in braces."""

import math
import string
from typing import Any

from gpt_toolkit.records import Record, excerpt
from gpt_toolkit.suggestions import did_you_mean


def as_text(value: object) -> str:
    """Return a value of a record as text; JSON's true is ``true``, a missing value is empty."""
    if is_missing(value):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def fields_of(template: str) -> set[str]:
    """Return the names of a template's fields.

    Raises:
        ValueError: If its braces do not match.
    """
    return {name for _, name in _parse(template) if name}


def _parse(template: str) -> list[tuple[str, str]]:
    """Return each literal text and the field after it, "" after the last; a name may have any character."""
    parts = []
    for literal, name, spec, conversion in string.Formatter().parse(template):
        whole = (name or "") + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
        if name is not None and not whole:
            raise ValueError("a field has no name")
        parts.append((literal, whole))
    return parts


def fill_text(template: str, record: Record) -> str:
    """Fill the fields of a record into a template.

    Raises:
        ValueError: If the record lacks a field, or its value is not a text or a number.
    """
    parts = (
        (literal, name and text_of_field(_value(name, template, record), record, name))
        for literal, name in _parse(template)
    )
    return "".join(literal + value for literal, value in parts)


def fill_value(template: str, record: Record) -> Any:
    """Return the value of a template that is one field, of any type, or the text of another template."""
    parts = _parse(template)
    if len(parts) == 1 and parts[0][1] and not parts[0][0]:
        return _value(parts[0][1], template, record)
    return fill_text(template, record)


def _value(name: str, template: str, record: Record) -> Any:
    if name not in record.fields:
        raise ValueError(
            f"{record.where}: no field {name!r}{did_you_mean(name, record.fields)} for {template!r}; "
            f"expected one of {', '.join(record.fields)}"
        )
    return record.fields[name]


def is_missing(value: object) -> bool:
    """Return True if a record has no value in a field: null or an empty text."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def text_of_field(value: object, record: Record, name: str) -> str:
    """Return a value as text; raise an error that names the record if it is a list or an object."""
    if isinstance(value, (list, dict)):
        raise ValueError(
            f"{record.where}: {name}: {excerpt(str(value))}; expected text; a list can only be the whole of "
            "choices or answer"
        )
    return as_text(value)
