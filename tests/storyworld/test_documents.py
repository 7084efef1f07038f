"""The documents of Storyworld: their mix, what they say, and what no split may share with another."""

import ast
import hashlib
import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from random import Random

import pytest

import gpt_toolkit
from gpt_toolkit import storyworld
from gpt_toolkit.storyworld import MIX, SPLITS, VERSION, stories
from gpt_toolkit.storyworld.documents import conversation, document, documents, kind_of, report, shares
from gpt_toolkit.storyworld.documents.about import questions_about, summary
from gpt_toolkit.storyworld.documents.account_deeds import GIVING
from gpt_toolkit.storyworld.documents.account_phrases import LOSING
from gpt_toolkit.storyworld.documents.accounts import TEMPLATES, Account
from gpt_toolkit.storyworld.documents.gist import gist
from gpt_toolkit.storyworld.documents.gist_phrases import QUESTIONS, SUMMARIES
from gpt_toolkit.storyworld.documents.letters import address, narrator_and_listener
from gpt_toolkit.storyworld.facts import FACTS, questions
from gpt_toolkit.storyworld.language import NAME
from gpt_toolkit.storyworld.lexicon import FAMILY_NAMES, NOUNS
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.world import PEOPLE, kinship, split_of

PERSON = {person.name: person for person in PEOPLE}
NOUN = {noun.word: index for index, noun in enumerate(NOUNS)}
KINDS = tuple(MIX)
PACKAGE = Path(gpt_toolkit.__file__).parent

# The version and the digests of the first 200 documents of each split: when the bytes change, raise VERSION.
GOLDEN: tuple[int, dict[str, str]] = (
    3,
    {
        "train": "8f19bfd0b38f4f5abf6543e86224bceb019c107a9960e602f9474f5a03fb7225",
        "validation": "ad4a0dca14e6b299e2eef31585b23235066058eee7bd8127decbf9935daac9ce",
        "test": "71a9086e28aa45142400996f2aebdc6c8862a009919506d1c7ac5210bb3bd83a",
    },
)


@pytest.fixture(scope="module")
def by_kind() -> dict[str, list[str]]:
    return {kind: list(islice(documents(11, mix={kind: 1}), 1200)) for kind in KINDS}


@pytest.fixture(scope="module")
def many() -> list[str]:
    return list(islice(documents(12), 20_000))


def digest(seed: int, split: str, count: int) -> str:
    return hashlib.sha256("\x00".join(islice(documents(seed, split), count)).encode()).hexdigest()


def splits_of_pairs(text: str) -> set[str]:
    """The splits of all combinations of a person and a kind of thing that a text names."""
    tokens = set(re.findall(r"[A-Za-z]+", text))
    lower = {token.lower() for token in tokens}
    people = [person.index for name, person in PERSON.items() if name in tokens]
    things = [index for noun, index in NOUN.items() if noun in lower or f"{noun}s" in lower]
    return {split_of(person, thing) for person in people for thing in things}


# the stream


def test_the_first_documents_have_the_bytes_of_this_version() -> None:
    assert (VERSION, {split: digest(0, split, 200) for split in SPLITS}) == GOLDEN


CODE = (
    "import hashlib, itertools; from gpt_toolkit.storyworld.documents import documents;"
    "print(hashlib.sha256('\\0'.join(itertools.islice(documents(5, 'test'), 300)).encode()).hexdigest())"
)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest(5, "test", 300)


def other_pythons() -> list[str]:
    """Other versions of Python on this machine that the project supports, by their paths."""
    folders = [*os.get_exec_path(), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(Path(folder).glob("python3.1[1-9]")):
            if ".pyenv/shims" not in str(path) and path.name != f"python3.{sys.version_info.minor}":
                found.setdefault(path.name, str(path))
    return list(found.values())


def test_other_versions_of_python_give_the_same_bytes() -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("no other version of Python on this machine")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    for python in pythons:
        done = subprocess.run(
            [python, "-c", CODE], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == digest(5, "test", 300), python


def test_a_stream_can_be_entered_at_any_position() -> None:
    stream = list(islice(documents(3, "test"), 60))
    assert list(islice(documents(3, "test", start=40), 20)) == stream[40:]
    assert document(3, "test", 17) == stream[17]


def test_seeds_and_splits_give_different_streams() -> None:
    firsts = {document(seed, split, 0) for seed in (-1, 0, 1, 2**40) for split in SPLITS}
    assert len(firsts) == 12


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
        ({"story": -1}, "'story' is -1"),
        ({"story": float("nan")}, "'story' is nan"),
        ({"story": float("inf")}, "'story' is inf"),
        ({"story": 0}, "above 0"),
        ({}, "above 0"),
    ],
)
def test_a_wrong_mix_is_refused_at_once(mix: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        documents(0, mix=mix)


def test_an_unknown_split_and_a_negative_position_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"'valid'.*'train', 'validation', 'test'"):
        documents(0, "valid")
    with pytest.raises(ValueError, match="-1"):
        documents(0, start=-1)
    with pytest.raises(ValueError, match="-1"):
        document(0, "train", -1)


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


# what splits share


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


# the text


def test_no_document_comes_twice(many: list[str]) -> None:
    assert len(set(many)) == len(many)


def test_there_are_at_least_1500_word_types(many: list[str]) -> None:
    text = " ".join(many[:6000])
    assert len({word.lower() for word in re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)}) >= 2000


FAULTS = {
    "a before a vowel": r"\b[Aa] (?:hour\w*|(?!one\b|uni|(?i:uku))[aeiouAEIOU]\w*)",
    "an before a consonant": r"\b[Aa]n (?!honest\b|hour)(?:uku|[^aeiouAEIOU\s])\w*",
    "a word twice": r"\b([a-z]+) \1\b",
    "two spaces": r"  |\n\n\n| \n|\n ",
    "space before a mark": r" [.,;:!?]",
    "two marks": r"[.,;:!?]{2}|[.,!?]\"[.,]",
    "a small letter after a full stop": r"(?<!P\.S)\. [a-z]",
    "an unfilled slot": r"[{}_]",
    "a character outside of ASCII": r"[^\x20-\x7e\n]",
    "a wrong verb after I or you": r"\b(?:(?<!only )I (?:were|has|is)|[Yy]ou (?:was|has|is|am))\b",
    "a person in relation to himself": r"\b([A-Z]\w+) (?:gave|lent|took|told|asked|thanked|met) \1\b",
    "a wrong case": r"\b(?:to|from|of|with|by) (?:I|he|she|they)\b",
    "None": r"\bNone\b",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_document_shows_the_fault(by_kind: dict[str, list[str]], fault: str) -> None:
    pattern = re.compile(FAULTS[fault])
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


# what is told


STRESSED = {"a", "an", "the", "at", "in", "on", "by", "of", "edge", "to", "home"}


def test_answers_stand_in_their_passage() -> None:
    rng, checked = Random(3), 0
    for _ in range(1500):
        passage, asked = conversation(rng, "train")
        told = set(re.findall(r"[\w'-]+", passage.lower()))
        assert len(asked) >= 2
        for question, answer in asked:
            checked += 1
            assert question.endswith("?")
            words = set(re.findall(r"[\w'-]+", answer.lower())) - STRESSED
            assert answer in ("yes", "no") or words <= told, (question, answer, passage)
    assert checked > 5000


def test_questions_and_summaries_agree_with_the_events() -> None:
    """An oracle of its own: the end of the story says whose the thing is."""
    kept = {"yes": 0, "no": 0}
    for number in range(1500):
        state = simulate(Random(number), "train")
        essence, rng = gist(state), Random(number)
        end = next(event for event in reversed(state.log) if event.kind.startswith("final"))
        assert essence.owner is end.a
        text = summary(essence, rng)
        named = {name for name in PERSON if re.search(rf"\b{name}\b", text)}
        present = {person.name for event in state.log for person in event[1:4] if person is not None}
        assert named, text
        assert named <= present
        assert any(item.word in text for item in (essence.item, *essence.items)), text
        for question, answer in questions_about(essence, rng):
            if re.match(r"(Did|Does|Is|May) \w+ (keep|still|belong)|Does it belong to", question):
                kept[answer] += 1
                assert (answer == "yes") == (state.hero is end.a), question
    assert min(kept.values()) > 30


def test_every_plot_has_summaries_and_questions_and_all_are_used() -> None:
    plots = {gist(simulate(Random(number), "train")).plot for number in range(400)}
    assert {"lost_alone", *plots} == set(SUMMARIES) == set(QUESTIONS)
    assert all(len(set(options)) >= 4 for options in SUMMARIES.values())
    assert all(len(set(phrasings)) >= 4 for entries in QUESTIONS.values() for phrasings, _ in entries)


def test_accounts_have_four_phrasings_of_every_kind_of_event() -> None:
    assert set(TEMPLATES) == set(LOSING) | set(GIVING)
    assert not set(LOSING) & set(GIVING)
    assert all(len(set(options)) >= 4 for options in (*LOSING.values(), *GIVING.values()))


def test_an_account_in_the_first_person_never_names_its_narrator_or_its_reader() -> None:
    for number in range(800):
        rng = Random(number)
        state = simulate(rng, "train")
        me, you = state.hero, state.people.friend
        text = " ".join(sentence for _, sentence in Account(state, rng, me, you).told())
        assert not re.search(rf"\b({me.name}|{you.name})\b", text), text
        assert re.search(r"\b(I|my|me)\b", text)


def test_pronouns_of_an_account_have_the_gender_of_somebody_in_it() -> None:
    wrong = {True: re.compile(r"\b(he|him|his)\b", re.I), False: re.compile(r"\b(she|her)\b", re.I)}
    checked = 0
    for number in range(2500):
        rng = Random(number)
        state = simulate(rng, "train")
        text = " ".join(sentence for _, sentence in Account(state, rng).told())
        genders = {PERSON[word].female for word in re.findall(r"[A-Z]\w+", text) if word in PERSON}
        if len(genders) == 1:
            checked += 1
            assert not wrong[genders.pop()].search(text), text
    assert checked > 200


def test_a_pronoun_at_the_start_of_a_sentence_can_mean_one_person_of_the_sentence_before() -> None:
    checked = 0
    for number in range(1500):
        rng = Random(number)
        state = simulate(rng, "train")
        sentences = [sentence for _, sentence in Account(state, rng).told()]
        for before, sentence in pairwise(sentences):
            if pronoun := re.match(r"(?:\w+,? )??([Hh]e|[Ss]he)\b", sentence):
                female = pronoun[1].lower() == "she"
                names = set(re.findall(r"[A-Z]\w+", before)) & set(PERSON)
                checked += 1
                assert sum(PERSON[name].female is female for name in names) <= 1, (before, sentence)
    assert checked > 1500


def test_a_pronoun_in_a_sentence_can_mean_one_person_of_that_sentence() -> None:
    checked = 0
    for number in range(1500):
        rng = Random(number)
        state = simulate(rng, "train")
        for _, sentence in Account(state, rng).told():
            bare = re.sub(r"\b(his|her) [a-z-]+ [A-Z]\w+", "kin", sentence)  # "his brother Tom"
            named = set(re.findall(r"[A-Z]\w+", bare)) & set(PERSON)
            for pronoun in re.findall(r"(?<!^)\b(he|him|his|she|her)\b", bare):
                female = pronoun in ("she", "her")
                checked += 1
                assert sum(PERSON[name].female is female for name in named) <= 1, sentence
    assert checked > 1000


def test_the_hero_is_named_in_what_is_said_to_the_hero() -> None:
    told_to_hero = 0
    for number in range(4000):
        rng = Random(number)
        state = simulate(rng, "train")
        teller, listener = narrator_and_listener(state, rng)
        assert teller is not listener
        if listener is state.hero:
            told_to_hero += 1
            assert address(teller, listener) == listener.name
    assert told_to_hero > 20


def test_reports_end_in_a_summary_that_is_shorter_than_they_are(by_kind: dict[str, list[str]]) -> None:
    for text in by_kind["report"]:
        article, _, short = re.split(r"\n(TL;DR:|TL;DR -|tl;dr:)\s", text)
        assert len(short) < len(article) / 2
        assert 1 <= len(re.findall(r"[.](?= |$)", short)) <= 2
    article, short = report(Random(1), "test")
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


def test_storyworld_imports_only_itself_and_the_standard_library() -> None:
    for path in Path(storyworld.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                own = name.startswith("gpt_toolkit.storyworld")
                assert own or name.split(".")[0] in sys.stdlib_module_names, f"{path}: {name}"
