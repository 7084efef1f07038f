"""The roles of a story, and headlines, summaries and questions made from them."""

from typing import NamedTuple

from gpt_toolkit.storyworld.chooser import Chooser
from gpt_toolkit.storyworld.lexicon import article, upper_first
from gpt_toolkit.storyworld.people import Person
from gpt_toolkit.storyworld.places import HOME, Place, Spot
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.story_state import Event, Item
from gpt_toolkit.storyworld.wording import load

_WORDING = load("story_roles")
PLOTS = _WORDING["plots"]
_SHARED_QUESTIONS = _WORDING["shared_questions"]
# an event that only stories of one plot have, and that plot
_PLOT_OF_EVENT = (
    ("prank", "prank"), ("animal", "snatched"), ("explain", "moved"), ("birthday", "gift"),
    ("errand", "errand"), ("swap", "swapping"), ("mend", "broken"), ("key", "chest"), ("find_new", "stray"),
    ("miss", "lost"),
)  # fmt: skip


class StoryRoles(NamedTuple):
    """The people and things of a story; both the story and an account of it name all of them.

    Attributes:
        plot: Name of the plot.
        hero: The main person.
        item: The main thing.
        owner: The owner of the thing in the end.
        place: Where it is found, given or bought.
        spot: Where in the place.
        other: The second main person, who tells, hides, gives, gets or owns.
        third: The person who tells on the joker, gets or mends.
        lender: The person who lends the tool.
        tool: The borrowed tool.
        animal: The thief.
        items: Further things of a trade: the one in between and the wanted one.
    """

    plot: str
    hero: Person
    item: Item
    owner: Person
    place: Place
    spot: Spot | None = None
    other: Person | None = None
    third: Person | None = None
    lender: Person | None = None
    tool: str = ""
    animal: str = ""
    items: tuple[Item, ...] = ()


def story_roles(state: Story) -> StoryRoles:
    """Return the roles of a story, from its events."""
    first: dict[str, Event] = {}
    for event in state.log:
        first.setdefault(event.kind, event)
    plot = next(plot for kind, plot in _PLOT_OF_EVENT if kind in first)
    final = next(event for event in reversed(state.log) if event.kind.startswith("final"))
    assert final.a is not None
    assert final.t is not None
    place: Place | None = HOME
    spot: Spot | None = None
    other: Person | None = None
    third: Person | None = None
    item: Item | None = final.t
    items: tuple[Item | None, ...] = ()
    if plot in ("lost", "snatched", "prank", "moved"):
        taken = next(e for e in state.log if e.kind == "find" or e.kind.startswith("use_"))
        place, spot = taken.place, taken.spot
        told = next((first[kind] for kind in ("tell", "tell_who", "explain") if kind in first), None)
        other = told.a if told is not None else None
        if plot == "prank":
            other, third = first["prank"].a, other
    elif plot in ("gift", "errand"):
        other, third = first["give"].b, (first.get("buy") or first.get("make") or first["errand"]).b
        visited = [event.place for event in state.log if event.kind == "travel"]
        place = visited[0 if plot == "gift" else -1]
    elif plot == "swapping":
        wish = first["wish"]
        item, items = wish.t, (first["refuse"].t2, wish.t2)
        other, third, place = wish.b, first["refuse_owner"].a, state.where[state.hero]
    elif plot == "broken":
        other, third, place = first["lend"].b, first["mend"].a, state.where[state.hero]
    elif plot == "chest":
        place, spot, other = first["key"].place, first["key"].spot, first["box"].b
    else:
        place, spot, other = first["find_new"].place, first["find_new"].spot, final.a
    assert item is not None
    assert place is not None
    borrow, animal = first.get("borrow"), first.get("animal")
    return StoryRoles(
        plot,
        state.hero,
        item,
        final.a,
        place,
        spot,
        other,
        third,
        borrow.b if borrow else None,
        borrow.x if borrow else "",
        animal.x if animal else "",
        tuple(filter(None, items)),
    )


def _wording_of(roles: StoryRoles) -> dict[str, tuple[str, ...]]:
    is_alone = roles.plot == "lost" and roles.other is None
    table: dict[str, tuple[str, ...]] = PLOTS["lost_alone" if is_alone else roles.plot]
    return table


def role_slots(roles: StoryRoles) -> dict[str, str]:
    """Return what the slots of headlines, summaries and questions stand for."""
    hero, item = roles.hero, roles.item
    between, wanted = roles.items or (item, item)
    return {
        "h": hero.name,
        "he": hero.he,
        "him": hero.him,
        "his": hero.his,
        "o": roles.other.name if roles.other else "",
        "third": roles.third.name if roles.third else "",
        "n": item.looks,
        "an": item.an,
        "an_cap": item.an.capitalize(),
        "noun": item.word,
        "a_noun": article(item.word),
        "noun_cap": item.word.capitalize(),
        "at": roles.place.at,
        "spot": roles.spot.phrase if roles.spot else "",
        "lender": roles.lender.name if roles.lender else "",
        "tool": article(roles.tool) if roles.tool else "",
        "animal": roles.animal,
        "between": between.an,
        "between_the": f"the {between.word}",
        "wanted": wanted.looks,
        "wanted_a": wanted.an,
    }


def draw_headline(chooser: Chooser, roles: StoryRoles) -> str:
    """Draw a headline."""
    return upper_first(chooser.pick(_wording_of(roles)["headlines"]).format_map(role_slots(roles)))


def draw_summary(chooser: Chooser, roles: StoryRoles) -> str:
    """Draw a summary of one or two sentences."""
    return upper_first(chooser.pick(_wording_of(roles)["summaries"]).format_map(role_slots(roles)))


def questions_for(plot: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the answers of a plot in the order of the story, each with its questions."""
    own = PLOTS[plot].get("questions", {})
    return [(answer, own.get(answer) or _SHARED_QUESTIONS[answer]) for answer in PLOTS[plot]["answers"]]


def draw_questions(chooser: Chooser, roles: StoryRoles, most: int = 6) -> list[tuple[str, str]]:
    """Draw questions in the order of the story, each with the answer that the text gives.

    A question may depend on those before it: "she" is the hero, "it" the thing.

    Args:
        chooser: Source of randomness.
        roles: Roles of the story.
        most: Maximum number of questions. The first, about the hero, is always there.
    """
    slots = role_slots(roles)
    asked: list[tuple[str, str]] = []
    plot = "lost_alone" if roles.plot == "lost" and roles.other is None else roles.plot
    skipped_place = False
    for number, (answer, phrasings) in enumerate(questions_for(plot)):
        text = answer.format_map(slots)
        needs_place = phrasings[0] == "Where exactly?"
        keep = number < 2 or chooser.random() < 0.75
        if answer == "{at}":
            skipped_place = not keep
        if not text or not keep or (needs_place and skipped_place) or len(asked) == most:
            continue
        if answer == "{lender}" and asked[-1][1] != slots["tool"]:
            continue  # "who lent it" needs the question about the tool before it
        asked.append((chooser.pick(phrasings).format_map(slots), text))
    return asked
