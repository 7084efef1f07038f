"""Events of stories, compared with their text by an oracle that reads the events."""

from random import Random

import pytest

from gpt_toolkit.storyworld.lexicon import NOT_MADE, NOUNS
from gpt_toolkit.storyworld.narrator import OPTIONAL, Narrator, tell
from gpt_toolkit.storyworld.people import Person
from gpt_toolkit.storyworld.places import HOME, Place, Spot
from gpt_toolkit.storyworld.plots import simulate
from gpt_toolkit.storyworld.scenes import Story
from gpt_toolkit.storyworld.story_state import Event, Item

PUTS = {"put", "leave", "drop", "hide", "animal_hides", "tidy"}


TAKES = {"find", "fetch", "took_again", "use_ladder", "use_lantern", "use_rope", "use_boat", "use_spade"}


TELLS = {"tell", "tell_who", "confess", "explain"}


@pytest.fixture(scope="module")
def happened() -> list[tuple[Story, str]]:
    simulated = [simulate(Random(number), "train") for number in range(3000)]
    return [(state, tell(state)) for state in simulated]


def test_what_lies_somewhere_is_found_where_it_was_put(happened: list[tuple[Story, str]]) -> None:
    found = 0
    for state, _ in happened:
        lies: tuple[Place, Spot] | None = None
        for event in state.log:
            assert (
                event.place is None
                or event.spot is None
                or event.spot in event.place.spots + event.place.hard_spots
            )
            if event.kind in PUTS and event.place and event.spot:
                lies = (event.place, event.spot)
            elif event.kind in TAKES | TELLS:
                found += 1
                assert lies == (event.place, event.spot), state.log
    assert found > 2000


def test_nobody_reaches_a_hard_spot_without_its_tool(happened: list[tuple[Story, str]]) -> None:
    used = 0
    for state, text in happened:
        for event in state.log:
            if event.kind in TAKES and event.spot:
                tool = event.spot.tool
                assert event.kind == f"use_{tool}" if tool else not event.kind.startswith("use_")
                used += bool(tool)
                assert not tool or tool in text
    assert used > 100


def test_a_borrowed_tool_goes_back_to_its_lender(happened: list[tuple[Story, str]]) -> None:
    for state, _ in happened:
        lent = [(event.b, event.x) for event in state.log if event.kind == "borrow"]
        returned = [(event.b, event.x) for event in state.log if event.kind == "return_tool"]
        assert lent == returned


def owner_by_replay(log: list[Event], item: Item) -> Person | None:
    """Return the owner of a thing in the end, from the events alone."""
    owner: Person | None = None
    for event in log:
        if event.t is item:
            if event.kind in {"owns", "errand", "has_thing", "open"}:
                owner = event.b if event.kind == "errand" else event.a
            elif event.kind in {"buy", "make"}:
                owner = event.a
            elif event.kind in {"give", "swap", "give_back"}:
                owner = event.b
        elif event.t2 is item:
            if event.kind == "swap":
                owner = event.a
            elif event.kind == "wish":
                owner = event.b
    return owner


def test_the_last_paragraph_names_the_owner_that_the_events_make(happened: list[tuple[Story, str]]) -> None:
    for state, text in happened:
        end = next(event for event in reversed(state.log) if event.kind.startswith("final"))
        last = text.split("\n\n")[-1]
        for item, person in ((end.t, end.a), (end.t2, end.b)):
            if item is not None and person is not None:
                assert item.owner is person is state.holder[item] is owner_by_replay(state.log, item)
                assert person.name in last
                assert item.word in last


def test_people_meet_only_where_both_are(happened: list[tuple[Story, str]]) -> None:
    for state, _ in happened:
        where: dict[str, Place] = {state.hero.name: HOME}
        for event in state.log:
            if event.kind in {"go", "go_plain", "travel", "travel_with", "home"} and event.a and event.place:
                assert where.get(event.a.name) is not event.place
                where[event.a.name] = event.place
            elif event.kind in {"meet", "visit"} and event.a:
                assert (event.kind == "visit") == (where[event.a.name] is HOME)


def test_only_those_who_are_there_are_thanked(happened: list[tuple[Story, str]]) -> None:
    thanked = 0
    for state, _ in happened:
        where: dict[Person | None, Place | None] = {state.hero: HOME}
        for event in state.log:
            if event.kind in {"go", "go_plain", "travel", "home", "travel_with"}:
                where[event.a] = event.place
            if event.kind in {"meet", "visit", "travel_with", "buy", "make"}:
                where[event.b] = where[event.a]
            elif event.kind in {"birthday", "box"}:  # somebody of the house
                where[event.b] = HOME
            elif event.kind == "thank":
                thanked += 1
                assert where[event.a] is where[event.b], state.log
    assert thanked > 500


def test_whoever_says_where_a_stolen_thing_is_was_not_with_the_hero_all_the_time(
    happened: list[tuple[Story, str]],
) -> None:
    stolen = 0
    for state, _ in happened:
        kinds = [event.kind for event in state.log]
        if "animal" in kinds:
            stolen += 1
            since = kinds[: kinds.index("animal")]
            assert ("meet" in since) == ("chase" in kinds)
    assert stolen > 200


def test_nobody_makes_what_is_old_or_grows_in_the_sea(happened: list[tuple[Story, str]]) -> None:
    made = [event.t for state, _ in happened for event in state.log if event.kind == "make"]
    assert len(made) > 80
    assert not {word for item in made if item for word in (item.adjective, item.word)} & NOT_MADE


def test_every_story_names_its_hero_and_the_thing_at_its_center(happened: list[tuple[Story, str]]) -> None:
    for state, text in happened:
        assert state.hero.name in text
        assert NOUNS[state.central].word in text.lower()


def test_every_kind_of_event_occurs_and_can_be_told(happened: list[tuple[Story, str]]) -> None:
    kinds = {event.kind for state, _ in happened for event in state.log}
    assert kinds - {"paragraph"} == set(Narrator.templates.by_kind)
    assert kinds >= OPTIONAL
