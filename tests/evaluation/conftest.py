"""Fixtures of the evaluation tests: a tokenizer that needs no files, and answers made by hand."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from gpt_toolkit.evaluation.benchmark_metrics import Result
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.protocol import EvaluationProtocol, RequestSet
from gpt_toolkit.generation.requests import Answer, Continuation, Prompt, Request
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

Texts = list[list[list[str]]]


@pytest.fixture
def context() -> Context:
    """Return a context with bytes as tokens, so that requests can be read and nothing is truncated."""
    return Context(load_tokenizer("bytes"), n_ctx=1_000_000)


@pytest.fixture
def gpt2(shared_data: Path) -> Context:
    """Return a context with GPT-2's tokenizer and context length."""
    return Context(tokenizer(shared_data / "tokenizers" / "gpt2"), n_ctx=1024)


@pytest.fixture
def gpt1(shared_data: Path) -> Context:
    """Return a context with GPT-1's tokenizer and context length."""
    return Context(tokenizer(shared_data / "tokenizers" / "gpt1"), n_ctx=512)


@cache
def tokenizer(folder: Path) -> Tokenizer:
    """Load a tokenizer, once."""
    return load_tokenizer(folder)


def shown(context: Context, request: Request) -> list[str]:
    """Decode the parts of a request."""
    decode = context.tokenizer.decode
    if isinstance(request, Continuation):
        return [decode(list(request.context)), decode(list(request.continuation))]
    return [decode(list(request.ids))]


def texts_of(context: Context, built: RequestSet) -> Texts:
    """Return the texts of all requests, by example."""
    return [[shown(context, request) for request in row] for row in built.requests]


def result_of(
    protocol: EvaluationProtocol, built: RequestSet, answer: Callable[[int, int], Answer]
) -> Result:
    """Score answers that are a function of the example's number and the request's number in it."""
    answers = [[answer(i, k) for k in range(len(row))] for i, row in enumerate(built.requests)]
    return protocol.compute_metrics(built.references, answers)


def by_name(protocols: Sequence[EvaluationProtocol], name: str) -> EvaluationProtocol:
    """Return the protocol with a name and version."""
    return next(protocol for protocol in protocols if str(protocol) == name)


def written(text: str) -> Answer:
    """Return a generated answer."""
    return Answer(-1.0, 1, text=text)


def stops(request: Request) -> tuple[str, ...]:
    """Return where a generated answer ends."""
    assert isinstance(request, Prompt)
    return request.stop
