"""The shape of the wording files: lists without duplicates, and slots that the code fills."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gpt_toolkit import storyworld
from gpt_toolkit.storyworld import wording
from gpt_toolkit.storyworld.benchmarks.pronoun_pairs import SCHEMAS
from gpt_toolkit.storyworld.documents.account import Account
from gpt_toolkit.storyworld.documents.notices import Notice
from gpt_toolkit.storyworld.documents.story_roles import PLOTS, questions_for, role_slots, story_roles
from gpt_toolkit.storyworld.facts import FACTS, fact_slots
from gpt_toolkit.storyworld.narrator import Narrator
from gpt_toolkit.storyworld.people import FAMILIES, FAMILY_PETS, STREETS
from gpt_toolkit.storyworld.places import HOME, PLACES, PLACES_IN, TOOLS
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.realize import Realizer

FILES = sorted(Path(wording.__file__).parent.glob("*.toml"))
STORY = simulate(Random(0), "train")
WHEN = set(STORY.time_slots())
# The slots of each table that has templates; the longest prefix of a table's path counts.
SLOTS: dict[str, set[str]] = {
    "story_events.events": set(Narrator.templates.slots),
    "account_events.events": set(Account.templates.slots),
    "facts": set(fact_slots(FACTS[0])),
    "facts.kin": {*fact_slots(FACTS[0]), "kin"},
    "story_roles": set(role_slots(story_roles(STORY))),
    "documents.letter": WHEN | {"street", "name"},
    "documents.report": WHEN | {"day"},
    "documents.dialogue": WHEN | {"name", "fact", "Fact"},
    "documents.translation": {"english", "vallic"},
    "notices": {*Notice(Random(0), "train").slots, "an2", "a_noun2", "who", "sight", "month", "pet", "kind"},
    "datasets.acceptability": {"when", "name", "at"},
    "datasets.acceptability.clauses": {
        "hero", "the", "who", "verb", "what", "other", "his", "it", "article", "adjective", "noun", "busy",
        "preposition", "reflexive", "liked", "trade", "pronoun", "conjunction", "first", "thing", "second",
        "other_thing", "past", "how", "word", "subject", "asked",
    },
    "datasets.sentiment": {*"abcdhnorsvwx", "clause"},
    "datasets.entailment.topics": {"a", "b", "t", "spot", "to", "at"},
    "datasets.entailment.story": WHEN,
    "datasets.paraphrase": {"x", "y", "t", "p", "b"},
    "datasets.similarity": {"x", "y", "t"},
    "datasets.reading": {"t", "name", "to", "why"},
    "datasets.endings": {"late", "name", "t", "spot", "a", "b", "tool"},
    "benchmarks.pronouns": {
        "a", "b", "x", "y", "noun", "adjn", "an", "the", "noun2", "the2", "tool", "atool", "food", "at", "to",
        "elsewhere", "spot", "shop", "Late", "weather", "a_weather", "time", "p", "P", "w",
    },
}  # fmt: skip


def strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every string of a table with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, path)
    else:
        yield path, value


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_lists_have_one_phrase_a_line_and_no_duplicates(file: Path) -> None:
    for path, text in strings(tomllib.loads(file.read_text(encoding="utf-8")), file.stem):
        assert text.isascii(), path
        if text.endswith("\n") and not text.startswith("\n"):
            lines = text.splitlines()
            assert lines, path
            assert all(line == line.strip() != "" for line in lines), path
            assert len(set(lines)) == len(lines), path


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_every_slot_of_every_template_is_filled_by_the_code(file: Path) -> None:
    for path, text in strings(tomllib.loads(file.read_text(encoding="utf-8")), file.stem):
        slots = set(re.findall(r"\{(\w*)\}", text))
        assert text.count("{") == text.count("}") == len(re.findall(r"\{\w+\}", text)), path
        known = [prefix for prefix in SLOTS if f"{path}.".startswith(f"{prefix}.")]
        assert slots <= (SLOTS[max(known, key=len)] if known else set()), (path, slots)


@pytest.mark.parametrize("realizer", [Narrator, Account])
def test_every_slot_of_events_is_used_and_every_kind_is_clear_for_any_genders(
    realizer: type[Realizer],
) -> None:
    templates = realizer.templates
    used = {slot for options in templates.by_kind.values() for t in options for slot in t.pieces[1::2]}
    assert used == set(templates.slots)
    assert all(options for by_genders in templates.clear.values() for options in by_genders)


def test_accounts_have_four_phrasings_of_every_kind_of_event() -> None:
    assert all(len(options) >= 4 for options in Account.templates.by_kind.values())


def test_every_plot_has_headlines_summaries_and_questions() -> None:
    plots = {story_roles(simulate(Random(number), "train")).plot for number in range(400)}
    assert {"lost_alone", *plots} == set(PLOTS)
    for plot, table in PLOTS.items():
        assert min(len(table["headlines"]), len(table["summaries"])) >= 4
        assert all(len(set(questions)) >= 4 for _, questions in questions_for(plot))


def test_lists_by_family_have_an_entry_for_each_family() -> None:
    assert len(STREETS) == len(FAMILY_PETS) == len(FAMILIES) == 20


def test_every_place_is_complete_and_open_in_some_season() -> None:
    for place in (HOME, *PLACES):
        assert len(place.spots) >= 3
        assert place.reasons
        assert place.dull_sights
        assert {spot.tool for spot in place.hard_spots} <= set(TOOLS)
    assert {place for places in PLACES_IN.values() for place in places} == set(PLACES)


def test_every_ending_of_a_pronoun_schema_has_a_word_for_either_person() -> None:
    assert all(len(ending) == 3 for schema in SCHEMAS for ending in schema.endings)


def test_storyworld_imports_only_itself_and_the_standard_library() -> None:
    for path in Path(storyworld.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                own = name.startswith("gpt_toolkit.storyworld")
                assert own or name.split(".")[0] in sys.stdlib_module_names, f"{path}: {name}"
