"""People, kinship and held-out combinations."""

from itertools import product

from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.people import CENTRAL, FAMILIES, PEOPLE, SPLITS, kinship, mix, split_of


def test_the_people_have_different_names_and_kin_that_answer_each_other() -> None:
    assert len({person.name for person in PEOPLE}) == len(PEOPLE) == 120
    answers = {
        "mother": "child", "father": "child", "son": "parent", "daughter": "parent", "wife": "husband",
        "husband": "wife", "brother": "sibling", "sister": "sibling",
    }  # fmt: skip
    words = {"child": {"son", "daughter"}, "parent": {"mother", "father"}, "sibling": {"brother", "sister"}}
    for family in FAMILIES:
        for of, who in product(family, family):
            word = kinship(of, who)
            assert (word == "") == (of is who)
            if word in answers:
                assert kinship(who, of) in words.get(answers[word], {answers[word]})
    assert kinship(FAMILIES[0][0], FAMILIES[1][0]) == ""


def test_a_tenth_of_the_pairs_is_held_out_and_every_noun_is_central_somewhere() -> None:
    counts = dict.fromkeys(SPLITS, 0)
    for person, noun in product(range(len(PEOPLE)), range(len(NOUNS))):
        counts[split_of(person, noun)] += 1
    assert 0.04 < counts["validation"] / sum(counts.values()) < 0.06
    assert 0.04 < counts["test"] / sum(counts.values()) < 0.06
    for split in SPLITS:
        assert {noun for nouns in CENTRAL[split] for noun in nouns} == set(range(len(NOUNS)))


def test_the_hash_is_that_of_every_machine() -> None:
    assert mix(1, 2, 3) == mix(1 + 2**64, 2, 3)
    assert mix(0) == 15590649930234121703
    assert len({mix(a, b) for a in range(100) for b in range(100)}) == 10_000
