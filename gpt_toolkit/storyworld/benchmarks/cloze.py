"""A missing word after 20 sentences, ten candidates: after the Children's Book Test (GPT-2 §3.2).

The 21 sentences are a stretch of a chronicle (a story of several chapters), because one story is too short.
The missing word is one that an earlier event of the stretch has decided. The candidates are of its class: ten
common nouns of the stretch; or the names of the people in it, at least five, filled up to ten with names from
elsewhere. As with last words, what "take the last" or "take the most frequent" would find is kept seldom.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.benchmarks.chronicle import chronicle
from gpt_toolkit.storyworld.benchmarks.common_nouns import ALL_NOUNS, NOUNS_OF
from gpt_toolkit.storyworld.benchmarks.decided import PERSON, PLACE, SPOT, THING, decided_words
from gpt_toolkit.storyworld.benchmarks.standing import standing
from gpt_toolkit.storyworld.benchmarks.told import mentions, split_sentences, tell_events
from gpt_toolkit.storyworld.world import PEOPLE

BLANK = "XXXXX"
N_CONTEXT, N_CANDIDATES = 20, 10  # as in the Children's Book Test
_CHAPTERS = 3  # ours: then about 30 places of a chronicle have 20 sentences before them
_FEWEST_NAMES = 5  # ours: a guess among the people of the stretch is then right once in five at most
_ALL_NAMES = tuple(person.name for person in PEOPLE)
_KNOWN_NAMES = frozenset(_ALL_NAMES)

# Ours, from counts of 1,500 chronicles: how often a name is kept, by its standing among those that the query
# does not name, so that each rule is right about as often as a blind choice among them.
_KEPT_NAMES = {
    (0, False): 0.2,
    (0, True): 0.11,
    (1, False): 0.33,
    (1, True): 0.26,
    (2, False): 1.0,
    (2, True): 1.0,
}
# The same for nouns, by what they stand for and by whether they are the most frequent candidate. The hero has
# one thing at a time, so a missing thing is nearly always the last one named; but a missing place, to which
# the hero returns, never is. About as many of each leave neither "the last of its class" nor "the one before"
# as a rule.
_KEPT_NOUNS = {
    (THING, False): 0.28,
    (THING, True): 0.1,
    (SPOT, False): 0.35,
    (SPOT, True): 0.35,
    (PLACE, False): 1.0,
    (PLACE, True): 1.0,
}


class Cloze(NamedTuple):
    """Twenty sentences and a 21st with ``XXXXX`` for one of its words, which is one of ten candidates."""

    context: tuple[str, ...]
    query: str
    answer: str
    candidates: tuple[str, ...]


def names(rng: Random, split: str) -> Cloze:
    """Draw a row whose missing word is the name of a person (CBT-NE)."""
    while True:
        for _, answer, context, query, named, in_query in _stretches(rng, split, (PERSON,), _KNOWN_NAMES):
            pool = dict.fromkeys((*named, *in_query))
            if not _FEWEST_NAMES <= len(pool) <= N_CANDIDATES:
                continue
            place = standing(answer, named, in_query, ranks=3)
            if place is not None and rng.random() < _KEPT_NAMES[place]:
                while len(pool) < N_CANDIDATES:
                    pool[_ALL_NAMES[int(rng.random() * len(_ALL_NAMES))]] = None
                return Cloze(context, query, answer, tuple(sorted(pool)))


def common_nouns(rng: Random, split: str) -> Cloze:
    """Draw a row whose missing word is a common noun (CBT-CN)."""
    while True:
        for word_class, answer, context, query, named, in_query in _stretches(
            rng, split, (THING, SPOT, PLACE), ALL_NOUNS
        ):
            others = [noun for noun in dict.fromkeys(named) if noun != answer and noun not in in_query]
            if len(others) < N_CANDIDATES - 1:
                continue
            # Words of the same class first: otherwise the class alone would often give the answer away.
            others.sort(key=lambda noun: (noun not in NOUNS_OF[word_class], rng.random()))
            pool = {answer, *others[: N_CANDIDATES - 1]}
            place = standing(answer, [noun for noun in named if noun in pool], in_query, ranks=3)
            if place is not None and rng.random() < _KEPT_NOUNS[word_class, place.is_most_frequent]:
                return Cloze(context, query, answer, tuple(sorted(pool)))


class _Stretch(NamedTuple):
    word_class: str
    answer: str
    context: tuple[str, ...]
    query: str
    named: list[str]  # words of the vocabulary in the context, in order and with repetitions
    in_query: list[str]


def _stretches(
    rng: Random, split: str, word_classes: tuple[str, ...], vocabulary: frozenset[str]
) -> Iterator[_Stretch]:
    """The decided words of one chronicle, each with its 20 sentences and the query, in random order."""
    told = tell_events(chronicle(rng, split, _CHAPTERS))
    first: list[int] = []  # index of the first sentence of each told event
    sentences: list[str] = []
    for part in told:
        first.append(len(sentences))
        sentences += split_sentences(part.text)
    named = [mentions(sentence, vocabulary) for sentence in sentences]
    options = [(name, word) for name in word_classes for word in decided_words(told, name)]
    while options:
        word_class, word = options.pop(int(rng.random() * len(options)))
        start, at = word.start, first[word.at]
        while start > len(sentences[at]):
            start -= len(sentences[at]) + 1
            at += 1
        begin = at - N_CONTEXT
        if first[word.since] >= begin >= 0:
            yield _Stretch(
                word_class,
                word.word,
                tuple(sentences[begin:at]),
                sentences[at][:start] + BLANK + sentences[at][start + len(word.word) :],
                [name for names in named[begin:at] for name in names],
                [name for name in named[at] if name != word.word],
            )
