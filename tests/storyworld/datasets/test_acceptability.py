"""Acceptability, compared with an independent grammar: a sentence that fits no pattern is unacceptable."""

import re

import pytest

from tests.storyworld.datasets.reader import MAN, WOMAN, any_of, fill, rows, uncapitalized

FORMS = (
    "take took taken, hide hid hidden, steal stole stolen, draw drew drawn, choose chose chosen, "
    "forget forgot forgotten, shake shook shaken, break broke broken, see saw seen, show showed shown"
)
BASE, PAST, PARTICIPLE = (
    any_of(list(forms)) for forms in zip(*map(str.split, FORMS.split(", ")), strict=True)
)
STEMS = "polish admire carry clean mend describe wrap paint move borrow praise use"
GRAMMAR = {
    "WOMAN": WOMAN,
    "MAN": MAN,
    "DO": any_of(STEMS.split()),
    "DID": "(?:polished|admired|carried|cleaned|mended|described|wrapped|painted|moved|borrowed|praised"
    "|used)",
    "DOING": "(?:polishing|admiring|carrying|cleaning|mending|describing|wrapping|painting|moving|borrowing"
    "|praising|using)",
    "BEFORE": "(?:yesterday|last week|the other day|a year ago|last winter|a few days ago)",
    "AFTER": "(?:tomorrow|next week|one of these days|a year from now|next winter|in a few days)",
    "TAKE": BASE,
    "TOOK": PAST,
    "TAKEN": PARTICIPLE,
    "KIN": "(?:friend|neighbor|cousin|guest|uncle)",
    "BUSY": "(?:looking for|proud of|talking about|afraid of losing|busy with)",
    "AWAY": "(?:busy with|looking for|away with)",
    "LIKED": "(?:admired|needed|looked for|talked about|disliked)",
    "GAVE": "(?:gave|sold|handed|lent|showed)",
    "ONE": "(?:apple|egg|pear|candle|nail|basket)",
    "MORE": "(?:apples|eggs|pears|candles|nails|baskets)",
    "GOOD": "(?:basket|broom|bucket|lantern|blanket|candle|barrel|ladder)",
    "HOW": "(?:carefully|gently|proudly|carelessly|patiently)",
}
WELL_FORMED = [
    re.compile(fill(pattern, **GRAMMAR))
    for pattern in (
        r"the KIN of NAME was BUSY THING",
        r"the (?:KIN)s of NAME were BUSY THING",
        r"there was one ONE beside NAME and THING",
        r"there were three MORE beside NAME and THING",
        r"NAME and NAME were BUSY THING",
        r"WOMAN, like all her neighbors, was BUSY THING",
        r"MAN, like all his neighbors, was BUSY THING",
        r"the KIN of NAME has always LIKED THING",
        r"the (?:KIN)s of NAME have always LIKED THING",
        r"when WOMAN arrived, she GAVE NAME THING",
        r"when MAN arrived, he GAVE NAME THING",
        r"when WOMAN arrived, NAME GAVE her THING",
        r"when MAN arrived, NAME GAVE him THING",
        r"NAME knew that (?:she|he) had THING",
        r"NAME recognized (?:her|him) by THING",
        r"NAME (?:bought|received|borrowed|stole) (?:an [aeiou]|a [^aeiou])\w* NOUN from NAME",
        r"BEFORE, NAME DID THING",
        r"NAME DID THING BEFORE",
        r"AFTER, NAME will DO THING",
        r"NAME will DO THING AFTER",
        r"NAME (?:did not TAKE|had TAKEN|TOOK) THING",
        r"NAME (?:wanted|hoped|decided|refused|promised|agreed|was about|was ready) to DO THING",
        r"NAME (?:enjoyed|avoided|kept|finished|gave up|was tired of|dreamed of|insisted on) DOING THING",
        r"NAME (?:put|placed|laid|stowed) the GOOD SPOT while NAME was AWAY THING",
        r"NAME (?:admired|owned|needed|praised|wanted) the GOOD while NAME was AWAY THING",
        r"NAME (?:slept|waited|dozed|sneezed|stood) SPOT while NAME was AWAY THING",
        r"NAME GAVE THING to NAME",
        r"NAME (?:bought|borrowed|stole|received) THING from NAME",
        r"WOMAN asked herself where NAME had seen THING",
        r"MAN asked himself where NAME had seen THING",
        r"WOMAN, whom NAME trusted, blamed herself for losing THING",
        r"MAN, whom NAME trusted, blamed himself for losing THING",
        r"WOMAN, who had met NAME, scolded herself because of THING",
        r"MAN, who had met NAME, scolded himself because of THING",
        r"WOMAN promised herself to give THING to NAME",
        r"MAN promised himself to give THING to NAME",
        r"NAME (?:thanked|trusted|liked) the \w+ who had (?:found|mended|sold|mentioned) THING",
        r"NAME (?:liked|wanted|needed) THING which the \w+ had (?:found|mended|sold|mentioned)",
        r"NAME gave NAME (?:three|two|several|so many) MORE for THING",
        r"NAME gave NAME (?:one|a single) ONE for THING",
        r"NAME gave NAME so much (?:flour|honey|milk|bread|butter|cheese) for THING",
        r"THING of NAME was as (?:heavy|old|big|clean|rare|light) as that of NAME",
        r"THING of NAME was (?:heavier|older|bigger|cleaner|rarer|lighter) than that of NAME",
        r"NAME \w+ neither THING nor THING",
        r"NAME \w+ either THING or THING",
        r"NAME DID THING HOW",
        r"NAME HOW DID THING",
        r"NAME was (?:careful|gentle|proud|careless|patient) with THING",
        r"(?:why|when|where) (?:did NAME TAKE|had NAME TAKEN) THING",
        r"NAME (?:asked|wondered|wanted to know|had no idea) (?:why|when|where) NAME had TAKEN THING",
        r"NAME GAVE THING to NAME AT",
    )
]
OPENING = re.compile(r"^(?:One|On that|On another) [a-z ]+ (?:spring|summer|autumn|winter) [a-z]+, ")
END = re.compile(
    fill(
        r"(?:,? (?:and|when) NAME went TO WHY|, just as NAME had expected"
        r"|, but NAME did not notice|, and NAME only laughed"
        r"|, or so NAME says|, according to NAME|, said NAME AT)[.?]$"
    )
)


def core(text: str) -> str:
    """Return a sentence without its opening and its end."""
    return uncapitalized(END.sub("", OPENING.sub("", text)))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_grammar_of_its_own_tells_every_label(split: str) -> None:
    for (text,), target, _ in rows("acceptability", split, 1500):
        well_formed = any(pattern.fullmatch(core(text)) for pattern in WELL_FORMED)
        assert well_formed == bool(target), text


def test_every_pattern_of_the_grammar_occurs() -> None:
    found = {core(text) for (text,), target, _ in rows("acceptability", count=3000) if target}
    for pattern in WELL_FORMED:
        assert any(map(pattern.fullmatch, found)), pattern.pattern[:200]


def test_seven_of_ten_sentences_are_acceptable_as_in_cola() -> None:
    share = sum(row.target for row in rows("acceptability", count=6000)) / 6000
    assert 0.68 < share < 0.72
