"""Fixtures of the evaluation tests: a tokenizer that needs no files, and answers made by hand."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from gpt_toolkit.batches import Answer, Continuation, Prompt, Request
from gpt_toolkit.evaluation.build_requests import Setting
from gpt_toolkit.evaluation.protocol import Asked, Judgement, Protocol
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

Texts = list[list[list[str]]]


@pytest.fixture
def setting() -> Setting:
    """Bytes as tokens, so that requests can be read; nothing is ever cut."""
    return Setting(load_tokenizer("bytes"), n_ctx=1_000_000)


@pytest.fixture
def gpt2(shared_data: Path) -> Setting:
    """GPT-2's tokenizer and context length."""
    return Setting(tokenizer(shared_data / "tokenizers" / "gpt2"), n_ctx=1024)


@pytest.fixture
def gpt1(shared_data: Path) -> Setting:
    """GPT-1's tokenizer and context length."""
    return Setting(tokenizer(shared_data / "tokenizers" / "gpt1"), n_ctx=512)


@cache
def tokenizer(folder: Path) -> Tokenizer:
    """A tokenizer, read once."""
    return load_tokenizer(folder)


def shown(setting: Setting, request: Request) -> list[str]:
    """The text of a request's parts."""
    decode = setting.vocabulary.decode
    if isinstance(request, Continuation):
        return [decode(list(request.context)), decode(list(request.continuation))]
    return [decode(list(request.ids))]


def texts_of(setting: Setting, asked: Asked) -> Texts:
    """The text of all requests, by row."""
    return [[shown(setting, request) for request in row] for row in asked.rows]


def judged(protocol: Protocol, asked: Asked, answer: Callable[[int, int], Answer]) -> Judgement:
    """Judge answers that follow from the number of the row and of the request in it."""
    answers = [[answer(i, k) for k in range(len(row))] for i, row in enumerate(asked.rows)]
    return protocol.judge(asked, answers)


def by_name(protocols: Sequence[Protocol], name: str) -> Protocol:
    """The protocol of a name with its version."""
    return next(protocol for protocol in protocols if str(protocol) == name)


def written(text: str) -> Answer:
    """A generated answer."""
    return Answer(-1.0, 1, text=text)


def stops(request: Request) -> tuple[str, ...]:
    """Where a generated answer ends."""
    assert isinstance(request, Prompt)
    return request.stop
