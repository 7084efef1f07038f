"""From events to English."""

from gpt_toolkit.storyworld.events import Event, State
from gpt_toolkit.storyworld.lexicon import words
from gpt_toolkit.storyworld.slots import SLOTS
from gpt_toolkit.storyworld.teller import Teller
from gpt_toolkit.storyworld.templates import AB_DIFFER, AC_DIFFER, BC_DIFFER, BY_GENDERS, count_sentences

LINKS = ("Then", "After that,", "A little later", "Before long,", "Soon", "At once", "Next,")
LINKED = frozenset(words("travel search take find give give_back fetch"))
"""The kinds of events that may start with one of ``LINKS``."""

OPTIONAL = frozenset(words("origin sight play sad search relief wet end reward thank wonder almost wrap"))
"""The kinds of events without which a story is complete."""
MOST_SENTENCES = 20


def sentence(teller: Teller, event: Event) -> str:
    """Tell one event."""
    a, b, c = event.a, event.b, event.c
    differ = 0
    if a is not None and b is not None and a.female is not b.female:
        differ |= AB_DIFFER
    if a is not None and c is not None and a.female is not c.female:
        differ |= AC_DIFFER
    if b is not None and c is not None and b.female is not c.female:
        differ |= BC_DIFFER
    options = BY_GENDERS[event.kind][differ]
    template = teller.pick(options)
    if template.b_first and b not in teller.introduced:
        template = teller.pick(options)  # "her friend Tom" needs the hero before it: try once more
    pieces = template.pieces
    teller.start(event)
    out: list[str] = []
    if event.kind in LINKED and pieces[0] == "" and pieces[1] == "a" and teller.chance(0.2):
        out.append(teller.pick(LINKS) + " ")
    is_slot = False
    for piece in pieces:
        out.append(SLOTS[piece](teller) if is_slot else piece)
        is_slot = not is_slot
    teller.finish()
    text = "".join(out)
    if text[0] == '"':
        return '"' + text[1].upper() + text[2:]
    return text[0].upper() + text[1:]


def tell(state: State) -> str:
    """Tell a story that has happened, in at most ``MOST_SENTENCES`` sentences.

    A story that became too long is told again with fewer of the sentences that it can do without.
    """
    skip = 0.0
    while True:
        teller = Teller(state)
        paragraphs: list[list[str]] = [[]]
        for event in state.log:
            if event.kind == "paragraph":
                paragraphs.append([])
            elif not (skip and event.kind in OPTIONAL and state.random() < skip):
                paragraphs[-1].append(sentence(teller, event))
        text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)
        if count_sentences(text) <= MOST_SENTENCES:
            return text
        skip = 0.5 if skip == 0.0 else 1.0
