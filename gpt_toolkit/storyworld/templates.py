"""Templates, cut into pieces once, when the module is imported, so that telling only has to join strings."""

import re
from typing import NamedTuple

from gpt_toolkit.storyworld.phrases import PEOPLE
from gpt_toolkit.storyworld.phrases_deeds import DEEDS
from gpt_toolkit.storyworld.phrases_endings import ENDINGS

_A_PRONOUNS = {"he", "He", "him", "his", "himself", "his0", "he0", "hers"}
_B_PRONOUNS = {"bhe", "bhim", "bhis", "b_again"}
_A_NAMES = {"a", "A", "a0", "aposs"}
_B_NAMES = {"b", "b_cap", "bposs"}
_SENTENCE_END = re.compile(r'[.!?]"?(?=\s+"?[A-Z]|\s*$)')
AB_DIFFER, AC_DIFFER, BC_DIFFER = 1, 2, 4


class Template(NamedTuple):
    """A sentence with slots: at even positions text, at odd positions the name of a slot."""

    pieces: tuple[str, ...]
    needs: int  # which pairs of persons must differ in gender, so that no pronoun is ambiguous
    b_first: bool  # the second person is named before the first


def count_sentences(text: str) -> int:
    """How many sentences a text has; a quotation that ends with a mark before a capital counts as one."""
    return len(_SENTENCE_END.findall(text))


def parse(source: str) -> Template:
    """Cut a template at its slots."""
    pieces = tuple(re.split(r"\{(\w+)\}", source))
    slots = pieces[1::2]
    used = set(slots)
    has_b, has_c = bool(used & (_B_NAMES | {"B"})), bool(used & {"c", "C"})
    needs = 0
    if used & _A_PRONOUNS:
        needs |= (AB_DIFFER if has_b else 0) | (AC_DIFFER if has_c else 0)
    if used & _B_PRONOUNS:
        needs |= (AB_DIFFER if used & _A_NAMES else 0) | (BC_DIFFER if has_c else 0)
    first_a = next((i for i, slot in enumerate(slots) if slot in _A_NAMES), len(slots))
    first_b = next((i for i, slot in enumerate(slots) if slot in _B_NAMES), len(slots))
    return Template(pieces, needs, first_b < first_a)


TEMPLATES = {
    kind: tuple(parse(source) for source in sources)
    for kind, sources in {**PEOPLE, **DEEDS, **ENDINGS}.items()
}

BY_GENDERS = {
    kind: tuple(tuple(t for t in templates if not t.needs & ~differ) for differ in range(8))
    for kind, templates in TEMPLATES.items()
}
"""For each kind of event, the templates that are clear when given pairs of persons differ in gender."""
