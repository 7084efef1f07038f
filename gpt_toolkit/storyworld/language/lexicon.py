"""The words of Vallic: an English lexicon by word class, and a stem for every entry.

Stems follow phonotactic rules, so that the class of a word can be heard: nouns end in a consonant, verbs in
``a``, adjectives in ``o``, words of time in ``e``, numbers in ``i``. Which syllables a word gets is left to a
hash of its place in the list.
"""

from gpt_toolkit.storyworld.almanac import COLORS
from gpt_toolkit.storyworld.lexicon import NOUNS, TRADES, phrases, words
from gpt_toolkit.storyworld.places import PLACES
from gpt_toolkit.storyworld.world import mix

THINGS = tuple(noun.word for noun in NOUNS)
"""The things that people own in stories; a person and such a thing may be a held-out combination."""
TOOLS = words(
    """
    basket bucket ladder lantern rope boat spade chair table bed lamp key letter map hat coat shoe broom
    barrel wheel hammer hook needle bell book bottle box chest clock candle cup plate spoon blanket mirror
    cart net axe bag pillow
    """
)
"""Things that belong to no story."""
COUNTED_FOOD = words("apple pear plum cherry egg cake potato carrot onion lemon pie nut bean")
MASS_FOOD = words("bread cheese honey butter jam soup flour salt")
DRINKS = words("milk water tea cider")
ANIMALS = words(
    """
    dog cat horse cow goat lamb pig hen duck goose donkey fox wolf bear owl crow mouse hedgehog rabbit frog
    swan stork
    """
)
ROLES = (
    *TRADES,
    *words(
        "man woman child boy girl friend neighbor king queen sister brother mother father grandmother "
        "grandfather stranger guest"
    ),
)
PLACE_NAMES = tuple(place.name.removeprefix("the ") for place in PLACES)

QUALITIES = {
    "thing": (*COLORS, *words("old new small big beautiful heavy broken clean dirty cheap")),
    "food": words("fresh warm cold sweet good small big"),
    "mass": words("fresh warm cold sweet good"),
    "animal": words("small big white black brown gray hungry tired young old wild clever"),
    "person": words("young old tired happy sad hungry friendly brave strong clever poor rich"),
    "place": words("quiet beautiful old big small empty famous cold"),
}
"""The adjectives that go with each class of noun."""

TRANSITIVE = words(
    "see find lose buy carry hide make mend clean take want love break paint draw keep hold need"
)
FOOD_VERBS = words("eat cook taste want buy carry share")
DRINK_VERBS = words("drink taste want buy")
PERSON_VERBS = words("see hear help call visit thank teach follow meet love miss")
ANIMAL_VERBS = words("see feed wash chase call follow love find brush")
GIVING = words("give show send bring sell lend promise")
INTRANSITIVE = words("sleep laugh sing dance work swim wait cry play write rest whisper")
MOTION = words("go walk run hurry ride return")
BEAST_VERBS = words("sleep run wait play drink rest swim")

VERBS = tuple(
    dict.fromkeys(
        TRANSITIVE
        + FOOD_VERBS
        + DRINK_VERBS
        + PERSON_VERBS
        + ANIMAL_VERBS
        + GIVING
        + INTRANSITIVE
        + MOTION
        + BEAST_VERBS
        + ("be",)
    )
)
TIMES = {
    "past": phrases("yesterday; last week; this morning; long ago; last night; on Monday"),
    "present": phrases("every day; every evening; in summer; in winter; on Sundays; today"),
    "future": phrases("tomorrow; next week; soon; tonight; next year; in May"),
}
NUMBERS = words("two three four five six seven eight nine ten")
NOUN_LISTS = (THINGS, TOOLS, COUNTED_FOOD, MASS_FOOD, DRINKS, ANIMALS, ROLES, PLACE_NAMES)
ADJECTIVES = tuple(dict.fromkeys(word for group in QUALITIES.values() for word in group))

PRONOUNS = {"I": "mun", "you": "tal", "he": "ver", "she": "ves", "we": "munet", "they": "veret"}
PLURAL, DEFINITE, POSSESSIVE = "et", "u", "ku"
TENSES = {"present": "", "past": "ri", "future": "mos"}
NOT, ASK, AT, TO, FOR = "ne", "ka", "lo", "du", "ve"
"""The particles: not, the question, two postpositions of places, the one of who receives."""

_ONSETS = words("b d g h k l m n p r s t v z sh")
_VOWELS = words("a e i o u")
_CODAS = words("k l m n r s")
_TAKEN = frozenset(words("mun tal ver ves ne ka lo du ve"))


def _syllables(number: int) -> str:
    """A syllable with an onset, and every third time with a coda."""
    onset = _ONSETS[number % len(_ONSETS)]
    number //= len(_ONSETS)
    vowel = _VOWELS[number % len(_VOWELS)]
    number //= len(_VOWELS)
    return onset + vowel + (_CODAS[number // 3 % len(_CODAS)] if number % 3 == 0 else "")


def _stems() -> dict[str, str]:
    """A stem for every word; the same English word has one stem, whatever its class."""
    stems: dict[str, str] = {}
    taken = set(_TAKEN)
    begun = {word[:end] for word in taken for end in range(1, len(word) + 1)}
    classes = (
        *((group, "") for group in NOUN_LISTS),
        (VERBS, "a"),
        (ADJECTIVES, "o"),
        (tuple(time for group in TIMES.values() for time in group), "e"),
        (NUMBERS, "i"),
    )
    for number, (group, ending) in enumerate(classes):
        for index, word in enumerate(group):
            attempt = 0
            while True:
                draw = mix(41, number, index, attempt)
                last = ending or _VOWELS[draw % 5] + _CODAS[draw // 5 % 6]
                stem = _syllables(draw >> 12) + _ONSETS[(draw >> 24) % len(_ONSETS)] + last
                starts = {stem[:end] for end in range(1, len(stem) + 1)}
                if stem not in begun and not starts & taken:  # no stem may be another one with a suffix
                    break
                attempt += 1
            taken.add(stem)
            begun |= starts
            assert word not in stems or ending, word
            stems[f"{word}/{ending}" if ending else word] = stem
    return stems


_STEMS = _stems()
NOUN_STEMS = {word: _STEMS[word] for group in NOUN_LISTS for word in group}
VERB_STEMS = {word: _STEMS[f"{word}/a"] for word in VERBS}
ADJECTIVE_STEMS = {word: _STEMS[f"{word}/o"] for word in ADJECTIVES}
TIME_STEMS = {word: _STEMS[f"{word}/e"] for group in TIMES.values() for word in group}
NUMBER_STEMS = {word: _STEMS[f"{word}/i"] for word in NUMBERS}
