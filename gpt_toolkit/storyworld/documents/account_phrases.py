"""How each kind of event is put by somebody who reports it: in a letter, in a conversation, in the news.

The templates hold in the first, the second and the third person. ``{a}`` is who acts ("I", "you", a name or
a pronoun), ``{A}`` the same without a pronoun of the third person, ``{ao}`` the same as an object,
``{he} {him} {his} {was}`` agree with it; ``{B}`` and ``{C}`` are others as subjects, ``{b}`` and ``{c}`` as
objects, ``{bhe} {bhis}`` agree with ``{B}``, ``{bposs}`` says what belongs to them. ``{t}`` is the thing. A
template in which a pronoun could mean two people is used only where it cannot.
"""

LOSING: dict[str, tuple[str, ...]] = {
    "owns": (
        "{a} had {an} that {he} took everywhere.",
        "The thing that {a} loved best was {an}.",
        "{a} owned {an} and {was} proud of it.",
        "{a} always had {an} with {him}.",
        "Nothing was dearer to {ao} than {an}.",
    ),
    "origin": (
        "It had come from {b}.",
        "It had once belonged to {b}.",
        "It was a present from {b}.",
        "{B} had brought it from the city.",
    ),
    "go": (
        "{a} took {t} along when {he} went {to} {why}.",
        "{a} went {to} {why}, and {t} came along.",
        "{a} wanted {why}, so {he} took {t} {to}.",
        "With {t} for company, {a} walked {to}.",
        "{a} went {to} with {t}.",
    ),
    "go_plain": (
        "{a} went {to} {why}.",
        "{a} wanted {why}, so {he} walked {to}.",
        "{a} had gone {to} {why}.",
        "That day {a} went {to} {why}.",
    ),
    "begin": (
        "One day {a} went {to} {why}.",
        "It all began when {a} went {to} {why}.",
        "{a} had gone {to} {why}.",
        "First {a} went {to} {why}.",
    ),
    "travel": (
        "{a} went {to}.",
        "So {a} set out for {the}.",
        "Without delay, {a} hurried {to}.",
        "{a} made {his} way {to}.",
        "Then {a} walked all the way {to}.",
    ),
    "travel_with": (
        "Together with {b}, {a} went {to}.",
        "{a} did not have to go alone {to}, because {B} came along.",
        "{B} went {to} with {ao}.",
        "{a} asked {b} to come along {to}.",
    ),
    "home": (
        "Then {a} went home.",
        "Later {a} walked home.",
        "{a} came home in good spirits.",
        "At last {a} went back home.",
    ),
    "meet": (
        "There {a} met {b}.",
        "{a} ran into {b} there.",
        "{B} happened to be there, too.",
        "By chance, {a} met {b}.",
    ),
    "visit": (
        "{B} came for a visit.",
        "Then {B} knocked at the door.",
        "{a} heard a knock: {B} had come.",
        "Luckily {B} came by.",
    ),
    "drop": (
        "On the way {a} lost {t}: it fell {spot}, and nobody heard it.",
        "{t} slipped out and fell {spot}.",
        "{a} did not notice that {t} fell {spot}.",
        "Somehow {t} dropped {spot}, but {a} walked on.",
    ),
    "leave": (
        "{a} put {t} down {spot} and forgot it.",
        "{a} left {t} {spot} for a moment and went away without it.",
        "Because {a} needed both hands, {he} laid {t} {spot}.",
        "{t} stayed behind {at}, {spot}, when {a} went on.",
    ),
    "put": (
        "{a} put {t} {spot} before {he} went out.",
        "Before going out, {a} left {t} {spot}.",
        "{a} kept {t} {spot}, where it was safe.",
        "To be on the safe side, {a} laid {t} {spot}.",
    ),
    "hide": (
        "{a} hid it {spot}.",
        "{a} hid {t} {at}, {spot}.",
        "The best hiding place was {spot}, and there {a} put it.",
        "In secret, {a} hid it {spot}.",
    ),
    "prank": (
        "For a joke, {a} took {t} away.",
        "{a} wanted to play a trick and took {t}.",
        "{a} grabbed {t} when nobody was looking.",
        "Just for fun, {a} made off with {t}.",
    ),
    "saw_hide": (
        "{a} saw it happen.",
        "Only {a} saw it.",
        "{a} had watched from afar.",
        "Luckily {a} noticed it.",
    ),
    "animal": (
        "Suddenly {animal} snatched {t} and ran off to {the}.",
        "Then {animal} came and carried {t} off to {the}.",
        "All at once {animal} seized {t} and disappeared toward {the}.",
        "{animal} stole {t} and made for {the}.",
    ),
    "chase": (
        "{a} ran after it and saw where it went.",
        "Only {a} {was} quick enough to follow it.",
        "{a} followed it, and then {he} came back.",
        "{a} went after the thief, but could not catch it.",
    ),
    "miss": (
        "Then {a} noticed that {t} was gone.",
        "Later {t} was missing, and {a} looked everywhere for it.",
        "Only then did {a} miss {t}.",
        "When {a} wanted {t}, it was gone.",
    ),
    "search": (
        "{a} looked {spot}, but it was not there.",
        "It was not {spot}, where {a} looked for it.",
        "{a} searched in vain {spot}.",
        "{a} had a look {spot}, without any luck.",
    ),
    "expect": (
        "{a} looked {spot}, but the place was empty.",
        "When {a} wanted {t} back, it was no longer {spot}.",
        "{a} {was} sure that {t} was {spot}, but it was gone.",
        "{t} was not {spot} anymore when {a} looked for it.",
    ),
    "remember": (
        "Then {a} remembered that it was still {at}, {spot}.",
        "Suddenly {a} knew that it had to be {at}, {spot}.",
        "{a} thought hard and remembered that {he} had left it {at}, {spot}.",
        "At last it came back to {ao}: it was {at}, {spot}.",
    ),
    "ask": (
        "{a} asked {b} about it.",
        "{a} told {b} about the loss.",
        "{a} asked {b} for help.",
        "So {a} turned to {b}.",
    ),
    "unknown": (
        "But {a} had not seen it.",
        "{a} knew nothing about it.",
        "{a} had no idea where it was.",
        "But {a} could not help.",
    ),
    "tell": (
        "{a} told {b} that {t} was {at}, {spot}.",
        "{a} knew that {t} was {at}, {spot}.",
        "{B} heard from {ao} that it was {at}, {spot}.",
        "{B} learned from {ao} that {t} was {at}, {spot}.",
    ),
    "tell_who": (
        "{a} told {b} that {C} had hidden it {at}, {spot}.",
        "According to {ao}, {C} had taken it, and it was {at}, {spot}.",
        "{a} said that {C} had put it {spot}, {at}.",
        "{B} learned from {ao} that {C} had hidden it {at}, {spot}.",
    ),
    "confess": (
        "{a} confessed to the prank and said that it was {at}, {spot}.",
        "{a} admitted everything: it was {at}, {spot}.",
        "At last {a} told the truth: it was {at}, {spot}.",
        "{a} could not keep it secret and said that it was {at}, {spot}.",
    ),
    "explain": (
        "It turned out that {a} had tidied up and put it {spot}.",
        "{a} had only cleared it away: it was {spot}.",
        "{a} explained that it was {spot} now.",
        "Meanwhile {a} had moved it, and now it was {spot}.",
    ),
    "need": (
        "Nobody could get at {t} there without {atool}.",
        "To reach {t}, {a} needed {atool}.",
        "But {a} could not reach {t} without {atool}.",
        "Without {atool} there was no way to reach {t}.",
    ),
    "borrow": (
        "{B} lent {ao} {atool}.",
        "{a} borrowed {atool} from {b}.",
        "Luckily {B} had {atool} to lend.",
        "{a} asked {b} for {atool}, and {bhe} gave it gladly.",
    ),
    "use": (
        "With the {tool}, {a} got {t} back.",
        "Thanks to the {tool}, {a} soon had {t} again.",
        "The {tool} did it: soon {a} held {t} again.",
        "{a} used the {tool} and brought {t} back.",
    ),
    "find": (
        "And there it was, {spot}.",
        "{a} looked {spot} and found {t}.",
        "{a} found {t} {spot}.",
        "Indeed, {t} was {spot}.",
    ),
    "find_new": (
        "{a} found {an} {spot}.",
        "{a} came upon {an} that lay {spot}.",
        "What {a} saw {spot} was {an}.",
        "There lay {an}, {spot}, and {a} picked it up.",
    ),
    "return_tool": (
        "Afterward {a} took the {tool} back to {b}.",
        "{a} gave the {tool} back to {b}.",
        "{B} got the {tool} back the same day.",
        "Of course {a} returned the {tool} to {b}.",
    ),
    "thank": (
        "{a} thanked {b} from the heart.",
        "{a} thanked {b} very much.",
        "{a} could not thank {b} enough.",
        "{a} {was} so grateful to {b}.",
    ),
    "reward": (
        "As a reward, {a} gave {b} {food}.",
        "{a} shared {food} with {b}.",
        "{a} treated {b} to {food}.",
        "{B} got {food} for it.",
    ),
    "sorry": (
        "{a} apologized to {b}.",
        "{a} asked {b} for forgiveness.",
        "{a} {was} sorry and said so.",
        "{a} came to {b} and said sorry.",
    ),
    "forgive": (
        "{a} forgave {b}.",
        "{a} {was} not angry for long.",
        "Soon {a} could laugh about it.",
        "{a} made peace with {b}.",
    ),
}
