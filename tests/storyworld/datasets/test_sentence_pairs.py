"""Sentence pairs, with every sentence read back to its meaning.

A paraphrase is a relation between people, things or places; a graded sentence is an event of five parts.
"""

import re
from collections import Counter

import pytest

from tests.storyworld.datasets.reader import NAME_OF, any_of, fill, rows, uncapitalized

# what each wording means; two or more wordings of one relation, with names for its places
MEANINGS = {
    "gift": (
        "(?P<giver>NAME) gave (?P<what>THING) to (?P<taker>NAME)",
        "(?P<giver>NAME) let (?P<taker>NAME) have (?P<what>THING)",
        "(?P<giver>NAME) made (?P<taker>NAME) a present of (?P<what>THING)",
        "it was (?P<giver>NAME) who gave (?P<taker>NAME) (?P<what>THING)",
        "(?P<taker>NAME) received (?P<what>THING) from (?P<giver>NAME)",
        "(?P<taker>NAME) was given (?P<what>THING) by (?P<giver>NAME)",
        "(?P<taker>NAME) got (?P<what>THING) from (?P<giver>NAME) as a gift",
        "it was (?P<taker>NAME) to whom (?P<giver>NAME) gave (?P<what>THING)",
        "(?P<giver>NAME) remembered to give (?P<what>THING) to (?P<taker>NAME)",
        "(?P<giver>NAME) did not (?:forget|fail) to give (?P<what>THING) to (?P<taker>NAME)",
        "(?P<taker>NAME) was not left without (?P<what>THING), for (?P<giver>NAME) gave it to (?:him|her)",
    ),
    "no gift": (
        "(?P<giver>NAME) (?:did not give|forgot to give|failed to give|did not remember to give)"
        " (?P<what>THING) to (?P<taker>NAME)",
        "(?P<taker>NAME) was left without (?P<what>THING), for (?P<giver>NAME) did not give it to"
        " (?:him|her)",
    ),
    "sale": (
        "(?P<seller>NAME) sold (?P<what>THING) to (?P<buyer>NAME)",
        "(?P<seller>NAME) took money from (?P<buyer>NAME) for (?P<what>THING)",
        "it was (?P<seller>NAME) who sold (?P<buyer>NAME) (?P<what>THING)",
        "(?P<buyer>NAME) bought (?P<what>THING) from (?P<seller>NAME)",
        "(?P<buyer>NAME) paid (?P<seller>NAME) for (?P<what>THING)",
        "it was (?P<buyer>NAME) who bought (?P<what>THING) from (?P<seller>NAME)",
    ),
    "loan": (
        "(?P<owner>NAME) lent (?P<what>THING) to (?P<user>NAME)",
        "(?P<owner>NAME) let (?P<user>NAME) use (?P<what>THING) for a while",
        "(?P<owner>NAME) was the one who lent (?P<user>NAME) (?P<what>THING)",
        "(?P<user>NAME) (?:was the one who )?borrowed (?P<what>THING) from (?P<owner>NAME)",
        "(?P<user>NAME) was lent (?P<what>THING) by (?P<owner>NAME)",
    ),
    "theft": (
        "(?P<victim>NAME) lost (?P<what>THING) to (?P<thief>NAME), a thief",
        "(?P<victim>NAME) was robbed of (?P<what>THING) by (?P<thief>NAME)",
        "it was (?P<victim>NAME) from whom (?P<thief>NAME) stole (?P<what>THING)",
        "(?:it was )?(?P<thief>NAME) (?:who )?stole (?P<what>THING) from (?P<victim>NAME)",
        "(?P<thief>NAME) robbed (?P<victim>NAME) of (?P<what>THING)",
    ),
    "lesson": (
        "(?P<teacher>NAME) taught (?P<pupil>NAME) how to mend (?P<what>THING)",
        "(?P<teacher>NAME) showed (?P<pupil>NAME) how one mends (?P<what>THING)",
        "(?P<teacher>NAME) was the teacher of (?P<pupil>NAME) in mending (?P<what>THING)",
        "(?P<pupil>NAME) learned from (?P<teacher>NAME) how to mend (?P<what>THING)",
        "(?P<pupil>NAME) was taught by (?P<teacher>NAME) how to mend (?P<what>THING)",
        "(?P<pupil>NAME) was shown by (?P<teacher>NAME) how one mends (?P<what>THING)",
    ),
    "hiding": (
        "(?P<finder>NAME) found (?P<what>THING) where (?P<hider>NAME) had hidden it",
        "it was (?P<finder>NAME) who found (?P<what>THING) after (?P<hider>NAME) had hidden it",
        "(?P<hider>NAME) hid (?P<what>THING), and (?P<finder>NAME) found it",
        "it was (?P<hider>NAME) who hid (?P<what>THING) before (?P<finder>NAME) found it",
    ),
    "blame": (
        "(?P<blamer>NAME) blamed (?P<blamed>NAME) for the loss of (?P<what>THING)",
        "(?P<blamer>NAME) said that the loss of (?P<what>THING) was the fault of (?P<blamed>NAME)",
        "(?P<blamed>NAME) was blamed by (?P<blamer>NAME) for the loss of (?P<what>THING)",
        "(?P<blamed>NAME) was to blame for the loss of (?P<what>THING), said (?P<blamer>NAME)",
    ),
    "race": (
        "(?P<winner>NAME) beat (?P<loser>NAME) in the race for (?P<what>THING)",
        "(?P<winner>NAME) won the race for (?P<what>THING) against (?P<loser>NAME)",
        "(?P<winner>NAME) was faster than (?P<loser>NAME) in the race for (?P<what>THING)",
        "(?P<loser>NAME) lost the race for (?P<what>THING) to (?P<winner>NAME)",
        "(?P<loser>NAME) was (?:beaten by|slower than) (?P<winner>NAME) in the race for (?P<what>THING)",
    ),
    "news": (
        "(?:it was )?(?P<teller>NAME) (?:who )?told (?P<hearer>NAME) about (?P<what>THING)",
        "(?P<teller>NAME) brought (?P<hearer>NAME) the news of (?P<what>THING)",
        "(?P<hearer>NAME) got the news of (?P<what>THING) from (?P<teller>NAME)",
        "(?:it was )?(?P<hearer>NAME) (?:who )?heard about (?P<what>THING) from (?P<teller>NAME)",
    ),
    "sight": (
        "(?P<first>NAME) saw (?P<what>THING) earlier than (?P<second>NAME)",
        "(?P<second>NAME) saw (?P<what>THING) later than (?P<first>NAME)",
        "(?P<first>NAME) saw (?P<what>THING) before (?P<second>NAME) did",
        "(?P<first>NAME) was the first to see (?P<what>THING), and (?P<second>NAME) was the second",
        "(?P<second>NAME) saw (?P<what>THING) after (?P<first>NAME) did",
        "(?P<second>NAME) was the second to see (?P<what>THING), after (?P<first>NAME)",
    ),
    "trade": (
        "(?P<who>NAME) (?:swapped|traded) (?P<away>THING) for (?P<gained>THING)",
        "(?P<who>NAME) gave (?P<away>THING) away to get (?P<gained>THING)",
        "(?P<who>NAME) got (?P<gained>THING) in exchange for (?P<away>THING)",
        "(?P<who>NAME) received (?P<gained>THING) in return for (?P<away>THING)",
        "(?P<who>NAME) obtained (?P<gained>THING) by giving up (?P<away>THING)",
    ),
    "taste": (
        "(?P<who>NAME) preferred (?P<more>THING) to (?P<less>THING)",
        "(?P<who>NAME) liked (?P<more>THING) better than (?P<less>THING)",
        "(?P<who>NAME) would choose (?P<more>THING) rather than (?P<less>THING)",
        "(?P<who>NAME) liked (?P<less>THING) less than (?P<more>THING)",
        "(?P<who>NAME) thought (?P<less>THING) not as nice as (?P<more>THING)",
        "(?P<who>NAME) cared less for (?P<less>THING) than for (?P<more>THING)",
    ),
    "price": (
        "(?P<who>NAME) paid more for (?P<dear>THING) than for (?P<cheap>THING)",
        "(?P<who>NAME) thought (?P<dear>THING) dearer than (?P<cheap>THING)",
        "(?P<who>NAME) paid less for (?P<cheap>THING) than for (?P<dear>THING)",
        "(?P<who>NAME) thought (?P<cheap>THING) cheaper than (?P<dear>THING)",
    ),
    "paint": (
        "(?P<who>NAME) painted (?P<first>THING) before (?P<second>THING)",
        "(?P<who>NAME) painted first (?P<first>THING) and then (?P<second>THING)",
        "(?P<who>NAME) painted (?P<second>THING) after (?P<first>THING)",
        "(?P<who>NAME) painted (?P<second>THING) only when (?P<first>THING) was finished",
    ),
    "journey": (
        "(?P<who>NAME) carried (?P<what>THING) from (?P<start>PLACE) to (?P<goal>PLACE)",
        "(?P<who>NAME) left (?P<start>PLACE) with (?P<what>THING) and came to (?P<goal>PLACE)",
        "(?P<who>NAME) set out from (?P<start>PLACE) and brought (?P<what>THING) to (?P<goal>PLACE)",
        "(?P<who>NAME) brought (?P<what>THING) to (?P<goal>PLACE) from (?P<start>PLACE)",
        "(?P<who>NAME) came to (?P<goal>PLACE) from (?P<start>PLACE) with (?P<what>THING)",
        "(?P<who>NAME) reached (?P<goal>PLACE) with (?P<what>THING) from (?P<start>PLACE)",
    ),
    "search": (
        "(?P<who>NAME) searched first (?P<first>PLACE) and then (?P<second>PLACE) for (?P<what>THING)",
        "(?P<who>NAME) searched (?P<first>PLACE) for (?P<what>THING) before searching (?P<second>PLACE)",
        "(?P<who>NAME) searched (?P<second>PLACE) for (?P<what>THING) after searching (?P<first>PLACE)",
        "(?P<who>NAME) searched (?P<second>PLACE) for (?P<what>THING), having searched (?P<first>PLACE)",
    ),
}
PATTERNS = [
    (relation, re.compile(fill(pattern, PLACE=r"the [a-z]+(?: [a-z]+)?")))
    for relation, patterns in MEANINGS.items()
    for pattern in patterns
]
PAIRS_OF_TIMES = (
    "at sunrise|at daybreak", "on Monday|on the day after Sunday", "in the morning|before noon",
    "at noon|at midday", "in the evening|at nightfall", "at night|after dark", "on Sunday|on the day of rest",
    "on the first day of May|on May Day",
)  # fmt: skip
TIMES = {time: number for number, pair in enumerate(PAIRS_OF_TIMES) for time in pair.split("|")}
TIME = "|".join(sorted(TIMES, key=len, reverse=True))


def meaning(text: str) -> tuple[int | None, str, dict[str, str]]:
    """Return the time, the relation, and who and what stand in it."""
    clause = uncapitalized(text)
    time = None
    if found := re.search(rf"^({TIME}), | ({TIME})$", clause):
        time = TIMES[found.group(1) or found.group(2)]
        clause = clause[: found.start()] + clause[found.end() :]
    read = [(relation, match.groupdict()) for relation, p in PATTERNS if (match := p.fullmatch(clause))]
    assert len(read) == 1, text
    return (time, *read[0])


@pytest.mark.parametrize("split", ["train", "test"])
def test_two_sentences_are_the_same_when_they_mean_the_same(split: str) -> None:
    for (first, second), target, _ in rows("paraphrase", split, 2000):
        assert first != second
        assert (meaning(first) == meaning(second)) == bool(target), (first, second)


def test_every_wording_occurs() -> None:
    clauses = [
        re.sub(rf"^({TIME}), | ({TIME})$", "", uncapitalized(text))
        for row in rows("paraphrase", count=2500)
        for text in row.texts
    ]
    for _, pattern in PATTERNS:
        assert any(map(pattern.fullmatch, clauses)), pattern.pattern[-200:]


def test_half_of_the_pairs_are_paraphrases() -> None:
    assert 0.47 < sum(row.target for row in rows("paraphrase", count=6000)) / 6000 < 0.53


WHERE = any_of([where for where in NAME_OF if not where.startswith(("to ", "the "))])
GIFTS = [
    re.compile(fill(pattern + " (?P<place>WHERE)", WHERE=WHERE))
    for pattern in (
        "(?P<giver>NAME) (?:gave|handed) (?P<thing>THING) to (?P<taker>NAME)",
        "(?P<giver>NAME) handed (?P<taker>NAME) (?P<thing>THING)",
        "(?P<taker>NAME) received (?P<thing>THING) from (?P<giver>NAME)",
        "(?P<taker>NAME) was given (?P<thing>THING) by (?P<giver>NAME)",
        "(?P<giver>NAME) let (?P<taker>NAME) have (?P<thing>THING)",
    )
]


def parts(text: str) -> dict[str, str | int]:
    """Return who gave, who received, what, where and when."""
    clause = uncapitalized(text).split(", while ")[0]
    found = re.search(rf"^({TIME}), | ({TIME})$", clause)
    assert found, text
    clause = clause[: found.start()] + clause[found.end() :]
    read = next(match.groupdict() for pattern in GIFTS if (match := pattern.fullmatch(clause)))
    return read | {"place": NAME_OF[read["place"]], "time": TIMES[found.group(1) or found.group(2)]}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_grade_is_the_number_of_parts_that_agree(split: str) -> None:
    for texts, target, _ in rows("similarity", split, 2000):
        first, second = map(parts, texts)
        assert sum(first[part] == second[part] for part in first) == target, texts


def test_all_grades_are_equally_frequent() -> None:
    counts = Counter(row.target for row in rows("similarity", count=6000))
    assert sorted(counts) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(880 < count < 1120 for count in counts.values())
