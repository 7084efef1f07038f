"""Vallic, the sister language of English in the valley: what GPT-2 §3.7 has French for, in small.

The grammar in ten lines:

1. The order is: time, subject, time, place, recipient, object, quality, ``ne`` (not), verb.
2. The time stands first where it does so in English, and otherwise after the subject.
3. A noun comes before its adjective, and both before a number; adjectives and numbers never change.
4. Suffixes of nouns, in this order: plural ``-et``, definite ``-u``. There is no indefinite article.
5. An owner stands before the noun with ``-ku`` (a name takes it with a hyphen); no definite suffix then.
6. Pronouns: ``mun`` I, ``tal`` you, ``ver`` he, ``ves`` she; with a plural ``munet`` we, ``veret`` they.
7. Postpositions: ``lo`` where one is, ``du`` where one goes, ``ve`` for whom; places are always definite.
8. Suffixes of verbs: past ``-ri``, future ``-mos``, none for the present. Verbs know no person or number.
9. To be is a verb like others and follows its adjective. A question ends in ``ka``.
10. Proper names stay as they are. Nothing is irregular.
"""

from random import Random

from gpt_toolkit.storyworld.language.grammar import Meaning, Phrase, english, translate
from gpt_toolkit.storyworld.language.meanings import Speaker, split_of
from gpt_toolkit.storyworld.world import PEOPLE, SPLITS

__all__ = ["NAME", "Meaning", "Phrase", "english", "pair", "split_of", "translate"]

NAME = "Vallic"


def pair(rng: Random, split: str) -> tuple[str, str]:
    """A sentence in English and in Vallic, both said from one meaning.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test". The verb and its object (or its place, or a quality and its
            noun) meet in sentences of this split only.

    Raises:
        ValueError: If the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}: choose one of 'train', 'validation', 'test'.")
    people = tuple(PEOPLE[int(rng.random() * len(PEOPLE))] for _ in range(2))
    meaning = Speaker(rng, split, people).meaning()
    return english(meaning), translate(meaning)
