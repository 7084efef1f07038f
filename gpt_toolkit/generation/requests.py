"""Requests to a model and the answers to them: score a continuation, score a text, write a text."""

from typing import NamedTuple, TypeAlias


class Continuation(NamedTuple):
    """A request for the likelihood of a continuation, and whether greedy decoding gives it.

    Attributes:
        context: Token ids before the continuation; at least one.
        continuation: Token ids to score, each given all before it.
        excluded: Ids that greedy decoding may not choose as the first token, such as stop words.
    """

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    excluded: frozenset[int] = frozenset()


class RunningText(NamedTuple):
    """A request for the likelihood of a text that is read in windows.

    A window ends every ``stride`` tokens and scores the tokens that no earlier window has scored. It reads up
    to ``window`` tokens; those scored before are its context.

    Attributes:
        ids: Token ids; all but the first are scored, each once.
        window: Inputs of a window, at most the context length.
        stride: Tokens by which windows move; equal to ``window`` for windows that do not overlap.
    """

    ids: tuple[int, ...]
    window: int
    stride: int


class Prompt(NamedTuple):
    """A request for the text that follows a prompt.

    Attributes:
        ids: Token ids of the prompt, at least one.
        max_new_tokens: Longest answer.
        stop: Strings; the answer ends before the first of them.
        top_k: Number of likeliest tokens to draw from; 1 is greedy.
        seed: Seed of the draws.
    """

    ids: tuple[int, ...]
    max_new_tokens: int
    stop: tuple[str, ...] = ()
    top_k: int = 1
    seed: int = 0


Request: TypeAlias = Continuation | RunningText | Prompt
"""A request of any kind."""


class Answer(NamedTuple):
    """A model's answer to a request.

    Attributes:
        log_probability: Sum of the natural-log probabilities of all scored or generated tokens.
        n_scored: Number of these tokens.
        is_greedy: True if greedy decoding gives the continuation; False for other requests.
        text: Generated text; "" for other requests.
        last_is_greedy: True if the continuation's last token is the likeliest at its position.
    """

    log_probability: float
    n_scored: int
    is_greedy: bool = False
    text: str = ""
    last_is_greedy: bool = False
