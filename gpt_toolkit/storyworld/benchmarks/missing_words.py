"""Stories with a missing word that an earlier event determines, after LAMBADA and the Children's Book Test.

Last words (GPT-2 §3.3): a story as ``storyworld.story`` tells it, broken off right after a determined word.
The unfinished sentence alone leaves open which person or thing of the story it is.

Cloze examples (GPT-2 §3.2): 20 sentences of a long story, a 21st with a gap, and ten candidates. For nouns
these are ten common nouns of the passage. For names these are the people of the passage, at least five, and
other names.

In stories as they are, the last person named, or the hero, is the answer too often. So a word is used with a
probability that makes the rules "take the last" and "take the most frequent" as bad as a blind choice.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from gpt_toolkit.storyworld.benchmarks.cloze_rules import (
    NOT_NOUNS,
    PERSON,
    PLACE,
    SPOT,
    THING,
    DeterminedWord,
    determined_words,
    shortcut_rank,
)
from gpt_toolkit.storyworld.benchmarks.sentence_alignment import (
    AlignedText,
    join,
    mentions,
    simulate_chapters,
    split_sentences,
    tell_aligned,
)
from gpt_toolkit.storyworld.lexicon import FOODS, JUNK, NOUNS, TRADES
from gpt_toolkit.storyworld.narrator import LINKS
from gpt_toolkit.storyworld.people import PEOPLE
from gpt_toolkit.storyworld.places import HOME, PLACES, TOOLS
from gpt_toolkit.storyworld.plots import simulate, swapping
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.wording import load, words

_ALL_NAMES = tuple(person.name for person in PEOPLE)
NAMES = frozenset(_ALL_NAMES)
THINGS = frozenset(noun.word for noun in NOUNS)

# last words

_THINGS_FRACTION = 0.25  # tuned here; only stories of trades have several things
# Probability of using a word, by its rank for the shortcuts. From counts of 8,000 stories.
_USE_LAST_NAME = {(0, False): 0.7, (0, True): 0.28, (1, False): 0.85, (1, True): 1.0}
_USE_LAST_THING = {(0, False): 0.46, (0, True): 0.12, (1, False): 0.43, (1, True): 1.0}
_SPOKEN = ("tell_who", "refuse_owner", "swap")  # who speaks to whom is clear in these kinds of events
_ENDS_OF_STORIES = re.compile(r"\b(?:with|than|to|the) $")


class LastWord(NamedTuple):
    """A passage whose last word, without a full stop, is to be predicted from the others."""

    text: str


def last_word(rng: Random, split: str) -> LastWord:
    """Draw a passage for last-word prediction."""
    uses_things = rng.random() < _THINGS_FRACTION
    while True:
        if uses_things:
            state = Story(rng, split)
            swapping(state)
            row = _break_off(state, THING, THINGS, _USE_LAST_THING)
        else:
            row = _break_off(simulate(rng, split), PERSON, NAMES, _USE_LAST_NAME)
        if row is not None:
            return row


def _break_off(
    state: Story, word_class: str, vocabulary: frozenset[str], use: Mapping[tuple[int, bool], float]
) -> LastWord | None:
    """Return a story up to one of its determined words; None if none is used."""
    told = tell_aligned(state)
    options = [word for word in determined_words(told, word_class) if _is_determined_by_beginning(word, told)]
    while options:
        word = options.pop(state.below(len(options)))
        part = told[word.at]
        before, lead = join(told[: word.at]), part.text[: word.start]
        in_lead = {*mentions(lead, vocabulary), *mentions(lead.lower(), vocabulary)}  # '"Kite for drum'
        rank = shortcut_rank(word.word, mentions(before, vocabulary), in_lead, ranks=2)
        if rank is not None and state.chance(use[rank]):
            gap = "\n\n" if part.starts_paragraph else " "
            return LastWord(before + gap + lead + word.word)
    return None


def _is_determined_by_beginning(word: DeterminedWord, told: list[AlignedText]) -> bool:
    """Return whether the sentence up to the word, and not only as a whole, leaves no other choice."""
    lead = told[word.at].text[: word.start]
    if lead == '"Ask ':
        return True
    if len(lead.split()) < 2 or lead.strip() in LINKS or (lead.count('"') % 2 and word.kind not in _SPOKEN):
        return False
    if word.kind == "thank":
        return not lead.endswith("gave ")  # a kiss or a thing
    if word.kind.startswith("final"):
        return bool(_ENDS_OF_STORIES.search(lead)) and lead != "In the end the "
    return True


# cloze examples

GAP = "XXXXX"
N_CONTEXT, N_CANDIDATES = 20, 10  # as in the Children's Book Test
_CHAPTERS = 3  # tuned here: about 30 places of such a story have 20 sentences before them
_FEWEST_NAMES = 5  # tuned here: a guess among the people of the passage is then right once in five at most
# Probability of using a word, from counts of 1,500 long stories. Names: by their rank for the shortcuts.
_USE_NAME = {
    (0, False): 0.2, (0, True): 0.11, (1, False): 0.33, (1, True): 0.26, (2, False): 1.0, (2, True): 1.0,
}  # fmt: skip
# Nouns: by their class and by whether they are the most frequent candidate. A missing thing is nearly always
# the last one named, because the hero has one thing; a missing place never is. With about as many
# of each, neither "the last of its class" nor "the one before" works as a rule.
_USE_NOUN = {
    (THING, False): 0.28, (THING, True): 0.1, (SPOT, False): 0.35, (SPOT, True): 0.35, (PLACE, False): 1.0,
    (PLACE, True): 1.0,
}  # fmt: skip


def _last_words(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(phrase.rpartition(" ")[2] for phrase in phrases) - NOT_NOUNS - {"well"}


NOUNS_OF = {
    THING: THINGS,
    PLACE: _last_words(place.name for place in PLACES),
    SPOT: _last_words(spot.phrase for place in (HOME, *PLACES) for spot in place.spots + place.hard_spots),
}
"""The nouns of each class of determined words."""
_OTHER_NOUNS = words(load("benchmarks")["cloze"]["other_nouns"])
ALL_NOUNS = frozenset().union(
    *NOUNS_OF.values(), _last_words((*FOODS, *JUNK, *TOOLS, *TRADES, *_OTHER_NOUNS))
)
"""The common nouns that an example can offer."""


class Cloze(NamedTuple):
    """A context of 20 sentences and a 21st with ``XXXXX`` for one of its words, one of ten candidates."""

    context: tuple[str, ...]
    query: str
    answer: str
    candidates: tuple[str, ...]


def names(rng: Random, split: str) -> Cloze:
    """Draw an example whose missing word is the name of a person (CBT-NE)."""
    while True:
        for passage in _passages(rng, split, (PERSON,), NAMES):
            pool = dict.fromkeys((*passage.named, *passage.in_query))
            if not _FEWEST_NAMES <= len(pool) <= N_CANDIDATES:
                continue
            rank = shortcut_rank(passage.answer, passage.named, passage.in_query, ranks=3)
            if rank is not None and rng.random() < _USE_NAME[rank]:
                while len(pool) < N_CANDIDATES:
                    pool[_ALL_NAMES[int(rng.random() * len(_ALL_NAMES))]] = None
                return passage.cloze(pool)


def common_nouns(rng: Random, split: str) -> Cloze:
    """Draw an example whose missing word is a common noun (CBT-CN)."""
    while True:
        for passage in _passages(rng, split, (THING, SPOT, PLACE), ALL_NOUNS):
            word_class, answer, named, in_query = passage[:4]
            others = [noun for noun in dict.fromkeys(named) if noun != answer and noun not in in_query]
            if len(others) < N_CANDIDATES - 1:
                continue
            # words of the same class first: otherwise the class alone would often reveal the answer
            others.sort(key=lambda noun: (noun not in NOUNS_OF[word_class], rng.random()))
            pool = {answer, *others[: N_CANDIDATES - 1]}
            rank = shortcut_rank(answer, [noun for noun in named if noun in pool], in_query, ranks=3)
            if rank is not None and rng.random() < _USE_NOUN[word_class, rank.is_most_frequent]:
                return passage.cloze(pool)


class _Passage(NamedTuple):
    word_class: str
    answer: str
    named: list[str]  # words of the vocabulary in the context, in order and with repetitions
    in_query: list[str]
    context: tuple[str, ...]
    query: str

    def cloze(self, candidates: Iterable[str]) -> Cloze:
        return Cloze(self.context, self.query, self.answer, tuple(sorted(candidates)))


def _passages(
    rng: Random, split: str, word_classes: tuple[str, ...], vocabulary: frozenset[str]
) -> Iterator[_Passage]:
    """Yield the determined words of one long story, with 20 sentences and the query, in random order."""
    told = tell_aligned(simulate_chapters(rng, split, _CHAPTERS))
    first: list[int] = []  # index of the first sentence of each event
    sentences: list[str] = []
    for part in told:
        first.append(len(sentences))
        sentences += split_sentences(part.text)
    named = [mentions(sentence, vocabulary) for sentence in sentences]
    options = [(name, word) for name in word_classes for word in determined_words(told, name)]
    while options:
        word_class, word = options.pop(int(rng.random() * len(options)))
        start, at = word.start, first[word.at]
        while start > len(sentences[at]):
            start -= len(sentences[at]) + 1
            at += 1
        begin = at - N_CONTEXT
        if first[word.since] >= begin >= 0:
            yield _Passage(
                word_class,
                word.word,
                [name for found in named[begin:at] for name in found],
                [name for name in named[at] if name != word.word],
                tuple(sentences[begin:at]),
                sentences[at][:start] + GAP + sentences[at][start + len(word.word) :],
            )
