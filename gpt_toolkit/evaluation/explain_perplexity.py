"""Why protocols give a model several perplexities on a text: one difference at a time (GPT-2 §3.1).

A protocol is a text, a division of it, a prefix, windows and a unit. From the paper's way to another's one of
these is changed after the other, and each change is worth a factor; the product is the whole difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from gpt_toolkit.batches import Continuation, Request, RunningText
from gpt_toolkit.evaluation import megatron_detokenizers
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.build_requests import Setting
from gpt_toolkit.evaluation.items import Document
from gpt_toolkit.evaluation.perplexity import Corpus, disjoint, overlapping, pages
from gpt_toolkit.evaluation.protocol import Protocol
from gpt_toolkit.generation.scorer import Scorer

Text: TypeAlias = Literal["as the file has it", "invertible rules", "published rules"]
Division: TypeAlias = Literal["one stream", "documents", "articles", "lines joined by an empty line"]
Units: TypeAlias = dict[str, int]


@dataclass(frozen=True)
class Reading:
    """How a text is read.

    Attributes:
        text: How it is written.
        division: What is read on its own.
        prefix: Whether the end of text stands before each.
        window: Inputs of a window.
        stride: How far windows move; 0: each begins anew and its first token is not scored.
    """

    text: Text
    division: Division
    prefix: bool
    window: int
    stride: int

    def words(self) -> dict[str, str]:
        """The values for people, by what they are of."""
        moved = f"move by {self.stride}" if self.stride else "each begun anew"
        return {
            "text": self.text,
            "division": self.division,
            "prefix": "end of text" if self.prefix else "none",
            "windows": f"{self.window}, {moved}",
        }


class Read(NamedTuple):
    """What the model finds of a reading."""

    nats: float
    units: Units


class Change(NamedTuple):
    """One difference: what it is of, both values, and the factor that it is worth."""

    what: str
    before: str
    after: str
    factor: float


@dataclass(frozen=True)
class Explained:
    """A protocol's number, and how it comes from that of the first.

    Attributes:
        protocol: Name and version.
        reading: How it reads.
        read: What the model finds.
        unit: What its loss is divided by.
        perplexity: Per unit.
        changes: From the first protocol to this; their factors multiply to the quotient of the perplexities.
    """

    protocol: str
    reading: Reading
    read: Read
    unit: str
    perplexity: float
    changes: tuple[Change, ...]


_MEGATRON_STRIDE: Final = 32  # Megatron-LM@164204c: tasks/main.py --overlapping-eval
_UNITS: Final = {"bits_per_byte": "bytes", "bits_per_character": "characters", "token_perplexity": "tokens"}


def reading_of(protocol: Protocol, corpus: Corpus, n_ctx: int) -> Reading:
    """What a protocol is made of.

    Raises:
        ValueError: If it is none of running text.
    """
    theirs: Text = "published rules" if corpus.published else "as the file has it"
    apart: Division = "one stream" if corpus.in_parts else "documents"
    if protocol.name == "paper":
        ours: Text = "invertible rules" if corpus.detokenizer else "as the file has it"
        return Reading(ours, apart, True, n_ctx, max(1, n_ctx // 2))
    if protocol.name == "lm-eval":
        pieces: Division = "articles" if corpus.published is megatron_detokenizers.wikitext else apart
        return Reading(theirs, pieces, True, n_ctx, n_ctx)
    if protocol.name == "megatron":
        return Reading(theirs, "one stream", False, n_ctx, min(_MEGATRON_STRIDE, n_ctx))
    if protocol.name == "hf-strided":
        stride, window, *_ = [*map(int, filter(None, str(protocol).split(":")[1:])), 0, 0]
        length = min(window or n_ctx, n_ctx)
        step = min(stride or length, length)
        own = (length - 1, step) if step < length else (length, 0)
        return Reading("as the file has it", "lines joined by an empty line", False, *own)
    raise ValueError(f"{protocol} does not read running text; there is nothing to explain")


def requests_of(
    reading: Reading, corpus: Corpus, rows: Sequence[Document], setting: Setting
) -> list[Request]:
    """What is asked of the model."""
    rules: dict[Text, Callable[[str], str] | None] = {
        "as the file has it": None,
        "invertible rules": corpus.detokenizer.detokenize if corpus.detokenizer else None,
        "published rules": corpus.published,
    }
    rule, window, stride = rules[reading.text], reading.window, reading.stride
    requests: list[Request] = []
    for text in _divided(reading.division, corpus, rows):
        ids = [setting.vocabulary.end_of_text] if reading.prefix else []
        ids += setting.vocabulary.encode(rule(text) if rule else text)
        if stride == 0:
            starts = range(0, len(ids) - 1, window)
            requests += [RunningText(tuple(ids[start : start + window]), window, window) for start in starts]
        elif stride == window:
            requests += disjoint(ids, window)
        elif reading.prefix:
            requests.append(RunningText(tuple(ids), window, stride))
        else:
            requests += overlapping(ids, window, stride)
    return requests


def _divided(division: Division, corpus: Corpus, rows: Sequence[Document]) -> list[str]:
    if division == "one stream":
        return [corpus.whole(rows)]
    if division == "documents":
        return corpus.texts(rows)
    if division == "articles":
        return [page for text in corpus.texts(rows) for page in pages(text)]
    texts = corpus.texts(rows)
    if corpus.in_parts:
        lines = texts[0].removesuffix("\n").split("\n")
        texts = [f"{line}\n" if line.strip() else "" for line in lines]
    return ["\n\n".join(texts)]


def explain(
    scorer: Scorer, benchmark: Benchmark, protocols: Sequence[Protocol], rows: Sequence[Any], setting: Setting
) -> list[Explained]:
    """Every protocol's number, with its way from the first.

    Args:
        scorer: The model.
        benchmark: One of running text.
        protocols: Of the benchmark.
        rows: Its rows.
        setting: The model's tokenizer and context length.

    Raises:
        ValueError: If the benchmark is not running text.
    """
    corpus = benchmark.corpus
    if corpus is None:
        raise ValueError(f"{benchmark.name} is not running text; --explain is of perplexities")
    known: dict[Reading, Read] = {}

    def read(reading: Reading) -> Read:
        if reading not in known:
            requests = requests_of(reading, corpus, rows, setting)
            texts = [request for request in requests if isinstance(request, RunningText)]
            rests = [request for request in requests if isinstance(request, Continuation)]
            answers = [*scorer.running_texts(texts), *scorer.continuations(rests)]
            nats = -math.fsum(answer.log_probability for answer in answers)
            known[reading] = Read(nats, {"tokens": sum(answer.n_scored for answer in answers)})
        return known[reading]

    found: list[Explained] = []
    for protocol in protocols:
        reading = reading_of(protocol, corpus, setting.n_ctx)
        notes = protocol.ask(rows, setting).notes
        units = {name: sum(getattr(note, name) for note in notes) for name in notes[0]._fields}
        result = Read(read(reading).nats, units)
        headline = corpus.headline if protocol.name == "paper" else "word_perplexity"
        unit = "tokens" if protocol.name == "hf-strided" else _UNITS.get(headline, "words")
        changes = _changes(found[0], reading, result, unit, read) if found else ()
        value = _exp(result.nats / max(1, result.units[unit]))
        found.append(Explained(str(protocol), reading, result, unit, value, changes))
    return found


def _changes(
    first: Explained, reading: Reading, result: Read, unit: str, read: Callable[[Reading], Read]
) -> tuple[Change, ...]:
    """One change after the other, the unit last; those that change nothing are left out."""
    own_units = first.read.units
    changes, now, nats = [], first.reading, first.read.nats

    def rate(state: Reading, nats: float) -> float:
        n = read(state).units["tokens"] if first.unit == "tokens" else own_units[first.unit]
        return nats / max(1, n)

    before = rate(now, nats)
    together = ("window", "stride")
    for names in (*((f.name,) for f in fields(Reading) if f.name not in together), together):
        then = replace(now, **{name: getattr(reading, name) for name in names})
        if then == now:
            continue
        after = rate(then, read(then).nats)
        what = "windows" if names == together else names[0]
        changes.append(Change(what, now.words()[what], then.words()[what], _exp(after - before)))
        now, before = then, after
    last = result.nats / max(1, result.units[unit])
    ours, theirs = f"{own_units[first.unit]:,} {first.unit}", f"{result.units[unit]:,} {unit}"
    if last != before:
        changes.append(Change("unit", ours, theirs, _exp(last - before)))
    return tuple(changes)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
