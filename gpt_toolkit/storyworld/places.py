"""The places of the valley: why one goes there, what one sees and where things can be hidden."""

from typing import NamedTuple

OBSTACLES = {"^": "ladder", "*": "lantern", "_": "rope", "~": "boat", "#": "spade"}
"""The mark before a spot, and the tool without which nobody reaches that spot."""


class Spot(NamedTuple):
    """A corner of a place in which a thing can lie, with the tool needed to reach it ("" for none)."""

    phrase: str
    tool: str


class Place(NamedTuple):
    """A place of the valley, with its phrases ready to be put into a sentence."""

    name: str
    at: str
    to: str
    reasons: tuple[str, ...]
    sights: tuple[str, ...]
    dull_sights: tuple[str, ...]  # those of every weather
    spots: tuple[Spot, ...]
    hard_spots: tuple[Spot, ...]


def _place(name: str, preposition: str, reasons: str, sights: str, spots: str) -> Place:
    """Make a place from lists separated by semicolons.

    A plus starts a sight of fair weather, and a mark of ``OBSTACLES`` a hard spot.
    """
    parts = [part.strip() for part in spots.split(";")]
    easy = tuple(Spot(part, "") for part in parts if part[0] not in OBSTACLES)
    hard = tuple(Spot(part[1:], OBSTACLES[part[0]]) for part in parts if part[0] in OBSTACLES)
    to = "home" if name == "the house" else f"to {name}"
    reason_list = tuple(part.strip() for part in reasons.split(";"))
    sight_list = [part.strip() for part in sights.split(";")]
    dull = tuple(sight for sight in sight_list if sight[0] != "+")
    at = f"{preposition} {name}" if preposition else "at home"
    return Place(
        name, at, to, reason_list, tuple(sight.lstrip("+") for sight in sight_list), dull, easy, hard
    )


HOME = _place(
    "the house",
    "",
    "to sweep the floor; to wash the dishes; to eat breakfast; to feed the fire",
    "A kettle was humming on the stove.; The kitchen smelled of warm bread.; The clock on the wall "
    "ticked softly.; The curtains moved a little in the draft.",
    "under the bed; behind the stove; in the kitchen drawer; on the windowsill; beneath the pillow; "
    "in the sewing chest; ^on top of the tall cupboard; *in the dark cellar; *at the back of the "
    "attic",
)

PLACES = (
    _place(
        "the mill",
        "at",
        "to fetch flour; to watch the grinding; to carry sacks",
        "The great wheel turned slowly in the stream.; White dust covered every board.; The millstones "
        "rumbled like distant thunder.",
        "behind the flour sacks; under the cracked millstone; beside the grain bin; ^on the highest beam; "
        "*in the space below the wheel",
    ),
    _place(
        "the orchard",
        "in",
        "to pick apples; to gather plums; to prune the pear trees",
        "+Bees hummed among the branches.; The grass was full of fallen fruit.; The trees stood in straight "
        "rows.",
        "in the hollow apple tree; under a wheelbarrow; between two roots; ^in the crown of the pear tree; "
        "#in the soft soil by the hedge",
    ),
    _place(
        "the old bridge",
        "on",
        "to count the barges; to drop sticks into the water; to look for trout",
        "The stones were worn smooth by a thousand feet.; +Sparrows darted under the arches.; Below, the "
        "water sang.",
        "behind the loose stone; beside the milepost; in a crack of the wall; _on the ledge below the arch; "
        "~on a sandbank in midstream",
    ),
    _place(
        "the harbor",
        "at",
        "to buy herring; to mend nets; to greet the ferry",
        "Gulls quarreled over a fish head.; The masts swayed and creaked.; The air tasted of salt and tar.",
        "under an upturned barrel; among the lobster pots; behind the anchor; ~on the red buoy; _between "
        "the posts under the pier",
    ),
    _place(
        "the market",
        "at",
        "to buy cheese; to sell eggs; to hear the news",
        "+The stalls were bright with ribbons and fruit.; +A juggler tossed five oranges.; Everybody talked "
        "at once.",
        "under the cheese stall; behind the fountain; in an empty crate; ^on the roof of the flower stall; "
        "*in the vault under the town hall",
    ),
    _place(
        "the forest",
        "in",
        "to gather mushrooms; to collect firewood; to listen to the owls",
        "+Sunlight fell through the leaves in golden patches.; Somewhere a woodpecker hammered.; The moss "
        "was soft and deep.",
        "under a fern; inside a hollow log; among the toadstools; ^in an empty nest; _in the fox hole; "
        "#under the roots of the great oak",
    ),
    _place(
        "the lake",
        "by",
        "to skip stones; to catch perch; to feed the swans",
        "+The surface lay as still as glass.; +Dragonflies hovered over the reeds.; A heron stood on one "
        "leg.",
        "in the reeds; under the jetty; behind the willow; ~on the little island; ~on a raft far from the "
        "shore",
    ),
    _place(
        "the school",
        "at",
        "to practice spelling; to sharpen pencils; to borrow a map",
        "Chalk dust danced in the light.; A globe stood on the teacher's desk.; The benches were empty.",
        "inside the desk; behind the blackboard; under the third bench; ^on the bookcase near the ceiling; "
        "*in the coal cellar",
    ),
    _place(
        "the bakery",
        "in",
        "to buy rolls; to knead dough; to smell the cakes",
        "Trays of buns were cooling by the window.; The oven glowed like a small sun.; Flour floated in the "
        "air.",
        "under the counter; behind the bread bin; in a mixing bowl; ^on the uppermost shelf; *in the pantry "
        "without a window",
    ),
    _place(
        "the forge",
        "at",
        "to see the sparks; to have a horse shod; to work the bellows",
        "The hammer rang on the anvil.; Sparks flew up like fireflies.; Horseshoes hung in a long row.",
        "behind the bellows; under the anvil; among the horseshoes; ^over the chimney hood; #under the heap "
        "of ashes",
    ),
    _place(
        "the barn",
        "in",
        "to milk the cows; to feed the calves; to stack hay",
        "+Dust and sunshine hung in the air.; A cow chewed thoughtfully.; Mice rustled in the straw.",
        "under the straw; behind the manger; in the milk pail; ^in the hayloft; *in the corner behind "
        "the plow",
    ),
    _place(
        "the lighthouse",
        "at",
        "to polish the lamp; to watch the ships; to climb the stairs",
        "Waves broke against the rocks.; The stairs wound up and up.; +The white tower shone.",
        "under the bottom stair; beside the lamp; in the log chest; _on the cliff below the tower; ~on the "
        "black rock in the surf",
    ),
    _place(
        "the castle ruin",
        "at",
        "to play knights; to draw the towers; to hunt for treasure",
        "Ivy covered the broken walls.; Jackdaws circled above the gate.; Thistles grew in the hall.",
        "under the fallen arch; behind the throne stone; in an arrow slit; _at the bottom of the dry well; "
        "*in the dungeon; ^on the crumbling battlement",
    ),
    _place(
        "the meadow",
        "in",
        "to pick daisies; to chase butterflies; to watch the clouds",
        "Crickets chirped in the tall grass.; +Poppies nodded in the breeze.; +A lark rose into the sky.",
        "under a haycock; beside the scarecrow; behind the milk churn; #in a molehill; ^in the lone poplar",
    ),
    _place(
        "the garden",
        "in",
        "to water the beans; to dig up carrots; to weed the flower beds",
        "Snails crept along the wet path.; +The sunflowers had turned their faces east.; Everything smelled "
        "of mint.",
        "under a flowerpot; behind the rain barrel; among the cabbages; #in the compost; ^in the gutter of "
        "the shed",
    ),
    _place(
        "the library",
        "in",
        "to return a book; to read about whales; to copy a poem",
        "Not a sound was to be heard.; The shelves reached up to the ceiling.; A cat slept on the "
        "encyclopedia.",
        "behind the dictionaries; under the reading table; in the card catalog; ^on the shelf above the "
        "door; *in the archive downstairs",
    ),
    _place(
        "the station",
        "at",
        "to meet the train; to wave to the passengers; to post a letter",
        "A whistling engine let off steam.; Suitcases were piled on the platform.; The signal changed from "
        "red to green.",
        "under the waiting room bench; behind the ticket office; on the luggage cart; ^on the signal post; "
        "_between the rails of the turntable pit",
    ),
    _place(
        "the beach",
        "on",
        "to build a sandcastle; to collect driftwood; to hunt for crabs",
        "The tide had left long ripples.; Crabs scuttled between the stones.; Foam ran up the sand and back.",
        "under a heap of seaweed; behind the driftwood; in a rock pool; #in the wet sand; *in the cave",
    ),
    _place(
        "the windmill hill",
        "on",
        "to feel the wind; to look over the valley; to roll down the slope",
        "The sails swept round and round.; One could see all seven roofs of the hamlet.; +Sheep grazed on "
        "the slope.",
        "under the flat rock; beside the signpost; behind the gorse; ^on the lowest sail; #in a rabbit "
        "burrow",
    ),
    _place(
        "the chapel",
        "in",
        "to light a candle; to practice a hymn; to dust the pews",
        "+Colored light lay on the floor.; The organ was silent.; It was cool and smelled of wax.",
        "under the last pew; behind the organ; beside the font; ^in the belfry; *in the crypt",
    ),
    _place(
        "the inn",
        "at",
        "to deliver a message; to drink cider; to hear the fiddlers",
        "Travelers laughed over their soup.; A fire crackled in the hearth.; The sign squeaked on its chain.",
        "under the long table; behind the cider casks; on the mantelpiece; *in the wine cellar; ^on the "
        "antlers over the hearth",
    ),
    _place(
        "the river bank",
        "on",
        "to fish for eels; to wash the linen; to launch paper boats",
        "Ducks paddled past in a line.; The current carried leaves along.; +Kingfishers flashed blue over "
        "the water.",
        "under the washing stone; among the bulrushes; beside the landing stage; ~on the wreck of a barge; "
        "#in the clay of the bank",
    ),
    _place(
        "the workshop",
        "in",
        "to saw planks; to glue a chair; to borrow some nails",
        "Shavings curled on the floor.; Chisels hung in order of size.; The glue pot bubbled.",
        "under the bench; behind a stack of planks; in the box of nails; ^on the rafters; *under the "
        "trapdoor",
    ),
    _place(
        "the quarry",
        "at",
        "to search for fossils; to hear the echo; to break stones",
        "The walls rose pale and steep.; A pebble clattered down.; +A kestrel circled over the slabs.",
        "under the rusty cart; behind a boulder; beside the toolbox; _on a ledge halfway down; *in the "
        "tunnel",
    ),
    _place(
        "the stable",
        "in",
        "to brush the ponies; to clean the harness; to bring oats",
        "A pony snorted and stamped.; The leather gleamed.; It was warm and smelled of horses.",
        "in the oat bin; behind the saddle rack; under a horse blanket; ^on the crossbeam; #under the dung "
        "heap",
    ),
    _place(
        "the vineyard",
        "in",
        "to cut grapes; to tie up the vines; to chase the starlings away",
        "The vines climbed the slope in rows.; +Wasps buzzed around the sweet fruit.; Stone walls kept the "
        "warmth.",
        "under the wine press; between two vines; in the picker's hut; #at the foot of the wall; *in the "
        "cask cellar",
    ),
    _place(
        "the swamp",
        "at the edge of",
        "to pick cranberries; to listen to the frogs; to cut peat",
        "Mist crept over the black pools.; Frogs croaked in chorus.; Will-o'-the-wisps flickered, or so "
        "people said.",
        "under an alder; on a tuft of sedge; behind the peat stack; ~on a floating stump; _in the sinking "
        "mud",
    ),
    _place(
        "the glasshouse",
        "in",
        "to pick tomatoes; to smell the orchids; to water the lemon trees",
        "Drops ran down the panes.; Strange flowers opened their mouths.; It was as warm as in the jungle.",
        "under the lemon tree; behind the watering cans; among the seedlings; ^on the hanging shelf; #in "
        "the fern bed",
    ),
    _place(
        "the town square",
        "in",
        "to hear the brass band; to feed the pigeons; to read the notices",
        "+Pigeons strutted around the statue.; The tower clock struck.; Flags fluttered from the windows.",
        "behind the statue; under the bandstand; beside the pump; ^on the statue's shoulder; _down the dry "
        "cistern",
    ),
    _place(
        "the waterfall",
        "at",
        "to see the rainbow; to fill the bottles; to hear the roar",
        "The water was so loud that one had to shout.; Spray hung in the air like lace.; Ferns dripped on "
        "every side.",
        "behind a mossy stone; under the footbridge; among the ferns; _on the slippery ledge; *in the grotto",
    ),
)

_CLOSED = {
    "winter": "orchard meadow garden vineyard lake forest swamp river waterfall windmill",
    "spring": "orchard vineyard",
    "autumn": "meadow",
    "summer": "",
}
assert all(place.dull_sights for place in PLACES), "every place shows something in every weather"

PLACES_IN = {
    season: tuple(place for place in PLACES if place.name.split()[1] not in closed.split())
    for season, closed in _CLOSED.items()
}
"""The places to which people go in each season."""
