"""Perplexity of running text under the protocols of several evaluators (GPT-2 §3.1).

A :class:`Reading` says everything that decides a perplexity: the text, its windows and its units. Requests,
metrics and explanations all derive from it. The protocols are in ``protocols.yaml``, the corpora in
``benchmarks.yaml``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from gpt_toolkit.evaluation.benchmark_metrics import Result, bits, perplexity
from gpt_toolkit.evaluation.detokenizers import DETOKENIZERS, PUBLISHED_DETOKENIZERS
from gpt_toolkit.evaluation.items import Document, is_title
from gpt_toolkit.evaluation.protocol import (
    EvaluationContext,
    EvaluationProtocol,
    RequestSet,
    catalogue,
)
from gpt_toolkit.generation.requests import Answer, Continuation, Request, RunningText

UNITS: Final = {
    "word_perplexity": "words",
    "token_perplexity": "tokens",
    "bits_per_byte": "bytes",
    "bits_per_character": "characters",
}
"""Fields of :class:`Units` by metric."""

Unit: TypeAlias = Literal["word_perplexity", "token_perplexity", "bits_per_byte", "bits_per_character"]
Text: TypeAlias = Literal["as the file has it", "invertible rules", "published rules"]
Division: TypeAlias = Literal[
    "one stream",
    "documents",
    "articles",
    "lines joined by nothing",
    "lines joined by a line end",
    "lines joined by an empty line",
]
Words: TypeAlias = Literal["file", "whitespace", "spaces"]

_JOINTS: Final[dict[str, str]] = {
    "lines joined by nothing": "",
    "lines joined by a line end": "\n",
    "lines joined by an empty line": "\n\n",
}
_WINDOWS_PER_REQUEST = 32  # tuned here: small enough to be divided among devices


@dataclass(frozen=True)
class Corpus:
    """Format of a corpus.

    Args:
        unit: Unit of the paper's number.
        detokenizer: Key of invertible rules; "": the file is running text.
        published: Key of the rules of Megatron-LM and lm-eval; "": they have none for this corpus.
        one_text: True if the documents are consecutive parts of one text.
        line_ends: True if the end of a line counts as a word.
    """

    unit: Unit = "word_perplexity"
    detokenizer: str = ""
    published: str = ""
    one_text: bool = False
    line_ends: bool = False

    def count_words(self, text: str) -> int:
        """Count the words of a text as in its file."""
        return len(text.split()) + (text.count("\n") if self.line_ends else 0)

    def texts(self, documents: Sequence[Document]) -> list[str]:
        """Return the texts that are read on their own: all documents joined if they are parts of one text."""
        return [self.stream(documents)] if self.one_text else [document.text for document in documents]

    def stream(self, documents: Sequence[Document]) -> str:
        """Join all documents; an empty line separates those that do not end a line."""
        texts = [document.text for document in documents]
        if not self.one_text:
            texts = [text if text.endswith("\n") else f"{text}\n\n" for text in texts]
        return "".join(texts)

    def rewrite(self, text: Text) -> Callable[[str], str] | None:
        """Return the function that rewrites the file's text; None if it is read as it is."""
        if text == "invertible rules" and self.detokenizer:
            return DETOKENIZERS[self.detokenizer].detokenize
        if text == "published rules" and self.published:
            return PUBLISHED_DETOKENIZERS[self.published]
        return None


@dataclass(frozen=True)
class Reading:
    """Everything that decides the perplexity of a text.

    Attributes:
        text: Rules by which the file's text is rewritten.
        division: Pieces that are read on their own.
        prefix: True if the end-of-text token stands before each piece.
        window: Inputs of a window.
        stride: Tokens by which windows move; 0: each window begins again, and its first token is not scored.
        unit: Metric that is reported first.
        words: Rule by which words are counted: as in the corpus, at any whitespace, or at single spaces.
    """

    text: Text
    division: Division
    prefix: bool
    window: int
    stride: int
    unit: Unit
    words: Words


class Units(NamedTuple):
    """Numbers by which the loss of a text can be divided."""

    tokens: int
    words: int
    bytes: int
    characters: int


@dataclass(frozen=True)
class PerplexityProtocol(EvaluationProtocol):
    """A protocol of running text; with a context length it is a :class:`Reading`.

    The statement has fields in braces. Fields that are not described here are those of :class:`Reading`.

    Args:
        corpus: Format of the text.
        text: Rules by which the file's text is rewritten, if the corpus has them.
        division: Pieces that are read on their own; one text is never divided into documents.
        stride: Tokens by which windows move; ``half`` or all (``context``) of the context length; or
            ``restart``: each window begins again.
        rewritten: Phrases of the statement for text that is rewritten and for text that is not.
        chosen_stride: Stride that the user chose, in tokens.
        chosen_window: Window that the user chose, in tokens; None: the context length.
    """

    _: KW_ONLY
    corpus: Corpus
    text: Text
    division: Division
    prefix: bool
    stride: int | Literal["half", "context", "restart"]
    unit: Unit
    words: Words
    rewritten: Sequence[str] = ("", "")
    chosen_stride: int | None = None
    chosen_window: int | None = None

    def __str__(self) -> str:
        chosen = [str(number) for number in (self.chosen_stride, self.chosen_window) if number is not None]
        return ":".join([super().__str__(), *chosen])

    def describe(self, context: EvaluationContext) -> str:
        """Return the statement for the corpus and the chosen windows."""
        corpus = self.corpus
        line_ends = ", ends of lines included" if corpus.line_ends else ""
        units = {
            "word_perplexity": f"per word of the file{line_ends}",
            "token_perplexity": "per token",
            "bits_per_byte": "in bits per byte of the file",
            "bits_per_character": "in bits per character",
        }
        return self.statement.format(
            text=self.rewritten[corpus.rewrite(self.text) is None],
            division="as one stream" if corpus.one_text else "each document on its own",
            unit=units[corpus.unit],
            window=f"{self.chosen_window} tokens" if self.chosen_window else "the context length",
            stride=f"{self.chosen_stride} tokens" if self.chosen_stride else "their length",
        )

    def reading(self, n_ctx: int) -> Reading:
        """Return the reading for a context length."""
        corpus, text, division = self.corpus, self.text, self.division
        if corpus.rewrite(text) is None:
            text = "as the file has it"
        if division == "articles" and corpus.published != "wikitext":
            division = "documents"
        if division == "documents" and corpus.one_text:
            division = "one stream"
        window = min(self.chosen_window or n_ctx, n_ctx)
        if self.stride == "restart":
            stride = min(self.chosen_stride or window, window)
            if stride < window:
                window -= 1  # the first token of a window is its context
            else:
                stride = 0
        else:
            named = {"half": max(1, n_ctx // 2), "context": n_ctx}
            stride = min(named[self.stride] if isinstance(self.stride, str) else self.stride, n_ctx)
        return Reading(text, division, self.prefix, window, stride, self.unit, self.words)

    def with_windows(self, numbers: Sequence[str], spec: str) -> "PerplexityProtocol | None":
        """Return this protocol with a stride and a window of the user; None if it has fixed windows.

        Raises:
            ValueError: If the numbers are not a stride and a window.
        """
        if self.stride != "restart":
            return None
        if len(numbers) > 2 or not all(number.isdecimal() and int(number) for number in numbers):
            raise ValueError(
                f"protocols: {spec!r} does not end in a stride in tokens and an optional window; expected "
                f"for example {self.name}:512:1024"
            )
        stride, window = [*map(int, numbers), None][:2]
        if stride and window and stride > window:
            raise ValueError(
                f"protocols: {spec!r} moves by more than its window, which leaves tokens out; expected a "
                "stride of at most the window"
            )
        return replace(self, chosen_stride=stride, chosen_window=window)

    def build_requests(self, items: Sequence[Document], context: EvaluationContext) -> RequestSet:
        return requests_of(self.reading(context.n_ctx), self.corpus, items, context)

    def compute_metrics(self, references: Sequence[Units], answers: Sequence[Sequence[Answer]]) -> Result:
        """Compute perplexities per token, word and byte and bits per byte, the protocol's own unit first."""
        nats = [-sum(answer.log_probability for answer in piece) for piece in answers]
        n_tokens, n_words, n_bytes, n_characters = ([count[i] for count in references] for i in range(4))
        scores = {
            "token_perplexity": perplexity("token_perplexity", nats, n_tokens, "tokens"),
            "word_perplexity": perplexity("word_perplexity", nats, n_words, "words"),
            "byte_perplexity": perplexity("byte_perplexity", nats, n_bytes, "bytes"),
            "bits_per_byte": bits("bits_per_byte", nats, n_bytes, "bytes"),
        }
        if self.unit == "bits_per_character":
            scores[self.unit] = bits(self.unit, nats, n_characters, "characters")
        first = scores.pop(self.unit)
        items: list[dict[str, Any]] = [
            {"log_probability": -loss, **count._asdict()}
            for loss, count in zip(nats, references, strict=True)
        ]
        return Result([first, *scores.values()], items)


def perplexity_protocols(corpus: Corpus) -> tuple[PerplexityProtocol, ...]:
    """Return all protocols for a corpus."""
    return tuple(
        perplexity_protocol(key, corpus)
        for key, entry in catalogue()["perplexity"].items()
        if corpus.published in entry.get("published", [corpus.published])
    )


def perplexity_protocol(key: str, corpus: Corpus) -> PerplexityProtocol:
    """Return a protocol for a corpus, given its name and version."""
    name, _, version = key.rpartition("-")
    entry = {"unit": corpus.unit, **catalogue()["perplexity"][key]}
    entry.pop("published", None)
    return PerplexityProtocol(name, int(version), corpus=corpus, **entry)


# Requests


def requests_of(
    reading: Reading, corpus: Corpus, documents: Sequence[Document], context: EvaluationContext
) -> RequestSet:
    """Build the requests of a reading; the references are the units of each piece."""
    rewrite = corpus.rewrite(reading.text)
    requests: list[list[Request]] = []
    units = []
    for text, counted in _pieces(reading.division, corpus, documents):
        ids = [context.tokenizer.end_of_text] if reading.prefix else []
        ids += context.tokenizer.encode(rewrite(text) if rewrite else text)
        windows = read_in_windows(ids, reading)
        n_tokens = sum(request.n_scored for request in windows)
        n_words = _count_words(reading.words, corpus, counted)
        requests.append([*windows])
        units.append(Units(n_tokens, n_words, len(counted.encode()), len(counted)))
    return RequestSet(requests, units)


def _pieces(division: Division, corpus: Corpus, documents: Sequence[Document]) -> list[tuple[str, str]]:
    """Return each text to read, and the text whose units count."""
    if division == "one stream":
        texts = [corpus.stream(documents)]
    elif division == "documents":
        texts = corpus.texts(documents)
    elif division == "articles":
        whole = corpus.stream(documents)
        # the first articles are the same, however many are read after them
        texts = split_pages(whole.removesuffix("\n") if documents[-1].goes_on else whole)
    else:
        lines = corpus.texts(documents)
        if corpus.one_text:
            lines = [
                f"{line}\n" if line.strip() else ""  # as in the hub's dataset
                for line in lines[0].removesuffix("\n").split("\n")
            ]
        return [(_JOINTS[division].join(lines), corpus.stream(documents))]
    return [(text, text) for text in texts]


def split_pages(text: str) -> list[str]:
    """Return WikiText's articles from their headings on, as in the hub's wikitext_document_level."""
    pages: list[str] = []
    lines: list[str] = []
    for line in text.split("\n"):
        if is_title(line):
            if any(map(str.strip, lines)):
                pages.append("\n".join(lines))
            lines = []
        lines.append(line)
    return [*pages, "\n".join(lines)]


def _count_words(rule: Words, corpus: Corpus, text: str) -> int:
    if rule == "whitespace":  # lm-eval 0.4.13: wikitext
        return len(re.split(r"\s+", text))
    if rule == "spaces":  # Megatron-LM@164204c
        return len(text.strip().split(" ")) - 1
    return corpus.count_words(text)


def read_in_windows(ids: Sequence[int], reading: Reading) -> list[Continuation | RunningText]:
    """Build the requests for the windows of a text."""
    window, stride = reading.window, reading.stride
    if stride == 0:
        starts = range(0, len(ids) - 1, window)
        return [RunningText(tuple(ids[start : start + window]), window, window) for start in starts]
    if not reading.prefix:
        return overlapping(ids, window, stride)
    return [*RunningText(tuple(ids), window, stride).divided(_WINDOWS_PER_REQUEST)]


def overlapping(ids: Sequence[int], window: int, stride: int) -> list[Continuation | RunningText]:
    """Build requests for windows that move by a stride; the last window is shorter than the others."""
    n_targets = len(ids) - 1
    n_moves = max(0, n_targets - window) // stride
    scored = min(n_targets, window + n_moves * stride)
    requests: list[Continuation | RunningText] = [
        *RunningText(tuple(ids[: scored + 1]), window, stride).divided(_WINDOWS_PER_REQUEST)
    ]
    if scored < n_targets:
        start = (n_moves + 1) * stride
        requests.append(Continuation(tuple(ids[start : scored + 1]), tuple(ids[scored + 1 :])))
    return requests
