"""Reports of stories in the first, second and third person."""

import re
from itertools import pairwise
from random import Random

from gpt_toolkit.storyworld.documents.account import Account, draw_narrator_and_reader
from gpt_toolkit.storyworld.people import address
from gpt_toolkit.storyworld.plots import simulate
from tests.storyworld.texts import PERSON


def test_an_account_in_the_first_person_never_names_its_narrator_or_its_reader() -> None:
    for number in range(800):
        state = simulate(Random(number), "train")
        me, you = state.hero, state.people.friend
        text = " ".join(Account(state, me, you).sentences())
        assert not re.search(rf"\b({me.name}|{you.name})\b", text), text
        assert re.search(r"\b(I|my|me)\b", text)


def test_pronouns_of_an_account_have_the_gender_of_somebody_in_it() -> None:
    wrong = {True: re.compile(r"\b(he|him|his)\b", re.I), False: re.compile(r"\b(she|her)\b", re.I)}
    checked = 0
    for number in range(2500):
        state = simulate(Random(number), "train")
        text = " ".join(Account(state).sentences())
        genders = {PERSON[word].female for word in re.findall(r"[A-Z]\w+", text) if word in PERSON}
        if len(genders) == 1:
            checked += 1
            assert not wrong[genders.pop()].search(text), text
    assert checked > 200


def test_a_pronoun_at_the_start_of_a_sentence_can_mean_one_person_of_the_sentence_before() -> None:
    checked = 0
    for number in range(1500):
        state = simulate(Random(number), "train")
        sentences = Account(state).sentences()
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
        state = simulate(Random(number), "train")
        for sentence in Account(state).sentences():
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
        state = simulate(Random(number), "train")
        teller, listener = draw_narrator_and_reader(state)
        assert teller is not listener
        if listener is state.hero:
            told_to_hero += 1
            assert address(teller, listener) == listener.name
    assert told_to_hero > 20
