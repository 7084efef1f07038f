"""How a story is put in a headline, in one or two sentences, and in questions about it, by its plot.

Slots: ``{h}`` the hero, ``{o}`` and ``{third}`` the other persons of the ``Gist``, ``{he} {him} {his}``
pronouns for the hero, ``{n}`` the thing with its looks, ``{an}`` with the article, ``{noun}``, ``{a_noun}``
without looks, ``{at}`` and ``{spot}`` where it was found, ``{lender}``, ``{tool}`` with its article,
``{animal}``,
``{wanted}`` and ``{between}`` for the other things of a trade.
"""

from gpt_toolkit.storyworld.lexicon import phrases

HEADLINES: dict[str, tuple[str, ...]] = {
    "lost": ("Lost {noun} found again", "{noun_cap} turns up {at}", "{h}'s {noun} is back", "Found {at}"),
    "lost_alone": ("Lost {noun} found again", "Forgotten {at}", "{h}'s {noun} is back", "A good memory"),
    "snatched": (
        "{noun_cap} stolen by an animal",
        "Thief on the run",
        "{h}'s {noun} is back",
        "A bold thief",
    ),
    "prank": ("{noun_cap} was only hidden", "A joke goes too far", "{h}'s {noun} is back", "Prank {at}"),
    "moved": ("A tidy house", "{noun_cap} never left the house", "{h}'s {noun} is back", "Too tidy"),
    "gift": ("A present for {o}", "{o} has a birthday", "{a_noun} for {o}", "Birthday in the valley"),
    "errand": ("{noun_cap} safely delivered", "{a_noun} for {o}", "{h} on the road", "Delivered {at}"),
    "swapping": ("Three things change hands", "{h} makes a trade", "A clever trade", "Trading in the valley"),
    "broken": (
        "{noun_cap} as good as new",
        "{third} mends {a_noun}",
        "{h} tells the truth",
        "Broken and mended",
    ),
    "chest": ("Old chest opened", "Key found {at}", "{h} opens an old chest", "{a_noun} in the chest"),
    "stray": ("Owner found", "Honest finder", "{h} finds {a_noun}", "{noun_cap} found {at}"),
}

SUMMARIES: dict[str, tuple[str, ...]] = {
    "lost": (
        "{h} lost {his} {n}, and {o} knew where it was. It was found {at}.",
        "{o} told {h} where the lost {n} was.",
        "{h}'s {n} was lost and turned up {at}, {spot}.",
        "{h} got {his} {n} back with the help of {o}.",
        "The {n} that {h} lost was {at} all the time. {o} had seen it.",
    ),
    "lost_alone": (
        "{h} forgot {his} {n} {at}, but remembered it in time.",
        "{h}'s {n} was left {at} and found again {spot}.",
        "{h} found {his} lost {n} {at}, {spot}.",
        "{h} lost {his} {n}. It was {at} all the time.",
        "The {n} that {h} missed lay {at}, {spot}.",
    ),
    "snatched": (
        "{animal} carried {h}'s {n} off, and {o} knew where to. It was found {at}.",
        "{h}'s {n} was stolen by {animal} and found {at}, {spot}.",
        "{h} got {his} {n} back after {animal} had stolen it.",
        "{o} helped {h} to get the {n} back from where {animal} had left it.",
        "{animal} stole {h}'s {n}. It is back now.",
    ),
    "prank": (
        "{o} hid {h}'s {n} {at} for a joke. {h} got it back.",
        "{h}'s {n} was gone, but it was only a prank by {o}.",
        "For a joke, {o} took {h}'s {n} and hid it {spot}.",
        "{h} found {his} {n} {at}, where {o} had hidden it.",
        "{h}'s {n} was hidden {at}, {spot}. It was {o} who had done it.",
    ),
    "moved": (
        "{o} tidied up and moved {h}'s {n}. It was {spot}.",
        "{h} missed {his} {n}, but {o} had only put it {spot}.",
        "{h}'s {n} was at home all the time, {spot}.",
        "While {h} was out, {o} put the {n} {spot}.",
        "{h}'s {n} was not lost. {o} had moved it.",
    ),
    "gift": (
        "{h} gave {o} {an} as a birthday present.",
        "{o} got {an} from {h}, and {third} had helped.",
        "{h} went to {third} for a present and gave {o} {an}.",
        "{o} now owns {an}. It was a birthday present from {h}.",
        "With the help of {third}, {h} surprised {o} with {an}.",
    ),
    "errand": (
        "{h} brought {o} {an} from {third}.",
        "{third} sent {h} to {o} with {an}.",
        "{an_cap} from {third} reached {o}. {h} had carried it.",
        "{h} carried {an} all the way to {o} for {third}.",
        "{o} got {an} that {third} had sent with {h}.",
    ),
    "swapping": (
        "{h} wanted {o}'s {wanted} and got it by trading twice.",
        "{h} traded {an} for {between}, and {between_the} for {wanted_a}.",
        "With two trades, {h} got {o}'s {wanted}.",
        "{third} got {h}'s {n}, {o} got {between}, and {h} got the {wanted}.",
        "{h} gave {his} {n} to {third} and ended up with {o}'s {wanted}.",
    ),
    "broken": (
        "{h} damaged {o}'s {n}, and {third} mended it.",
        "{third} mended the {n} that {h} had borrowed from {o}.",
        "{o}'s {n} was damaged by {h} and is as good as new again.",
        "{h} borrowed {an} from {o}, damaged it, and told the truth. {third} mended it.",
        "{h} brought {o}'s {n} back mended. {third} had helped.",
    ),
    "chest": (
        "{h} found the key to an old chest {at}. In it was {an}.",
        "{o} gave {h} a locked chest, and there was {an} in it.",
        "{h} opened {o}'s chest and found {an}.",
        "The key to {o}'s chest was {at}. {h} now owns {an}.",
        "{h} found a key {spot}, opened a chest and got {an}.",
    ),
    "stray": (
        "{h} found {an} {at} and brought it back to {o}.",
        "{o} lost {an}, and {h} found it {at}.",
        "{an_cap} that {h} found {at} belonged to {o}.",
        "{h} returned {o}'s {n}, which lay {spot}.",
        "{o} has the {n} again. {h} found it {at}, {spot}.",
    ),
}


def _asked(answer: str, phrasings: str) -> tuple[tuple[str, ...], str]:
    return phrases(phrasings), answer


_LOSS = (
    _asked(
        "{h}",
        "Who lost something?; Whose {noun} was gone?; Who was looking for {a_noun}?; Whose is the {noun}?",
    ),
    _asked("{an}", "What did {he} lose?; What was {he} looking for?; What was gone?; What was missing?"),
    _asked(
        "{at}",
        "At which place was it found?; Where did {he} find it?; Where was it?; Where did it turn up?",
    ),
    _asked("{spot}", "Where exactly?; Where there?; In what spot?; Where precisely?"),
)
_TOOL = (
    _asked(
        "{tool}",
        "What did {h} need to reach it?; What was needed to get it?; What helped {him} to reach it?; Without "
        "what could {he} not reach it?",
    ),
    _asked("{lender}", "Who lent it to {him}?; Whose was that?; Who had one?; From whom did {he} borrow it?"),
)
_END = (_asked("yes", "Did {h} get it back?; Was it found in the end?; Does {h} have it now?; Is it back?"),)

QUESTIONS: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "lost": (
        *_LOSS,
        _asked(
            "{o}",
            "Who told {him} where it was?; Who knew where it was?; Who helped {him}?; From whom did {he} "
            "hear it?",
        ),
        *_TOOL,
        *_END,
    ),
    "lost_alone": (
        *_LOSS,
        *_TOOL,
        *_END,
    ),
    "snatched": (
        *_LOSS[:2],
        _asked("{animal}", "Who took it?; Who stole it?; Who carried it off?; Who was the thief?"),
        _asked(
            "{o}",
            "Who told {him} where it was?; Who knew where it was?; Who helped {him}?; Who told {him} about "
            "it?",
        ),
        *_LOSS[2:],
        *_TOOL,
        *_END,
    ),
    "prank": (
        *_LOSS[:2],
        _asked("{o}", "Who had taken it?; Who hid it?; Who played the prank?; Who was the joker?"),
        *_LOSS[2:],
        *_END,
    ),
    "moved": (
        *_LOSS[:2],
        _asked(
            "{o}",
            "Who had moved it?; Who tidied up?; Who put it somewhere else?; Who knew where it was?",
        ),
        _asked(
            "{spot}",
            "Where was it in the end?; Where did {he} find it?; Where had it been put?; Where was it?",
        ),
        *_TOOL,
        *_END,
    ),
    "gift": (
        _asked(
            "{o}",
            "Whose birthday was it?; Who got a present?; Whom was the present for?; Who had a birthday?",
        ),
        _asked("{h}", "Who gave it?; From whom was it?; Who brought the present?; Who gave the present?"),
        _asked("{an}", "What was the present?; What was it?; What did {he} give?; What present was it?"),
        _asked(
            "{third}",
            "With whose help did {he} get it?; Who helped {him}?; Who was of help?; Whom did {he} visit for "
            "it?",
        ),
        _asked("{at}", "Where did {h} find it?; Where did {he} get it?; Where was that?; At which place?"),
        _asked(
            "no",
            "Does {h} still have it?; Did {h} keep it?; Does it belong to {h} now?; Is it still with {h}?",
        ),
    ),
    "errand": (
        _asked(
            "{h}",
            "Who was sent?; Who went on an errand?; Who carried something?; Who was the messenger?",
        ),
        _asked(
            "{an}",
            "What did {he} carry?; What was it?; What was {he} to deliver?; What did {he} take along?",
        ),
        _asked("{third}", "Who sent {him}?; From whom was it?; Who asked {him}?; Whose was it before?"),
        _asked("{o}", "Whom was it for?; Who got it?; To whom did {h} bring it?; Who has it now?"),
        _asked("{at}", "Where did they meet?; Where did {he} deliver it?; Where was that?; At which place?"),
        _asked(
            "no",
            "Did {h} keep it?; Is it still with {h}?; Does it belong to {h} now?; Does {h} still have it?",
        ),
    ),
    "swapping": (
        _asked("{h}", "Who wanted to trade?; Who made two trades?; Who traded?; Who was trading?"),
        _asked(
            "{an}",
            "What did {he} have at first?; What did {he} own?; What did {he} begin with?; What was {his} "
            "own?",
        ),
        _asked(
            "{wanted_a}",
            "What did {he} want?; What did {he} wish for?; What was {he} after?; What did {he} get in the "
            "end?",
        ),
        _asked("{o}", "Whose was it?; Who had it?; To whom did that belong?; Who was its owner?"),
        _asked(
            "{third}",
            "Who has {h}'s {noun} now?; Who got {h}'s {noun}?; With whom is the {noun} now?; Who took {h}'s "
            "{noun}?",
        ),
    ),
    "broken": (
        _asked(
            "{h}",
            "Who borrowed something?; Who broke something?; Who had an accident?; Who damaged something?",
        ),
        _asked("{an}", "What was it?; What did {he} borrow?; What got damaged?; What did {he} damage?"),
        _asked(
            "{o}",
            "Whose was it?; Who had lent it?; To whom does it belong?; From whom did {he} borrow it?",
        ),
        _asked("{third}", "Who mended it?; Who repaired it?; Who helped {him}?; Who made it whole again?"),
        _asked("yes", "Did {h} tell the truth?; Did {h} confess it?; Did {h} bring it back?; Was it mended?"),
        _asked(
            "no",
            "Does {h} still have it?; Did {h} keep it?; Is it still with {h}?; Does it belong to {h}?",
        ),
    ),
    "chest": (
        _asked(
            "{h}",
            "Who got a chest?; Who was looking for a key?; Who opened the chest?; Who found the key?",
        ),
        _asked(
            "{o}",
            "From whom did {he} get it?; Whose chest was it?; Who had lost the key?; Who gave it to {him}?",
        ),
        _asked(
            "{at}",
            "Where did {h} find the key?; Where was the key?; Where did the key turn up?; At which place was "
            "the key?",
        ),
        _asked("{spot}", "Where exactly?; Where there?; In what spot?; Where precisely?"),
        _asked(
            "{an}",
            "What was in the chest?; What did {he} find in it?; What did the chest hold?; What was in it?",
        ),
        _asked("yes", "Did {h} keep it?; Does it belong to {h} now?; May {h} keep it?; Is it now with {h}?"),
    ),
    "stray": (
        _asked(
            "{h}",
            "Who found something?; Who picked something up?; Who came upon something?; Who was the finder?",
        ),
        _asked("{an}", "What was it?; What did {he} find?; What did {he} pick up?; What had been lost?"),
        _asked("{at}", "Where did {he} find it?; At which place?; Where was it?; Where did it lie?"),
        _asked("{spot}", "Where exactly?; Where there?; In what spot?; Where precisely?"),
        _asked("{o}", "Whose was it?; To whom did it belong?; Who was the owner?; Who had lost it?"),
        _asked(
            "no",
            "Did {h} keep it?; Does it belong to {h} now?; Is it still with {h}?; Does {h} still have it?",
        ),
    ),
}
"""For each plot the questions in the order of the story: phrasings, and the answer."""
