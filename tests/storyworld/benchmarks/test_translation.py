"""Translation: pairs that no training document has, from which either side follows."""

import re
from itertools import islice

import pytest

from gpt_toolkit.storyworld.benchmarks import FEWEST_WORDS, Translation, benchmark
from gpt_toolkit.storyworld.documents import documents
from tests.storyworld.texts import NAMES


@pytest.fixture(scope="module")
def rows() -> list[Translation]:
    return list(islice(benchmark("translation", 3), 2000))


def words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text)


def test_names_stay_and_nothing_else_is_the_same(rows: list[Translation]) -> None:
    for row in rows:
        sister = [word.removesuffix("-ku") for word in words(row.sister)]
        english = words(row.english.replace("'s", ""))
        assert set(english) & NAMES == set(sister) & NAMES, row
        assert not {word.lower() for word in english} & set(sister), row


def test_sentences_are_long_and_end_alike(rows: list[Translation]) -> None:
    for row in rows:
        assert len(row.english.split()) >= FEWEST_WORDS
        assert row.english[-1] == row.sister[-1]
        assert (row.english[-1] == "?") == row.sister.endswith(" ka?")


def test_each_sentence_has_one_translation(rows: list[Translation]) -> None:
    assert len({row.english for row in rows}) == len(rows)
    english_of: dict[str, str] = {}
    for row in rows:
        plain = row.english.lower()
        assert sorted(english_of.setdefault(row.sister, plain).split()) == sorted(plain.split())


def verb_and_object(sister: str) -> tuple[str, str]:
    """Return the last word without its tense, and the noun before it without its suffixes."""
    *before, verb = words(sister.removesuffix(" ka?"))
    noun = next(word for word in reversed(before) if word != "ne" and word[-1] not in "oi")
    return re.sub("(?:ri|mos)$", "", verb), re.sub("u$", "", noun).removesuffix("et")


def test_no_training_sentence_has_the_verb_and_the_object_of_a_row(rows: list[Translation]) -> None:
    training = islice(benchmark("translation", 3, "train"), 4000)
    known = {verb_and_object(row.sister) for row in training}
    assert len(known) > 1500
    named = {verb_and_object(row.sister) for row in rows}
    assert not {(verb, noun) for verb, noun in named & known if noun not in NAMES}


def test_no_training_document_has_the_english_of_a_row(rows: list[Translation]) -> None:
    known = "\n".join(islice(documents(1, "train", mix={"translation": 1}), 1500))
    assert len(known) > 300_000
    assert not [row for row in rows if row.english in known]
