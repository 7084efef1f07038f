"""Entailment, with the premise read back to what was done, what was not and what was only thought of."""

import re
from collections import Counter

import pytest

from gpt_toolkit.storyworld.datasets import DATASETS, LabeledExample
from gpt_toolkit.storyworld.datasets.entailment import MATCHED, MISMATCHED
from tests.storyworld.datasets.reader import NAME_OF, fill, rows

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)
DONE, UNDONE, THOUGHT_OF = range(3)

WORDINGS = {
    ("gift", DONE): (
        "(?P<a>NAME) gave (?P<t>THING) to (?P<b>NAME)",
        "(?P<a>NAME) handed (?P<b>NAME) (?P<t>THING)",
        "(?P<b>NAME) got (?P<t>THING) from (?P<a>NAME)",
        "(?P<b>NAME) was given (?P<t>THING) by (?P<a>NAME)",
    ),
    ("gift", UNDONE): (
        "(?P<a>NAME) refused to give (?P<t>THING) to (?P<b>NAME)",
        "(?P<b>NAME) asked (?P<a>NAME) for (?P<t>THING) in vain",
        "(?P<a>NAME) did not let (?P<b>NAME) have (?P<t>THING)",
        "(?P<a>NAME) would not hand (?P<t>THING) to (?P<b>NAME)",
    ),
    ("gift", THOUGHT_OF): (
        "(?P<a>NAME) promised (?P<t>THING) to (?P<b>NAME)",
        "(?P<a>NAME) wanted to give (?P<t>THING) to (?P<b>NAME)",
        "(?P<a>NAME) thought of giving (?P<b>NAME) (?P<t>THING)",
        "(?P<b>NAME) hoped to get (?P<t>THING) from (?P<a>NAME)",
    ),
    ("lies", DONE): (
        "NAME (?:put|hid) (?P<t>THING) (?P<where>SPOT)",
        "(?P<t>THING) lay (?P<where>SPOT), where NAME had left it",
    ),
    ("lies", UNDONE): (
        "NAME looked (?P<where>SPOT), but (?P<t>THING) was not there",
        "NAME (?:knew|found out) that (?P<t>THING) was not (?P<where>SPOT)",
    ),
    ("lies", THOUGHT_OF): (
        "NAME wondered whether (?P<t>THING) was (?P<where>SPOT)",
        "NAME thought that (?P<t>THING) might be (?P<where>SPOT)",
        "NAME wanted to hide (?P<t>THING) (?P<where>SPOT)",
    ),
    ("trip", DONE): (
        "(?P<a>NAME) went (?P<where>TO) with THING",
        "(?P<a>NAME) (?:took|carried) THING (?P<where>TO)",
        "(?P<a>NAME) was (?P<where>AT) with THING for a while",
    ),
    ("trip", UNDONE): (
        "(?P<a>NAME) stayed with THING instead of going (?P<where>TO)",
        "(?P<a>NAME) was busy with THING and did not go (?P<where>TO)",
        "(?P<a>NAME) refused to go (?P<where>TO) and played with THING",
    ),
    ("trip", THOUGHT_OF): (
        "(?P<a>NAME) wanted to go (?P<where>TO) with THING",
        "(?P<a>NAME) was asked to take THING (?P<where>TO)",
        "(?P<a>NAME) thought of going (?P<where>TO) with THING",
    ),
}
HYPOTHESES = {
    "gift": (
        "(?P<t>THING) is (?P<no>not )?with (?P<b>NAME)",
        "(?P<b>NAME) (?:has|does (?P<no>not )have) (?P<t>THING)",
        "(?P<a>NAME) (?:gave|did (?P<no>not )give) (?P<t>THING) to (?P<b>NAME)",
        "(?P<b>NAME) (?:received|did (?P<no>not )receive) (?P<t>THING) from (?P<a>NAME)",
    ),
    "lies": (
        "(?P<t>THING) is (?P<no>not )?(?P<where>SPOT)",
        "(?P<t>THING) can(?P<no>not)? be found (?P<where>SPOT)",
        "Whoever looks (?P<where>SPOT) will (?P<no>not )?see (?P<t>THING)",
    ),
    "trip": (
        "(?P<a>NAME) (?:went|did (?P<no>not )go) (?P<where>TO)",
        "(?P<a>NAME) has (?P<no>not )?been (?P<where>AT)",
    ),
}
SMALL = {"NAME": "[A-Z][a-z]+", "THING": "[Tt]he [a-z-]+ [a-z]+"}  # what looks like one is one here
TOLD = [(kind, re.compile(fill(text, **SMALL))) for kind, texts in WORDINGS.items() for text in texts]
CLAIMED = [(topic, re.compile(fill(text, **SMALL))) for topic, texts in HYPOTHESES.items() for text in texts]


def meaning(found: re.Match[str]) -> dict[str, str]:
    """Return who, what and where, in the same words for every wording."""
    return {
        role: NAME_OF.get(text, text.replace("The ", "the "))
        for role, text in found.groupdict().items()
        if text
    }


def verdict(premise: str, hypothesis: str) -> int:
    """Return the label, from the meaning of both."""
    topic, claim = next((t, meaning(m)) for t, p in CLAIMED if (m := p.fullmatch(hypothesis.rstrip("."))))
    negated = claim.pop("no", "") != ""
    facts = [(state, meaning(m)) for (t, state), p in TOLD if t == topic for m in p.finditer(premise)]
    # a thing occurs once; a person may have been at several places
    facts = [fact for fact in facts if all(fact[1][role] == claim[role] for role in ("t",) if role in claim)]
    if topic == "trip":
        facts = [fact for fact in facts if fact[1] == claim]
    assert len(facts) == 1, (premise, hypothesis, facts)
    state, fact = facts[0]
    fits = all(fact[role] == claim[role] for role in claim)
    if state == THOUGHT_OF:
        return NEUTRAL
    assert fits or state == DONE  # what was not done says nothing of anybody or anything else
    return CONTRADICTION if (state == DONE and fits) is negated else ENTAILMENT


@pytest.mark.parametrize("split", DATASETS["entailment"].splits)
def test_the_meaning_of_premise_and_hypothesis_gives_every_label(split: str) -> None:
    for (premise, hypothesis), target, _ in rows("entailment", split, 1000):
        assert verdict(premise, hypothesis) == target, (premise, hypothesis)


@pytest.fixture(scope="module")
def drawn() -> list[LabeledExample]:
    return list(rows("entailment", count=4000))


def test_the_labels_are_equally_frequent(drawn: list[LabeledExample]) -> None:
    assert all(1200 < count < 1470 for count in Counter(row.target for row in drawn).values())


def test_mismatched_genres_occur_in_the_mismatched_splits_alone(drawn: list[LabeledExample]) -> None:
    assert {row.genre for row in drawn} == set(MATCHED)
    for split in ("validation", "test"):
        assert {row.genre for row in rows("entailment", split, 200)} == set(MATCHED)
        assert {row.genre for row in rows("entailment", f"{split}_mismatched", 200)} == set(MISMATCHED)
    assert not set(MATCHED) & set(MISMATCHED)


def test_every_word_of_a_hypothesis_with_a_meaning_is_in_its_premise(drawn: list[LabeledExample]) -> None:
    for (premise, hypothesis), _, _ in drawn:
        names = re.findall(r"\b[A-Z][a-z]+", hypothesis)
        assert all(name in premise for name in names if name not in ("The", "Whoever"))
