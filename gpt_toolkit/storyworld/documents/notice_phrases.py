"""The sentences of notices and of fair programs.

Slots: ``{full}`` a person, ``{an}`` and ``{An}`` a thing, ``{noun}`` without its looks, ``{at}``, ``{spot}``
where, ``{day}``, ``{street}`` and ``{door}`` where the person lives, ``{food}``, ``{trade}``, ``{pet}`` and
its ``{kind}``.
"""

from gpt_toolkit.storyworld.lexicon import phrases

LOST_TITLES = phrases("LOST; Lost!; Lost property; Who has seen it?; Missing; Reward offered; Please help")
LOST = phrases(
    """
    {An} was lost {at} on {day}.; On {day}, {full} lost {an} {at}.; {An} has been missing since {day}.; Since
    {day}, {full} has been looking for {an}.; {full} has lost {an}, probably {at}.; Who has seen {an}? It was
    lost on {day}.
    """
)
LAST_SEEN = phrases(
    """
    It was last seen {at}, {spot}.; It may lie {spot}.; Somebody saw it {at}, {spot}, but it is no longer
    there.; Perhaps it fell {spot}, {at}.; All that we know is that it was {at} at noon.
    """
)
BRING = phrases(
    """
    Please bring it to {full}, {street}, the house with the {door} door.; The finder is asked to come to
    {street}, to the {door} door.; {full} in {street} will be glad to have it back.; Whoever finds it may
    leave it with {full} in {street}.; Please knock at the {door} door in {street} and ask for {full}.
    """
)
REWARDS = phrases(
    """
    Reward: {food}.; The reward is {food}.; The finder will get {food}.; As a reward there is {food}.; No
    questions will be asked, and there is {food} for the finder.
    """
)
FOUND_TITLES = phrases("FOUND; Found!; Whose is this?; Found property; Is this yours?; A finder writes")
FOUND = phrases(
    """
    {An} was found {at}, {spot}.; On {day}, {full} found {an} {at}.; {full} has found {an} {spot}, {at}.; {An}
    lay {spot} {at} on {day}.; Whose is the {noun} that {full} found {at}?
    """
)
COLLECT = phrases(
    """
    The owner may collect it from {full} in {street}.; Please ask for {full}, {street}, the house with the
    {door} door.; It is waiting at the {door} door in {street}.; {full} will keep it until the owner comes to
    {street}.; Come to {street} and say what else is special about it.
    """
)
SALE_TITLES = phrases("FOR SALE; For sale; Bargain; A good home wanted; To be sold; Sale in {street}")
SALE = phrases(
    """
    {full} sells {an}, hardly used.; {An} is for sale.; {full} would like to sell {an}.; Who would like to
    have {an}?; {An} is looking for a new owner.
    """
)
PRICES = phrases(
    """
    The price is {number} pennies.; It costs {number} pennies, or {food}.; {Number} pennies, not one less.;
    Offers of more than {number} pennies are welcome.; To be had for {number} pennies.
    """
)
SEE = phrases(
    """
    It can be seen in {street} on {day}.; Please come to {street}, the house with the {door} door.; Ask for
    {full} in {street}.; Come by on {day} and look for the {door} door.; {full} is at home in {street} on
    {day}.
    """
)
ASK_FOR = phrases(
    """
    Ask for {full}.; Please ask for {full} in {street}.; {full} can tell you more.; Signed: {full}
    """
)
WANTED_TITLES = phrases("WANTED; Wanted; In exchange; Who has one?; A trade; Looking for {a_noun2}")
WANTED = phrases(
    """
    {full} is looking for {an2} and offers {an} for it.; {An} to be exchanged for {an2}.; Who would trade
    {an2} for {an}?; {full} has {an} and would rather have {an2}.; For {an2}, {full} would give {an}.
    """
)
SHOP_TITLES = phrases(
    """
    {full}, {trade}; Visit {full}; {street} has {a_trade}; Good work at a fair price; Open again; News from
    {street}
    """
)
SHOP = phrases(
    """
    {full} works as {a_trade} in {street}.; The shop of {full}, {trade}, is open again.; Do you need
    {a_trade}? {full} is at your service.; Honest work from {full}, {trade} in {street}.; Everybody knows
    {full}, {a_trade} in {street}.
    """
)
OFFERS = phrases(
    """
    In the window this week: {an}.; Only on {day} there is {an} to be won.; The first to come on {day} gets
    {an} at half price.; As thanks for many good years, there is {an} to be won.; On show until {day}: {an}.
    """
)
HOURS = phrases(
    """
    Open from {early} to {late} o'clock, but not on {day}.; On {day} the shop is closed.; Open daily from
    {early} o'clock.; Please knock at the {door} door.; Children get {food}.
    """
)
FAIR_TITLES = phrases(
    """
    Program of the feast {at}; Feast {at}; Come to the feast {at}!; The great day {at}; What there is to see
    {at}
    """
)
FAIR = phrases(
    """
    {who} sings an old song; Race around {the}: who can beat {who}?; {who} tells a
    story; {who} sells {food}; Riddles with {who}; {who} teaches a dance; Tug of war, led by {who}; {who}
    judges the best pie; {who} reads a poem
    """
)
FAIR_BEGIN = "{who} opens the feast"
FAIR_ENDS = phrases("Lanterns are lit by {who}; {who} and the band play until dark")
PRIZES = phrases(
    """
    The prize of the day is {an}, given by {full}.; {full} shows {an} to everybody who asks.; To be won: {an},
    a present from {full}.; {full} will bring {an} for the raffle.; In the tent there is {an} to be seen,
    which belongs to {full}.
    """
)
GUIDE_TITLES = phrases(
    """
    A guide to {the}; For visitors to {the}; {The}; On a visit to {the}; What to know about {the}; From the
    almanac: {the}
    """
)
GUIDE = phrases(
    """
    Visitors are welcome all year.; There is much to see here.; Those who come should know a few things.; A
    short description.; Nobody should leave the valley without having been {at}.; Here is what the almanac
    says.
    """
)
SIGHTS = phrases(
    """
    {sight} That is how {full} described it.; "{sight}" So writes {full} in the guest book.; {full} likes to
    sit here.; {full} comes here often.
    """
)
KEPT = phrases(
    """
    {full} left {an} here, which can be collected.; {An} of {full} is on show here.; Last {day}, {full} lost
    {an} here.; In the guest book there is a drawing of {an} by {full}.; {full} once found {an} here, {spot}.
    """
)
REGISTER_TITLES = phrases(
    """
    The {family} family; Our neighbors: the {family} family; From the almanac: the {family} family; Who is who
    in {street}; People of the valley: the {family} family; A visit to the {family} family
    """
)
OWNS = phrases(
    """
    {name} is often seen with {an}.; On the table lies {an} that belongs to {name}.; {name} owns {an}.;
    Visitors are shown {an} that belongs to {name}.; {name} is proud of {an}.
    """
)
BIRTHDAY_TITLES = phrases(
    """
    Birthdays in {month}; Born in {month}; Our birthday list for {month}; {month} birthdays; Who has a
    birthday in {month}?
    """
)
WISHES = phrases(
    """
    {full} wishes for {an}.; A little bird told us that {full} would like {an}.; {full} will get {an}, but do
    not tell.; Last year {full} got {an}.; {full} would be happy about {an}.
    """
)
PET_TITLES = phrases(
    "Run away; LOST; Have you seen {pet}?; {pet} is gone; Missing since {day}; Looking for {pet}"
)
PETS = phrases(
    """
    {pet} is gone. {pet} is {kind} and belongs to the {family} family in {street}.; Since {day}, the {family}
    family has missed {pet}, {kind}.; {pet}, {kind}, ran away on {day}.; Who has seen {pet}? The {family}
    family is looking for {kind}.
    """
)
PET_ENDS = phrases(
    """
    {full} offers {an} as a reward.; Whoever brings {pet} back will get {an} from {full}.; {pet} was last seen
    with {an} that belongs to {full}.; {full} would even give {an} to have {pet} back.
    """
)
