"""Which columns of one's own file hold what: as told, else guessed and said."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gpt_toolkit.batches import Kind
from gpt_toolkit.data.supervised.record_readers import Head
from gpt_toolkit.data.supervised.schemas import Form, answered, choice_of_columns, choice_of_list, plain

LABEL_NAMES: Final = ("label", "target", "class", "score", "gold_label")
"""Columns that are taken for the label where none is named, the first that there is."""

_PAIRS: Final = (("premise", "hypothesis"), ("text_a", "text_b"))
_PAIR_KINDS: Final[tuple[Kind, ...]] = ("classification", "similarity", "graded")


@dataclass(frozen=True)
class Columns:
    """What a file's columns are for.

    Attributes:
        kind: How rows become sequences.
        form: Reads the rows.
        choices: Answers a row; 1 unless it is multiple choice.
        guessed: What was guessed, in words; "" where all was told.
    """

    kind: Kind
    form: Form
    choices: int = 1
    guessed: str = ""


def columns_of(options: Mapping[str, Any], path: Path, head: Head, sample: Mapping[str, Any]) -> Columns:
    """Decide what the columns are for.

    Args:
        options: What the user said of the set.
        path: A file of it.
        head: Its beginning.
        sample: Its first row.

    Raises:
        ValueError: If a named column is not there, or there is nothing to guess from.
    """
    bare = () if options.get("header", True) or head.layout != "delimited" else tuple(sample)

    def column(option: str) -> str:
        name = str(options[option])
        if name not in sample:
            numbered = " (a file without a header has its columns numbered from 1)" if bare else ""
            raise ValueError(
                f"{path} has no column {name!r}, which {option} names; its columns: "
                f"{', '.join(sample)}{numbered}."
            )
        return name

    kind: Kind | None = options.get("kind")
    if kind == "text" or "input" in options:
        _need(options, path, sample, "text", ("input", "target"))
        form = answered("columns", column("input"), column("target"))
        return Columns("text", _bare(form, bare))
    if kind == "multiple_choice" or "answers" in options:
        _need(options, path, sample, "multiple_choice", ("document", "answers"))
        return _multiple_choice(options, column, path, sample, bare)
    label, said = _label(options, column, path, sample)
    texts, guessed = _texts(options, column, path, sample, label)
    if kind is None:
        kind = "classification"
    if kind in ("similarity", "graded") and len(texts) != 2:
        raise ValueError(
            f"{path}: kind {kind} compares two texts, got {', '.join(texts)}. Give text_a and text_b."
        )
    words = "; ".join(filter(None, (said, guessed)))
    return Columns(kind, plain("columns", texts, label, columns=bare), guessed=words)


def _need(
    options: Mapping[str, Any], path: Path, sample: Mapping[str, Any], kind: str, names: tuple[str, ...]
) -> None:
    if missing := [name for name in names if name not in options]:
        raise ValueError(
            f"{path}: kind {kind} needs {' and '.join(missing)}, each the name of a column: "
            f"{', '.join(sample)}."
        )


def _bare(form: Form, columns: tuple[str, ...]) -> Form:
    return Form(form.title, form.needs, form.make, form.label, columns)


def _multiple_choice(
    options: Mapping[str, Any], column: Any, path: Path, sample: Mapping[str, Any], bare: tuple[str, ...]
) -> Columns:
    label, said = _label(options, column, path, sample)
    document = column("document")
    question = column("question") if "question" in options else ""
    if isinstance(options["answers"], (list, tuple)):
        answers = [str(name) for name in options["answers"]]
        if missing := [name for name in answers if name not in sample]:
            raise ValueError(
                f"{path} has no column {missing[0]!r}, which answers names; its columns: {', '.join(sample)}."
            )
        form = choice_of_columns("columns", [document], question, answers, label)
        n_choices = len(answers)
    else:
        name = column("answers")
        if not isinstance(sample[name], (list, tuple)):
            raise ValueError(
                f"{path}: column {name!r} holds no list of answers. Give answers as a list of columns, or a "
                "column of "
                "lists (.jsonl, .parquet)."
            )
        form = choice_of_list("columns", document, question, name, label)
        n_choices = len(sample[name])
    if not 2 <= n_choices <= 8:
        raise ValueError(f"{path}: {n_choices} answers a row, expected 2 to 8.")
    return Columns("multiple_choice", _bare(form, bare), n_choices, said)


def _label(options: Mapping[str, Any], column: Any, path: Path, sample: Mapping[str, Any]) -> tuple[str, str]:
    """The label's column, and in words that it was guessed."""
    if "label" in options:
        return column("label"), ""
    lower = {name.lower(): name for name in reversed(list(sample))}
    found = next((lower[name] for name in LABEL_NAMES if name in lower), None)
    if found is None:
        raise ValueError(
            f"{path} has no column named {', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}; its columns: "
            f"{', '.join(sample)}. Say which holds the label with label: NAME; if the first line is a row "
            "and no "
            "header, also header: false, and count columns from 1."
        )
    return found, f"the label is column {found!r}"


def _texts(
    options: Mapping[str, Any], column: Any, path: Path, sample: Mapping[str, Any], label: str
) -> tuple[tuple[str, ...], str]:
    """The columns of texts, and in words that they were guessed."""
    if "text" in options:
        return (column("text"),), ""
    for pair in _PAIRS:
        given = [name for name in pair if name in options]
        if len(given) == 1:
            raise ValueError(f"{path}: {given[0]} is given without {pair[1 - pair.index(given[0])]}.")
        if given:
            return (column(pair[0]), column(pair[1])), ""
    texts = [name for name, value in sample.items() if name != label and _holds_text(name, value)]
    if not 1 <= len(texts) <= 2:
        raise ValueError(
            f"{path}: {len(texts)} columns look like texts ({', '.join(texts) or 'none'}), expected one or "
            "two. Say "
            "which with text: NAME, or text_a: NAME and text_b: NAME."
        )
    return tuple(texts), f"the text is {' and '.join(f'column {name!r}' for name in texts)}"


def _holds_text(name: str, value: object) -> bool:
    """Whether a column looks like one of texts: neither numbers nor ids."""
    lower = name.lower()
    if not isinstance(value, str) or lower in ("", "id", "idx", "index", "guid") or lower.endswith("_id"):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False
