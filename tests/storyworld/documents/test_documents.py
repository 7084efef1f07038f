"""The documents of Storyworld: their mix, their content, and the separation of splits."""

import re
import tracemalloc
from collections import Counter
from itertools import islice, pairwise
from random import Random

import pytest

from gpt_toolkit.storyworld import MIX, stories
from gpt_toolkit.storyworld.documents import document, documents, kind_of, report_and_summary, shares
from gpt_toolkit.storyworld.facts import FACTS, questions
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES
from gpt_toolkit.storyworld.people import kinship
from gpt_toolkit.storyworld.vallic import NAME
from tests.storyworld.texts import ERRORS, PERSON, splits_of_pairs

KINDS = tuple(MIX)


@pytest.fixture(scope="module")
def by_kind() -> dict[str, list[str]]:
    return {kind: list(islice(documents(11, mix={kind: 1}), 1200)) for kind in KINDS}


@pytest.fixture(scope="module")
def many() -> list[str]:
    return list(islice(documents(12), 20_000))


def test_stories_alone_are_the_stories() -> None:
    assert list(islice(documents(4, mix={"story": 2}), 50)) == list(islice(stories(4), 50))


def test_kinds_occur_at_their_rates() -> None:
    counts = Counter(kind_of(1, "train", index) for index in range(20_000))
    for kind, share in MIX.items():
        assert abs(counts[kind] / 20_000 - share) < 0.01
    assert abs(sum(MIX.values()) - 1) < 1e-9
    assert 0.55 <= MIX["story"] <= 0.65


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_with_the_rate_0_never_occurs(kind: str) -> None:
    assert kind not in {kind_of(1, "train", index, {**MIX, kind: 0}) for index in range(3000)}


def test_the_document_of_a_kind_at_a_position_does_not_depend_on_the_mix() -> None:
    for index in range(40):
        kind = kind_of(6, "train", index)
        assert document(6, "train", index) == document(6, "train", index, {kind: 0.3})
        assert document(6, "train", index) == document(
            6, "train", index, {k: 5 * rate for k, rate in MIX.items()}
        )


def test_shares_are_the_same_for_rates_in_any_unit() -> None:
    assert shares({"letter": 3, "story": 1, "report": 0}) == {"story": 0.25, "letter": 0.75}
    assert shares({"letter": 0.75, "story": 0.25}) == {"story": 0.25, "letter": 0.75}


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ({"tale": 1}, r"'tale'.*'story', 'letter'"),
        ({"story": -1}, "'story': -1"),
        ({"story": float("nan")}, "'story': nan"),
        ({"story": float("inf")}, "'story': inf"),
        ({"story": 0}, "above 0"),
        ({}, "above 0"),
    ],
)
def test_a_wrong_mix_is_refused_at_once(mix: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        documents(0, mix=mix)


def test_memory_does_not_grow_with_the_stream() -> None:
    stream = documents(2)
    for _ in islice(stream, 3000):  # by now every fact has its phrases
        pass
    tracemalloc.start()
    for _ in islice(stream, 100):
        pass
    before = tracemalloc.get_traced_memory()[0]
    for _ in islice(stream, 500):
        pass
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 200_000


@pytest.mark.parametrize("kind", KINDS)
def test_training_never_brings_a_held_out_person_and_thing_together(
    kind: str, by_kind: dict[str, list[str]]
) -> None:
    for text in by_kind[kind]:
        assert splits_of_pairs(text) <= {"train"}, text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_held_out_document_has_what_no_other_split_has(kind: str, split: str) -> None:
    other = "test" if split == "validation" else "validation"
    own = {question for fact in FACTS if fact.split == split for question in questions(fact)}
    for text in islice(documents(11, split, mix={kind: 1}), 200):
        found = splits_of_pairs(text)
        assert other not in found, text
        if kind == "questions":
            assert own & set(re.findall(r"Q: (.*)", text)), text
        elif kind != "translation":  # those are held out by their verbs, see test_language.py
            assert split in found, text


def test_no_document_comes_twice(many: list[str]) -> None:
    assert len(set(many)) == len(many)


def test_there_are_at_least_1500_word_types(many: list[str]) -> None:
    text = " ".join(many[:6000])
    assert len({word.lower() for word in re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)}) >= 2000


DOCUMENT_ERRORS = ERRORS | {
    "a word twice": r"\b([a-z]+) \1\b",
    "two spaces": r"  |\n\n\n| \n|\n ",
    "a wrong verb after I or you": r"\b(?:(?<!only )I (?:were|has|is)|[Yy]ou (?:was|has|is|am))\b",
    "a person in relation to himself": r"\b([A-Z]\w+) (?:gave|lent|took|told|asked|thanked|met) \1\b",
    "a wrong case": r"\b(?:to|from|of|with|by) (?:I|he|she|they)\b",
}


@pytest.mark.parametrize("error", DOCUMENT_ERRORS)
def test_no_document_has_an_error_of_form(by_kind: dict[str, list[str]], error: str) -> None:
    pattern = re.compile(DOCUMENT_ERRORS[error])
    for kind, texts in by_kind.items():
        for text in texts:
            lines = [line for line in text.split("\n") if kind != "translation" or " = " in line]
            for found in pattern.finditer("\n".join(lines)):
                pytest.fail(f"{kind}: {text[max(0, found.start() - 80) : found.end() + 40]}")


@pytest.mark.parametrize("kind", KINDS)
def test_documents_begin_with_a_capital_and_have_no_empty_part(
    kind: str, by_kind: dict[str, list[str]]
) -> None:
    for text in by_kind[kind]:
        assert re.match(r'"?[A-Z]', text), text
        assert all(part.strip() == part != "" for part in text.split("\n\n")), text


def test_quotation_marks_are_balanced_in_every_line(by_kind: dict[str, list[str]]) -> None:
    for texts in by_kind.values():
        for text in texts:
            assert all(line.count('"') % 2 == 0 for line in text.split("\n")), text


def test_kinship_in_the_text_is_that_of_the_world(by_kind: dict[str, list[str]]) -> None:
    words = "mother|father|brother|sister|son|daughter|wife|husband|grand[a-z]+"
    checked = 0
    for text in (text for kind in ("letter", "dialogue", "report", "notice") for text in by_kind[kind]):
        for first, word, second in re.findall(
            rf"\b([A-Z]\w+)'s ({words}) (?:is |is called )?([A-Z]\w+)", text
        ):
            checked += 1
            assert kinship(PERSON[first], PERSON[second]) == word, text
        for first, word, second in re.findall(rf"\b([A-Z]\w+) is the ({words}) of ([A-Z]\w+)", text):
            checked += 1
            assert kinship(PERSON[second], PERSON[first]) == word, text
    assert checked > 1500


def test_a_letter_is_signed_with_the_kinship_that_its_writer_has_to_the_reader(
    by_kind: dict[str, list[str]],
) -> None:
    checked = 0
    for text in by_kind["letter"]:
        signed = re.search(r"\nYour ([a-z-]+) ([A-Z]\w+)", text)
        greeted = re.search(r"(?:[Dd]ear|Dearest|Hello|Good day,) ([A-Z]\w+)[,!]", text)
        assert greeted, text
        if signed and signed[1] != "faithful" and greeted[1] in PERSON:
            checked += 1
            assert kinship(PERSON[greeted[1]], PERSON[signed[2]]) == signed[1]
    assert checked > 100


def test_nobody_speaks_twice_in_a_row_in_a_script(by_kind: dict[str, list[str]]) -> None:
    checked = 0
    for text in by_kind["dialogue"]:
        speakers = re.findall(r"^([A-Z]\w+): ", text.split("\n\nQ: ")[0], re.M)
        checked += len(speakers) > 3
        assert all(one != other for one, other in pairwise(speakers)), text
    assert checked > 200


def test_reports_end_in_a_summary_that_is_shorter_than_they_are(by_kind: dict[str, list[str]]) -> None:
    for text in by_kind["report"]:
        article, _, short = re.split(r"\n(TL;DR:|TL;DR -|tl;dr:)\s", text)
        assert len(short) < len(article) / 2
        assert 1 <= len(re.findall(r"[.](?= |$)", short)) <= 2
    article, short = report_and_summary(Random(1), "test")
    assert short not in article
    assert "TL;DR" not in article + short


def test_translations_have_both_directions_of_the_form_of_gpt_2(by_kind: dict[str, list[str]]) -> None:
    english, sister = 0, 0
    for text in by_kind["translation"]:
        for one, other in re.findall(r"^(.+[.?]) = (.+[.?])$", text, re.M):
            starts = re.match(r"(The|Did|Will|Does|Is|Was|We|You|They|He|She|I)\b", one)
            english += bool(starts)
            sister += bool(re.match(r"(The|Did|Will|Does|Is|Was|We|You|They|He|She|I)\b", other))
    assert english > sister > 300
    assert sum(NAME in text for text in by_kind["translation"]) > 300


def test_task_traces_can_be_left_out() -> None:
    rates = {kind: rate for kind, rate in MIX.items() if kind in ("story", "letter", "notice")}
    text = "\n".join(islice(documents(5, mix=rates), 500))
    for trace in ("Q: ", "TL;DR", "tl;dr", " = ", NAME):
        assert trace not in text


def test_family_names_are_those_of_the_people(by_kind: dict[str, list[str]]) -> None:
    checked = 0
    for text in (text for texts in by_kind.values() for text in texts):
        for name, family in re.findall(r"\b([A-Z]\w+) ([A-Z]\w+)\b", text):
            if name in PERSON and family in FAMILY_NAMES:
                checked += 1
                assert FAMILY_NAMES[PERSON[name].family] == family, text
    assert checked > 3000
