"""What a row of each kind of benchmark is, wherever it comes from."""

from typing import NamedTuple


class LastWord(NamedTuple):
    """A passage whose last word is to be guessed (LAMBADA).

    Attributes:
        text: The passage; it ends in the word.
        tokenized: Whether blanks stand around everything, as in the original LAMBADA file.
    """

    text: str
    tokenized: bool = False


class Cloze(NamedTuple):
    """A sentence with a gap after a story (Children's Book Test).

    Attributes:
        context: The sentences before it.
        query: The sentence, with ``GAP`` where a word is missing.
        answer: Index of the right candidate.
        candidates: Words for the gap.
        tokenized: Whether blanks stand around everything, as in the published files.
    """

    context: tuple[str, ...]
    query: str
    answer: int
    candidates: tuple[str, ...]
    tokenized: bool = False


GAP = "XXXXX"


class Schema(NamedTuple):
    """A sentence with a pronoun, read in two ways (Winograd schemas, DPRD).

    Attributes:
        beginnings: The sentence up to and with what replaces the pronoun, for each reading.
        rest: The rest of it, without the blank before it.
        answer: Index of the right reading.
    """

    beginnings: tuple[str, ...]
    rest: str
    answer: int


class Conversation(NamedTuple):
    """Questions about a story, each asked knowing those before (CoQA).

    Attributes:
        story: The story.
        questions: In their order.
        answers: What people answered to each; the first belongs to the conversation.
    """

    story: str
    questions: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]


class Summary(NamedTuple):
    """An article and the highlights that its editors wrote, one a line (CNN/Daily Mail)."""

    article: str
    highlights: str


class Translation(NamedTuple):
    """A sentence in two languages."""

    source: str
    target: str


class Question(NamedTuple):
    """A question without any text, and the answers that count as right."""

    question: str
    answers: tuple[str, ...]


class Labelled(NamedTuple):
    """A text and its class."""

    text: str
    label: int


class Choice(NamedTuple):
    """A context and several ways to go on.

    Attributes:
        context: What comes before; for RACE the document and the question.
        options: Ways to go on.
        answer: Index of the right one.
    """

    context: str
    options: tuple[str, ...]
    answer: int


class Document(NamedTuple):
    """A text whose likelihood is asked for.

    Attributes:
        text: The text as the file has it.
        goes_on: Whether the file's next line belongs to another document.
    """

    text: str
    goes_on: bool = False
