"""Long stories: the same hero lives through several plots, one chapter each, with other people around."""

from functools import reduce
from operator import and_
from random import Random

from gpt_toolkit.storyworld.benchmarks.told import CHAPTER
from gpt_toolkit.storyworld.lexicon import NOUNS
from gpt_toolkit.storyworld.plots import broken, chest, errand, gift, simulate, stray
from gpt_toolkit.storyworld.scenes import Cast, Story
from gpt_toolkit.storyworld.world import ALLOWED

# The plots that can follow others: those in which the hero is not said to love one thing above all.
_LATER = (gift, errand, broken, stray, chest)


def chronicle(rng: Random, split: str, chapters: int) -> Story:
    """Let a long story happen; told, a chapter has about 12 sentences.

    Args:
        rng: Source of all that is left to chance.
        split: "train", "validation" or "test"; as in a story, the first chapter is about a person and a thing
            that never meet in another split, and nobody meets a thing of a split that is not to be seen.
        chapters: How many plots; those after the first are all different.
    """
    story = simulate(rng, split)
    later = [plot for plot in _LATER if plot is not chest or story.hero.age != "elder"]
    for _ in range(chapters - 1):
        _recast(story, split)
        plot = later.pop(story.below(len(later)))
        begin = len(story.log)
        story.note(CHAPTER)
        plot(story)
        opening = next(i for i in range(begin, len(story.log)) if story.log[i].kind == "paragraph")
        story.log[begin + 1 : opening + 1] = []
    return story


def _recast(story: Story, split: str) -> None:
    """Put other people around the hero, whom all things seen so far may meet, and choose a new thing."""
    seen = reduce(and_, (ALLOWED[split][person.index] for person in story.cast)) & ~story.nouns
    while True:
        people = Cast(story.pick, story.hero)
        allowed = reduce(and_, (ALLOWED[split][person.index] for person in people.people()))
        if not seen & ~allowed and (left := story.nouns & allowed):
            break
    story.people = people
    story.cast = tuple(dict.fromkeys((*story.cast, *people.people())))
    story.nouns, story.borrowed = left, None
    story.central = story.pick([noun for noun in range(len(NOUNS)) if left >> noun & 1])
