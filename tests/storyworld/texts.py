"""Shared helpers: the people and things that a text names, and errors of form."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import gpt_toolkit
from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.people import PEOPLE, split_of

PERSON = {person.name: person for person in PEOPLE}
NOUN = {noun.word: index for index, noun in enumerate(NOUNS)}
NAMES, THINGS = frozenset(PERSON), frozenset(NOUN)

ERRORS = {
    "a before a vowel": r"\b[Aa] (?:hour\w*|(?!one\b|uni|(?i:uku))[aeiouAEIOU]\w*)",
    "an before a consonant": r"\b[Aa]n (?!honest\b|hour)(?:uku|[^aeiouAEIOU\s])\w*",
    "two spaces": r"  |\n\n\n| \n|\n |^ | $",
    "space before a mark": r" [.,;:!?]",
    "two marks": r"[.,;:!?]{2}|[.,!?]\"[.,]",
    "a small letter after a full stop": r"(?<!P\.S)\. [a-z]",
    "an unfilled slot": r"[{}_]",
    "a character outside of ASCII": r"[^\x20-\x7e\n]",
    "None": r"\bNone\b",
}


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:-\w+)*", text)


def splits_of_pairs(text: str) -> set[str]:
    """Return the splits of all pairs of a person and a type of thing that a text names."""
    tokens = set(re.findall(r"[A-Za-z]+", text))
    lower = {token.lower() for token in tokens}
    people = [person.index for name, person in PERSON.items() if name in tokens]
    things = [index for noun, index in NOUN.items() if noun in lower or f"{noun}s" in lower]
    return {split_of(person, thing) for person in people for thing in things}


def digest(items: Iterable[Any], count: int) -> str:
    """Hash the first texts, or the fields of the first examples, of a stream."""
    parts = (item if isinstance(item, str) else repr(tuple(item)) for item in islice(items, count))
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def run_python(code: str, hash_seed: str = "0", python: str = sys.executable) -> str:
    """Run code in another process and return what it prints; another Python gets only this package."""
    package = str(Path(gpt_toolkit.__file__).parent.parent)
    path = os.pathsep.join(sys.path) if python == sys.executable else package
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
    command = [python, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
