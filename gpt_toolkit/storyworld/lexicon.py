"""The words of Storyworld: names, trades, things with their adjectives, animals, food, weather."""

from typing import NamedTuple


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The parts of a text that semicolons separate; a line break counts as a space."""
    return tuple(" ".join(part.split()) for part in text.split(";"))


FEMALE_NAMES = words(
    """
    Mara Tilda Greta Ida Nora Elsa Wilma Frida Petra Hanna Lotte Sofia Clara Edith Agnes Bettina Carla Dora
    Emma Flora Gerda Helga Ingrid Johanna Karin Leonie Marta Nelly Olga Paula Rosalind Sibyl Thea Ulla Vera
    Wanda Yvonne Zelda Anna Bridget Celia Delia Esther Fanny Gwen Harriet Irma Judith Kirsten Lydia Mabel
    Nadia Octavia Phoebe Rhoda Stella Tabitha Ursula Minna Verena
    """
)
MALE_NAMES = words(
    """
    Bram Tom Otto Karl Anton Emil Felix Gustav Hugo Ivan Jonas Konrad Leo Moritz Niels Oscar Paul Quentin
    Rolf Simon Theo Ulrich Viktor Walter Xaver Yorick Albert Benno Caspar David Edgar Fritz Gilbert Henry
    Isaac Julius Kaspar Lukas Magnus Nathan Olaf Peter Rupert Samuel Tobias Urban Vincent Willem Arthur
    Boris Cyril Dieter Ernest Finn Gregor Hector Igor Jasper Lorenz Milo
    """
)
FAMILY_NAMES = words(
    """
    Ashdown Birch Copper Dunmore Elderby Fairweather Greenhill Hollow Ironside Juniper Kettle Larkspur
    Merriman Northwood Oakley Pennywise Quill Rowan Silverton Thornbury
    """
)
TRADES = words(
    """
    baker miller weaver potter smith carpenter shepherd fisher tailor cobbler gardener teacher doctor
    postmaster innkeeper beekeeper clockmaker saddler glazier mason cooper ferryman painter printer forester
    farmer musician bookbinder chandler dyer basketmaker brewer butcher grocer librarian ropemaker thatcher
    tinker tanner winegrower
    """
)
TRAITS = words(
    """
    curious bashful cheerful stubborn fearless clever dreamy careful impatient generous modest talkative
    honest playful gentle thoughtful forgetful adventurous hopeful patient
    """
)

PETS = (
    ("Biscuit", "shaggy brown dog"),
    ("Whiskers", "fat gray cat"),
    ("Pepper", "black goat"),
    ("Nimbus", "snow-white cat"),
    ("Captain", "green parrot"),
    ("Muffin", "spotted dog"),
    ("Domino", "patient little donkey"),
    ("Pickle", "cheeky monkey"),
    ("Bramble", "long-eared dog"),
    ("Sooty", "tame raven"),
    ("Clover", "nimble goat"),
    ("Ginger", "orange cat"),
    ("Patches", "clumsy puppy"),
    ("Thimblewick", "sly ferret"),
    ("Marzipan", "tiny pony"),
    ("Rascal", "wild terrier"),
    ("Velvet", "soft black kitten"),
    ("Hopper", "lop-eared rabbit"),
    ("Admiral", "bossy goose"),
    ("Trumble", "enormous dog"),
)
"""Name and looks of the animal of each family, in the order of ``FAMILY_NAMES``."""

SMALL_THIEVES = ("magpie", "squirrel", "crow", "jackdaw", "seagull", "marten")
BIG_THIEVES = ("fox", "stray dog", "raccoon", "hungry goat", "young bear", "donkey without a master")


class Noun(NamedTuple):
    """A kind of thing that people own."""

    word: str
    small: bool
    soft: bool  # it tears and does not break
    adjectives: tuple[str, ...]


def _nouns(names: str, kind: str, adjectives: str) -> tuple[Noun, ...]:
    return tuple(Noun(word, kind == "small", kind == "soft", words(adjectives)) for word in words(names))


NOUNS = (
    *_nouns(
        "kite puppet drum doll hobbyhorse skateboard",
        "large",
        "red blue striped painted wooden colorful checkered yellow bright homemade",
    ),
    *_nouns(
        "locket bracelet brooch necklace medal amulet earring",
        "small",
        "silver golden amber ivory glittering antique delicate sparkling oval copper",
    ),
    *_nouns(
        "flute harmonica tambourine trumpet fiddle ukulele",
        "large",
        "polished ebony brass old silvery secondhand splendid carved lacquered tuneful",
    ),
    *_nouns(
        "scarf shawl bonnet waistcoat cloak mitten",
        "soft",
        "woolen crimson purple knitted embroidered fringed scarlet velvety turquoise warm",
    ),
    *_nouns(
        "diary songbook atlas sketchbook storybook cookbook",
        "soft",
        "thick leather-bound tattered illustrated slim dusty precious green worn gilded",
    ),
    *_nouns(
        "compass pocketknife thimble magnifier hourglass spyglass",
        "small",
        "brass pearly trusty shiny tiny engraved battered elegant folding nickel",
    ),
    *_nouns(
        "teapot vase mug candlestick sugarbowl pitcher",
        "large",
        "porcelain flowered chipped turquoise round glazed white pewter speckled dainty",
    ),
    *_nouns(
        "seashell marble coin button figurine medallion",
        "small",
        "pink smooth lucky rare spiral cloudy emerald strange unusual ancient",
    ),
)
"""Every thing of the valley. These words occur only for things, because the splits rest on them."""

NOT_MADE = frozenset(words("seashell old secondhand antique ancient tattered dusty worn battered chipped"))
"""The things that nobody makes, and the adjectives of things that were not made today."""

FOODS = phrases(
    """
    a slice of plum cake; a bowl of lentil soup; a jar of honey; a basketful of cherries; some gingerbread;
    a pot of raspberry jam; warm pancakes; a loaf of rye bread; roasted chestnuts; a wheel of goat cheese;
    hot chocolate; a cup of peppermint tea; cinnamon buns; baked apples; a plate of dumplings; potato pie;
    sugared almonds; buttered toast; a glass of elderberry juice; oatmeal cookies; blueberry muffins; a
    bunch of grapes; mushroom stew; peach tart
    """
)

SEASONS = ("spring", "summer", "autumn", "winter")
WEATHER = (
    ("rainy", "windy", "sunny", "misty", "mild"),
    ("hot", "sunny", "stormy", "cloudless", "sultry"),
    ("foggy", "windy", "rainy", "golden", "chilly"),
    ("snowy", "frosty", "gray", "icy", "bitterly cold"),
)
"""The weather that each season can have, in the order of ``SEASONS``."""
FAIR_WEATHER = ("sunny", "mild", "hot", "cloudless", "golden", "frosty")
TIMES = ("morning", "noon", "afternoon", "evening", "night")

JUNK = phrases(
    """
    dust; a spider; an old sock; two dead beetles; a broken spoon; a rusty nail; some nutshells; a forgotten
    sandwich; an empty bottle; a bird's skull; dry leaves; a sleeping hedgehog; a single glove; a torn
    newspaper; bread crumbs; a startled toad; cobwebs; a bent fork; a wet sponge; candle stumps
    """
)
SHELTERS = phrases(
    """
    a chestnut tree; the roof of a shed; a hay cart; an archway; a rocky overhang; the awning of a shop; a
    broad oak; an old tarpaulin
    """
)
LATE = (
    "That night",
    "In the evening",
    "When the day was over",
    "At bedtime",
    "After supper",
    "By nightfall",
    "At sunset",
)
