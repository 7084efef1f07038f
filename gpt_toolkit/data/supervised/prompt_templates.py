"""Labeled examples as text: task, input and answer are one text (GPT-2 §2).

A template puts an example into words and names the words of its labels. The next tokens are the answer.
Templates are in ``prompts/``: ``datasets.yaml`` for known datasets, ``defaults.yaml`` for all others.
"""

import hashlib
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.label_maps import LETTERS
from gpt_toolkit.tokenizers import Tokenizer
from gpt_toolkit.yaml_files import read_yaml

TEMPLATES: Final = Path(__file__).parent / "prompts"

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "single": ("text",),
    "pair": ("premise", "hypothesis"),
    "similarity": ("a", "b"),
    "graded": ("a", "b"),
    "multiple_choice": ("document", "question", "answers"),
    "text": ("input",),
}


@dataclass(frozen=True)
class PromptTemplate:
    """A template of the prompts of a dataset.

    Args:
        name: Name of the dataset.
        form: ``single``, ``pair``, ``similarity``, ``graded``, ``multiple_choice`` or ``text``.
        template: The prompt, with fields in braces: ``{text}``; ``{premise}`` and ``{hypothesis}``; ``{a}``
            and ``{b}``; ``{document}``, ``{question}`` and ``{answers}``; ``{input}``; and ``{words}``, the
            possible answers. The first field is truncated if an example is too long. A line whose fields are
            all empty is left out.
        words: Answers for the labels; empty if the answer is free text.
        levels: Grades that the words stand for, if the dataset is graded.
    """

    name: str
    form: str
    template: str
    words: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.words)) < len(self.words):
            raise ValueError(f"labels of {self.name}: {', '.join(self.words)}; expected different words")

    @property
    def key(self) -> str:
        """Hash of template and words."""
        facts = f"{self.form}\0{self.template}\0{self.words}"
        return f"text {hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()}"

    def texts(self, example: Example) -> tuple[str, str, str]:
        """Return the prompt up to the end of its first field, its rest, and the answer if it is known."""
        values = self._values(example)
        before: list[str] = []
        after: list[str] = []
        current = before
        for line in self.template.split("\n"):
            pieces = [(literal, name) for literal, name, _, _ in string.Formatter().parse(line)]
            names = [name for _, name in pieces if name]
            if names and not any(values[name] for name in names):
                continue
            for number, (literal, name) in enumerate(pieces):
                line_end = "\n" if number == 0 and (before or after) else ""
                current.append(f"{line_end}{literal}{values[name] if name else ''}")
                if name is not None and name != "words":
                    current = after
        answer = self.answer(example)
        space = "" if self.template.endswith("\n") else " "
        return "".join(before), "".join(after), f"{space}{answer}" if answer else ""

    def answer(self, example: Example) -> str:
        """Return the answer to be learned; "" if the example has none."""
        if not self.words:
            return example.references[0] if example.references else ""
        return "" if example.target is None else self.words[self.label_index(example.target)]

    def label_index(self, target: float) -> int:
        """Return the index of the word for a target: of its class, or of the level nearest to a grade."""
        if not self.levels:
            return int(target)
        distances = [abs(level - target) for level in reversed(self.levels)]  # the upper one of two
        return len(self.levels) - 1 - distances.index(min(distances))

    def references(self, example: Example) -> tuple[str, ...]:
        """Return the correct answers."""
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


def prompt_template(spec: TaskSpec, n_texts: int, prompt: str | None = None) -> PromptTemplate:
    """Return the template of a dataset.

    Args:
        spec: The dataset.
        n_texts: Texts of an example.
        prompt: Text between input and answer that the dataset asks for; it is a separate line unless it
            is empty or begins with a space. None: the default template.
    """
    if prompt is not None:
        line_end = "" if not prompt or prompt[0].isspace() else "\n"
        escaped = prompt.rstrip(" ").replace("{", "{{").replace("}", "}}")
        return PromptTemplate(spec.name, "text", f"{{input}}{line_end}{escaped}")
    form: str = "pair" if spec.kind == "classification" else spec.kind
    if n_texts == 1 and spec.kind in ("classification", "graded"):
        form = "single"
    entry = _read_templates("defaults")[form]
    known = _read_templates("datasets").get(spec.name)
    if known and _fields(known["prompt"]) <= {*_FIELDS[form], "words"}:  # else another dataset has this name
        entry = known
    if spec.kind == "multiple_choice":
        words = tuple(LETTERS[: spec.choices])
    else:
        by_label: Mapping[str, str] = entry.get("words", {})
        words = tuple(by_label.get(label, label.replace("_", " ")) for label in spec.labels)
    return PromptTemplate(spec.name, form, entry["prompt"], words, spec.levels)


def spec_as_text(spec: TaskSpec, template: PromptTemplate, vocabulary: Tokenizer) -> TaskSpec:
    """Return the description of a dataset whose examples become text: its labels are words.

    Args:
        spec: The dataset.
        template: Template of its prompts.
        vocabulary: Tokenizer, for the length of the words.
    """
    longest = max((len(vocabulary.encode(f" {word}")) for word in template.words), default=0)
    return replace(
        spec,
        kind="text",
        labels=template.words,
        choices=1,
        positive=template.words[spec.labels.index(spec.positive)] if spec.positive else "",
        max_new_tokens=longest + 1 if template.words else spec.max_new_tokens,  # one more for end of text
    )


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@cache
def _read_templates(name: str) -> dict[str, Any]:
    templates: dict[str, Any] = read_yaml(TEMPLATES / f"{name}.yaml")
    return templates
