"""GPT-2's view of a supervised set: task, input and answer are one text (GPT-2 §2).

A template says how a row is put into words, and which words stand for its labels; the answer is hidden in the
next tokens. Templates lie in ``templates/``: one a set where we have one, else one a kind.
"""

import hashlib
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.example import Example
from gpt_toolkit.tokenizers import Tokenizer

TEMPLATES: Final = Path(__file__).parent / "prompts"

LETTERS: Final = string.ascii_uppercase
"""What answers of multiple choice are called."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "single": ("text",),
    "pair": ("premise", "hypothesis"),
    "similarity": ("a", "b"),
    "graded": ("a", "b"),
    "multiple_choice": ("document", "question", "answers"),
    "text": ("input",),
}


@dataclass(frozen=True)
class Prompt:
    """A row of a set in words.

    Args:
        name: Of the set.
        form: ``single``, ``pair``, ``similarity``, ``graded``, ``multiple_choice`` or ``text``.
        template: The prompt, with fields in braces: ``{text}``; ``{premise}`` and ``{hypothesis}``; ``{a}``
            and ``{b}``; ``{document}``, ``{question}`` and ``{answers}``; ``{input}``; and ``{words}``, what
            may be answered. Its first field gives way where a row is too long. A line all of whose fields are
            empty is left out.
        words: Answers that stand for the labels; empty where the answer is free.
    """

    name: str
    form: str
    template: str
    words: tuple[str, ...] = ()

    continued = True

    def __post_init__(self) -> None:
        if len(set(self.words)) < len(self.words):
            raise ValueError(f"The labels of {self.name} share a word: {', '.join(self.words)}.")

    @property
    def key(self) -> str:
        """Hash of template and words."""
        parts = f"{self.form}\0{self.template}\0{self.words}"
        return f"text {hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()}"

    @property
    def _lines(self) -> list[list[tuple[str, str | None]]]:
        """The template's lines: pieces of text, each with the field after it."""
        return [
            [(literal, field) for literal, field, _, _ in string.Formatter().parse(line)]
            for line in self.template.split("\n")
        ]

    def texts(self, example: Example) -> tuple[str, str, str]:
        """The prompt up to the end of its first field, the rest of it, and the answer, if it is known."""
        values = self._values(example)
        before: list[str] = []
        after: list[str] = []
        cut = False
        for line in self._lines:
            fields = [field for _, field in line if field]
            if fields and not any(values[field] for field in fields):
                continue
            for number, (literal, field) in enumerate(line):
                broken = "\n" if number == 0 and (before or after) else ""
                piece = f"{broken}{literal}{values[field] if field else ''}"
                (after if cut else before).append(piece)
                cut = cut or (field is not None and field != "words")
        answer = self.answer(example)
        glue = "" if self.template.endswith("\n") else " "
        return "".join(before), "".join(after), f"{glue}{answer}" if answer else ""

    def answer(self, example: Example) -> str:
        """What is to be said; "" where the row does not know."""
        if not self.words:
            return example.references[0] if example.references else ""
        return "" if example.target is None else self.words[nearest(example.target, len(self.words))]

    def references(self, example: Example) -> tuple[str, ...]:
        """Answers that count as right."""
        if not self.words:
            return example.references
        answer = self.answer(example)
        return (answer,) if answer else ()

    def _values(self, example: Example) -> dict[str, str]:
        texts: Sequence[str] = example.texts
        if self.form == "multiple_choice":
            answers = [f"{letter}. {text}" for letter, text in zip(self.words, texts[2:], strict=True)]
            texts = (*texts[:2], "\n".join(answers))
        values = dict(zip(_FIELDS[self.form], texts, strict=True))
        *others, last = self.words or ("",)
        values["words"] = f"{', '.join(others)} or {last}" if others else last
        return values


def nearest(grade: float, n_levels: int) -> int:
    """The level nearest to a grade, the upper one of two; a class is its own."""
    return min(n_levels - 1, max(0, int(grade + 0.5)))


def prompt_of(spec: TaskSpec, n_texts: int, asked: str = "") -> Prompt:
    """How a set is put into words.

    Args:
        spec: The set.
        n_texts: Texts of a row.
        asked: What the set itself wants between input and answer, on a line of its own unless it begins with
            a blank; "" leaves the choice to us.
    """
    if asked:
        glue = "" if asked[0].isspace() else "\n"
        asked = asked.rstrip(" ").replace("{", "{{").replace("}", "}}")
        return Prompt(spec.name, "text", f"{{input}}{glue}{asked}")
    form = {"classification": "single" if n_texts == 1 else "pair"}.get(spec.kind, spec.kind)
    entry = _templates("defaults")[form]
    own = _templates("datasets").get(spec.name)
    if own and _fields(own["prompt"]) <= {*_FIELDS[form], "words"}:  # else another set of the same name
        entry = own
    known: Mapping[str, str] = entry.get("words", {})
    if spec.kind == "multiple_choice":
        words = tuple(LETTERS[: spec.choices])
    else:
        words = tuple(known.get(label, label.replace("_", " ")) for label in spec.labels)
    return Prompt(spec.name, form, entry["prompt"], words)


def as_text(spec: TaskSpec, prompt: Prompt, vocabulary: Tokenizer) -> TaskSpec:
    """What a task needs to know of a set that is taken as text: its labels are words, its metrics its own.

    Args:
        spec: The set.
        prompt: How it is put into words.
        vocabulary: Tells how long the words are.
    """
    longest = max((len(vocabulary.encode(f" {word}")) for word in prompt.words), default=0)
    return replace(
        spec,
        kind="text",
        labels=prompt.words,
        choices=1,
        max_new_tokens=longest + 1 if prompt.words else spec.max_new_tokens,  # one more ends the text
    )


def _fields(template: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(template) if field}


@lru_cache
def _templates(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8"))
    return read
