"""What the data of a config are: what was read, in which vocabulary, and the first of it in plain text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from lightning.pytorch import LightningDataModule

from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.data.supervised.inspect_rows import tokens_shown
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.generation.requests import Continuation, Request, RunningText
from gpt_toolkit.tokenizers import Tokenizer

ROWS_SHOWN = 2
"""Of each set; ours: two labels may differ, more would hide the rest of the report."""


@singledispatch
def data_lines(data: LightningDataModule) -> Iterator[str]:
    """What was read, split by split, and where it is kept; there after ``setup``."""
    yield type(data).__name__


@singledispatch
def first_lines(data: LightningDataModule) -> Iterator[str]:
    """The first of the data in plain text; there after ``setup``."""
    yield from ()


def vocabulary_line(vocabulary: Tokenizer) -> str:
    """Size, name and fingerprint."""
    name = getattr(vocabulary, "name", "")
    called = f"{name}, " if name else ""
    return f"{called}{vocabulary.vocab_size:,} token ids, fingerprint {vocabulary.fingerprint}"


@data_lines.register
def _(data: CorpusDataModule) -> Iterator[str]:
    cache = data.cache
    yield data.source().title
    for split in cache.splits:
        n = cache.n_tokens(split)
        yield (
            f"  {split}: {cache.n_documents(split):,} documents, {n:,} tokens "
            f"({cache.n_bytes(split) / 1e6:,.1f} MB of text, {cache.n_bytes(split) / max(1, n):.2f} bytes a "
            f"token), {n // data.n_ctx:,} windows of {data.n_ctx:,} tokens"
        )
    yield f"  token shards: {cache.folder}"


@first_lines.register
def _(data: CorpusDataModule) -> Iterator[str]:
    window = data.train_dataloader().dataset[0]["input_ids"][0].tolist()
    yield "first training window, a bar between two tokens:"
    yield f"  {tokens_shown(window, data.vocabulary)}"
    yield "  loss on every token, each predicted from those before it"


@data_lines.register
def _(data: SupervisedDataModule) -> Iterator[str]:
    yield from data.summary().splitlines()


@first_lines.register
def _(data: SupervisedDataModule) -> Iterator[str]:
    yield "first rows, a bar between two tokens:"
    for row in data.rows(ROWS_SHOWN):
        yield from (f"  {line}" for line in row.splitlines())
    if data.n_marks:
        yield "  a head reads the state of <extract>; the auxiliary loss is on every token but <start>"


@data_lines.register
def _(data: ZeroShotDataModule) -> Iterator[str]:
    yield from data.summary().splitlines()


@first_lines.register
def _(data: ZeroShotDataModule) -> Iterator[str]:
    yield "first request of each, a bar between two tokens:"
    for name, evaluation in data.evaluations.items():
        request = next((one for requests in evaluation.request_set.requests for one in requests), None)
        if request is not None:
            yield f"  {name}: {_asked(request, data.vocabulary)}"


def _asked(request: Request, vocabulary: Tokenizer) -> str:
    if isinstance(request, Continuation):
        context = tokens_shown(request.context, vocabulary)
        return f"after {context}  how likely is  {tokens_shown(request.continuation, vocabulary)}"
    if isinstance(request, RunningText):
        windows = f"windows of {request.window:,} that move by {request.stride:,}"
        return f"{len(request.ids):,} tokens in {windows}: {tokens_shown(request.ids, vocabulary)}"
    return f"go on for {request.max_new_tokens:,} tokens from {tokens_shown(request.ids, vocabulary)}"


@data_lines.register
def _(data: PromptsDataModule) -> Iterator[str]:
    longest = max(len(data.vocabulary.encode(prompt)) for prompt in data.prompts)
    yield f"{data.summary()}, the longest {longest:,} tokens"


@first_lines.register
def _(data: PromptsDataModule) -> Iterator[str]:
    yield "first prompts, a bar between two tokens:"
    for prompt in data.prompts[:ROWS_SHOWN]:
        yield f"  {tokens_shown(data.vocabulary.encode(prompt), data.vocabulary)}"
