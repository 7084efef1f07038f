"""What a story comes down to: who lost, gave or found what, where, and through whom."""

from typing import NamedTuple

from gpt_toolkit.storyworld.events import Event, Item
from gpt_toolkit.storyworld.places import HOME, Place, Spot
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.world import Person

_SIGNS = (
    ("prank", "prank"), ("animal", "snatched"), ("explain", "moved"), ("birthday", "gift"),
    ("errand", "errand"), ("swap", "swapping"), ("mend", "broken"), ("key", "chest"), ("find_new", "stray"),
    ("miss", "lost"),
)  # fmt: skip
"""An event that only stories of one plot have, and that plot."""


class Gist(NamedTuple):
    """The roles of a story; an account and the story as told by the narrator both name all of them."""

    plot: str
    hero: Person
    item: Item
    owner: Person  # in the end
    place: Place  # where it is found, given or bought
    spot: Spot | None = None
    other: Person | None = None  # who tells, hides, gives, gets, owns: the second main person
    third: Person | None = None  # who tells on the joker, gets or mends
    lender: Person | None = None
    tool: str = ""
    animal: str = ""
    items: tuple[Item, ...] = ()  # further things of a trade: what went between, what was wanted


def gist(state: Story) -> Gist:
    """Boil a story down to its roles, from its events."""
    first: dict[str, Event] = {}
    for event in state.log:
        first.setdefault(event.kind, event)
    plot = next(plot for kind, plot in _SIGNS if kind in first)
    final = next(event for event in reversed(state.log) if event.kind.startswith("final"))
    assert final.a is not None
    assert final.t is not None
    place, spot = HOME, None
    other: Person | None = None
    third: Person | None = None
    items: tuple[Item, ...] = ()
    item = final.t
    if plot in ("lost", "snatched", "prank", "moved"):
        took = next(e for e in state.log if e.kind == "find" or e.kind.startswith("use_"))
        assert took.place is not None
        place, spot = took.place, took.spot
        teller = next((first[kind] for kind in ("tell", "tell_who", "explain") if kind in first), None)
        other = teller.a if teller is not None else None
        if plot == "prank":
            other, third = first["prank"].a, other
    elif plot in ("gift", "errand"):
        other, third = first["give"].b, (first.get("buy") or first.get("make") or first["errand"]).b
        visited = [e.place for e in state.log if e.kind == "travel" and e.place is not None]
        place = visited[0 if plot == "gift" else -1]
    elif plot == "swapping":
        wish, refuse = first["wish"], first["refuse"]
        assert wish.t is not None
        assert wish.t2 is not None
        assert refuse.t2 is not None
        item, items = wish.t, (refuse.t2, wish.t2)
        other, third = wish.b, first["refuse_owner"].a
        place = state.where[state.hero]
    elif plot == "broken":
        other, third, place = first["lend"].b, first["mend"].a, state.where[state.hero]
    elif plot == "chest":
        key = first["key"]
        assert key.place is not None
        place, spot, other = key.place, key.spot, first["box"].b
    else:
        found = first["find_new"]
        assert found.place is not None
        place, spot, other = found.place, found.spot, final.a
    borrow, animal = first.get("borrow"), first.get("animal")
    return Gist(
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
        items,
    )
