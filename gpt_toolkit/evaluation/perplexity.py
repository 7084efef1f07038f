"""Perplexity of running text: whose windows, whose text and whose units (GPT-2 §3.1)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from gpt_toolkit.batches import Answer, Continuation, Request, RunningText
from gpt_toolkit.evaluation import megatron_detokenizers
from gpt_toolkit.evaluation.benchmark_metrics import bits, perplexity
from gpt_toolkit.evaluation.build_requests import Remarks, Setting
from gpt_toolkit.evaluation.detokenizers import Detokenizer
from gpt_toolkit.evaluation.items import Document
from gpt_toolkit.evaluation.protocol import Asked, Judge, Judgement, Metric, Protocol

Headline: TypeAlias = Literal["word_perplexity", "token_perplexity", "bits_per_byte", "bits_per_character"]
_MEGATRON_STRIDE = 32  # Megatron-LM@164204c: tasks/main.py --overlapping-eval
_WINDOWS_A_REQUEST = 32  # ours: small enough to be divided among devices


@dataclass(frozen=True)
class Corpus:
    """How a corpus is written.

    Args:
        detokenizer: Rules that can be inverted; None: its text is running text already.
        published: Rules of Megatron-LM and lm-eval; None: they have none for it.
        in_parts: Whether its documents are consecutive parts of one text.
        line_ends: Whether the end of a line is a word of its own.
        headline: The paper's own metric.
    """

    detokenizer: Detokenizer | None
    published: Callable[[str], str] | None
    in_parts: bool
    line_ends: bool
    headline: Headline

    def words(self, text: str) -> int:
        """Words of the text as its file has it."""
        return len(text.split()) + (text.count("\n") if self.line_ends else 0)

    def texts(self, rows: Sequence[Document]) -> list[str]:
        """The whole text where documents are parts of one, else each."""
        return [self.whole(rows)] if self.in_parts else [row.text for row in rows]

    def whole(self, rows: Sequence[Document]) -> str:
        """All documents as one text; an empty line stands between those that do not end a line."""
        texts = [row.text for row in rows]
        return "".join(texts if self.in_parts else (t if t.endswith("\n") else f"{t}\n\n" for t in texts))


class Units(NamedTuple):
    """What a text's loss can be divided by."""

    tokens: int
    words: int
    bytes: int
    characters: int


def judge(headline: Headline) -> Judge:
    """Perplexities per token, word and byte and bits per byte, the protocol's own first."""

    def judge(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
        nats = [-sum(answer.log_probability for answer in row) for row in answers]
        units: list[Units] = asked.notes
        metrics: dict[str, Metric] = {
            "token_perplexity": perplexity("token_perplexity", nats, [unit.tokens for unit in units]),
            "word_perplexity": perplexity("word_perplexity", nats, [unit.words for unit in units]),
            "byte_perplexity": perplexity("byte_perplexity", nats, [unit.bytes for unit in units]),
            "bits_per_byte": bits("bits_per_byte", nats, [unit.bytes for unit in units]),
        }
        if headline == "bits_per_character":
            metrics[headline] = bits(headline, nats, [unit.characters for unit in units])
        first = metrics.pop(headline)
        rows = [{"log_probability": -loss, **unit._asdict()} for loss, unit in zip(nats, units, strict=True)]
        return Judgement([first, *metrics.values()], rows)

    return judge


def _units(corpus: Corpus, text: str, n_scored: int) -> Units:
    return Units(n_scored, corpus.words(text), len(text.encode()), len(text))


def disjoint(ids: Sequence[int], window: int) -> list[Request]:
    """Windows end to end, in requests of a few; the last window reaches back to be as long as the others."""
    length = window * _WINDOWS_A_REQUEST
    starts = list(range(0, max(1, len(ids) - 1 - window), length))
    stops = [*(start + 1 for start in starts[1:]), len(ids)]
    return [RunningText(tuple(ids[a:b]), window, window) for a, b in zip(starts, stops, strict=True)]


def overlapping(ids: Sequence[int], window: int, stride: int) -> list[Request]:
    """Windows that move by a stride; what is left at the end keeps the beginning that a whole window has."""
    n_targets = len(ids) - 1
    n_moves = max(0, n_targets - window) // stride
    scored = min(n_targets, window + n_moves * stride)
    requests: list[Request] = [RunningText(tuple(ids[: scored + 1]), window, stride)]
    if scored < n_targets:
        start = (n_moves + 1) * stride
        requests.append(Continuation(tuple(ids[start : scored + 1]), tuple(ids[scored + 1 :])))
    return requests


def _begun(setting: Setting, text: str) -> list[int]:
    return [setting.vocabulary.end_of_text, *setting.vocabulary.encode(text)]


def ask_paper(corpus: Corpus, rows: Sequence[Document], setting: Setting) -> Asked:
    """De-tokenized so that it can be inverted, in windows of the context length that overlap by half."""
    requests, units = [], []
    stride = max(1, setting.n_ctx // 2)
    for text in corpus.texts(rows):
        ids = _begun(setting, corpus.detokenizer.detokenize(text) if corpus.detokenizer else text)
        requests.append([RunningText(tuple(ids), setting.n_ctx, stride)])
        units.append(_units(corpus, text, len(ids) - 1))
    return Asked([list(row) for row in requests], units, Remarks())


def ask_lm_eval(corpus: Corpus, rows: Sequence[Document], setting: Setting) -> Asked:
    """Article by article, in disjoint windows; words and bytes are those of the page as the file has it."""
    requests, units = [], []
    texts = corpus.texts(rows)
    if corpus.published is megatron_detokenizers.wikitext:
        [text] = texts
        texts = pages(text.removesuffix("\n") if rows[-1].goes_on else text)  # as if all were read
    for text in texts:
        ids = _begun(setting, corpus.published(text) if corpus.published else text)
        requests.append(disjoint(ids, setting.n_ctx))
        n_words = len(re.split(r"\s+", text))
        units.append(Units(len(ids) - 1, n_words, len(text.encode()), len(text)))
    return Asked(requests, units, Remarks())


def pages(text: str) -> list[str]:
    """WikiText's articles, each from its heading on, as the hub's wikitext_document_level divides them."""
    found: list[str] = []
    lines: list[str] = []
    for line in text.split("\n"):
        if is_title(line):
            if any(map(str.strip, lines)):
                found.append("\n".join(lines))
            lines = []
        lines.append(line)
    return [*found, "\n".join(lines)]


def is_title(line: str) -> bool:
    """Whether a line of WikiText begins an article."""
    heading = line.replace("= = =", "===").replace("= =", "==").strip()
    return heading.startswith("= ") and heading.endswith(" =")


def ask_hf(
    stride: int | None, window: int | None, corpus: Corpus, rows: Sequence[Document], setting: Setting
) -> Asked:
    """Lines joined by two line breaks, in windows whose first token is never scored."""
    length = min(window or setting.n_ctx, setting.n_ctx)
    step = min(stride or length, length)
    texts = corpus.texts(rows)
    if corpus.in_parts:
        lines = texts[0].removesuffix("\n").split("\n")
        texts = [f"{line}\n" if line.strip() else "" for line in lines]  # rows as the hub has them
    text, joined = corpus.whole(rows), "\n\n".join(texts)
    ids = setting.vocabulary.encode(joined)
    remarks = Remarks()
    if step < length:
        requests = overlapping(ids, length - 1, step)
    else:
        starts = range(0, len(ids) - 1, length)
        requests = [RunningText(tuple(ids[start : start + length]), length, length) for start in starts]
    n_scored = sum(_n_scored(request) for request in requests)
    return Asked([requests], [_units(corpus, text, n_scored)], remarks)


def _n_scored(request: Request) -> int:
    if isinstance(request, Continuation):
        return len(request.continuation)
    return len(request.ids) - 1


def ask_megatron(corpus: Corpus, rows: Sequence[Document], setting: Setting) -> Asked:
    """The file as one stream without end-of-text, in windows that move by 32 tokens."""
    text = corpus.whole(rows)
    ids = setting.vocabulary.encode(corpus.published(text) if corpus.published else text)
    requests = overlapping(ids, setting.n_ctx, min(_MEGATRON_STRIDE, setting.n_ctx))
    n_words = len(text.strip().split(" ")) - 1
    units = _units(corpus, text, len(ids) - 1)._replace(words=n_words)
    return Asked([requests], [units], Remarks())


def protocols(corpus: Corpus) -> tuple[Protocol, ...]:
    """The protocols under which a corpus can be read."""
    text = (
        "The file's text, de-tokenized by our invertible rules"
        if corpus.detokenizer
        else "The text as the file has it"
    )
    unit = {
        "word_perplexity": "per word of the file" + (", ends of lines included" if corpus.line_ends else ""),
        "token_perplexity": "per token",
        "bits_per_byte": "in bits per byte of the file",
        "bits_per_character": "in bits per character",
    }[corpus.headline]
    whole = "as one stream" if corpus.in_parts else "each document on its own"
    their = "de-tokenized by the harness's rules" if corpus.published else "as it is"
    return (
        Protocol(
            "paper",
            1,
            f"{text}, {whole} after the end-of-text token, in windows of the context length that overlap by "
            f"half; loss {unit}, scaled before the exponential (GPT-2 §3.1; windows are our choice).",
            partial(ask_paper, corpus),
            judge(corpus.headline),
        ),
        Protocol(
            "lm-eval",
            1,
            f"Each document after the end-of-text token, {their}, in disjoint windows of the context "
            "length; loss per word of the document as the file has it (lm-eval 0.4.13: wikitext).",
            partial(ask_lm_eval, corpus),
            judge("word_perplexity"),
        ),
        hf_strided(corpus, None, None),
        Protocol(
            "megatron",
            1,
            f"The file as one stream, {'de-tokenized by Megatron' if corpus.published else 'as it is'}, in "
            "windows of the context length that move by 32 tokens; loss per word between blanks "
            "(Megatron-LM@164204c).",
            partial(ask_megatron, corpus),
            judge("word_perplexity"),
        ),
    )


def hf_strided(corpus: Corpus, stride: int | None, window: int | None) -> Protocol:
    """Hugging Face's way, with a stride and a window of one's own; None: the context length."""
    return Protocol(
        "hf-strided",
        1,
        "Lines joined by two line breaks and nothing before them, in windows of "
        f"{window or 'the context length'}{' tokens' if window else ''} that move by "
        f"{f'{stride} tokens' if stride else 'their length'}, the first token unscored; loss per token "
        "(transformers: docs/source/en/perplexity.md).",
        partial(ask_hf, stride, window, corpus),
        judge("token_perplexity"),
    )
