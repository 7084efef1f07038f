"""Data of a run as text: what was read, its vocabulary, and the first examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.data.supervised.inspect_examples import show_tokens
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.generation.requests import Continuation, Request, RunningText
from gpt_toolkit.tokenizers import Tokenizer

N_EXAMPLES = 2
"""Examples shown of each dataset; tuned here: two labels may differ, more would hide the rest."""


def vocabulary_line(vocabulary: Tokenizer) -> str:
    """Return size, name and fingerprint."""
    name = getattr(vocabulary, "name", "")
    prefix = f"{name}, " if name else ""
    return f"{prefix}{vocabulary.vocab_size:,} token ids, fingerprint {vocabulary.fingerprint}"


def data_lines(data: Any) -> Iterator[str]:
    """Yield what was read, split by split, and where it is cached; after ``setup``."""
    if isinstance(data, CorpusDataModule):
        yield from _corpus_lines(data)
    elif isinstance(data, SupervisedDataModule | ZeroShotDataModule):
        yield from data.summary().splitlines()
    elif isinstance(data, PromptsDataModule):
        longest = max(len(data.vocabulary.encode(prompt)) for prompt in data.prompts)
        yield f"{data.summary()}, the longest {longest:,} tokens"
    else:
        yield type(data).__name__


def _corpus_lines(data: CorpusDataModule) -> Iterator[str]:
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


def first_examples(data: Any) -> Iterator[str]:
    """Yield the first examples as text; after ``setup``."""
    if isinstance(data, CorpusDataModule):
        window = data.train_dataloader().dataset[0]["input_ids"][0].tolist()
        yield "first training window, a bar between two tokens:"
        yield f"  {show_tokens(window, data.vocabulary)}"
        yield "  loss on every token, each predicted from those before it"
    elif isinstance(data, SupervisedDataModule):
        yield "first examples, a bar between two tokens:"
        for example in data.rows(N_EXAMPLES):
            yield from (f"  {line}" for line in example.splitlines())
        if data.n_special_tokens:
            yield "  a head reads the state of <extract>; the auxiliary loss is on every token but <start>"
    elif isinstance(data, ZeroShotDataModule):
        yield "first request of each, a bar between two tokens:"
        for name, evaluation in data.evaluations.items():
            request = next((one for requests in evaluation.request_set.requests for one in requests), None)
            if request is not None:
                yield f"  {name}: {_describe_request(request, data.vocabulary)}"
    elif isinstance(data, PromptsDataModule):
        yield "first prompts, a bar between two tokens:"
        for prompt in data.prompts[:N_EXAMPLES]:
            yield f"  {show_tokens(data.vocabulary.encode(prompt), data.vocabulary)}"


def _describe_request(request: Request, vocabulary: Tokenizer) -> str:
    if isinstance(request, Continuation):
        context = show_tokens(request.context, vocabulary)
        return f"after {context}  how likely is  {show_tokens(request.continuation, vocabulary)}"
    if isinstance(request, RunningText):
        windows = f"windows of {request.window:,} that move by {request.stride:,}"
        return f"{len(request.ids):,} tokens in {windows}: {show_tokens(request.ids, vocabulary)}"
    return f"generate {request.max_new_tokens:,} tokens after {show_tokens(request.ids, vocabulary)}"
