"""Requests to a model and the answers to them: score a continuation, score a text, write a text."""

from collections.abc import Iterator
from typing import NamedTuple, Self, TypeAlias


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

    @property
    def n_scored(self) -> int:
        """Number of tokens that are scored."""
        return len(self.continuation)


class RunningText(NamedTuple):
    """A request for the likelihood of a text that is read in windows.

    A window ends every ``stride`` tokens and scores the tokens that no earlier window has scored. It reads up
    to ``window`` tokens; those scored before are its context. A long text may be divided into requests.

    Attributes:
        ids: Token ids; all but the first are scored, each once.
        window: Inputs of a window, at most the context length.
        stride: Tokens by which windows move; equal to ``window`` for windows that do not overlap.
        n_context: First input whose next token is scored; 0 at the beginning of a text.
    """

    ids: tuple[int, ...]
    window: int
    stride: int
    n_context: int = 0

    @property
    def n_scored(self) -> int:
        """Number of tokens that are scored."""
        return max(0, len(self.ids) - 1 - self.n_context)

    def windows(self) -> Iterator[tuple[int, int, int]]:
        """Yield the first input, the end of the inputs and the first scored input of each window.

        Input ``i`` predicts token ``i + 1``. Windows end every ``stride`` inputs and reach back ``window``
        inputs, or to the beginning of the text.
        """
        n_inputs, scored = len(self.ids) - 1, self.n_context
        while scored < n_inputs:
            end = min(scored + (self.window if scored == 0 else self.stride), n_inputs)
            yield max(0, end - self.window), end, scored
            scored = end

    def divided(self, n_windows: int) -> list[Self]:
        """Return requests of at most ``n_windows`` windows each, which together have the windows of this."""
        windows = list(self.windows())
        if not windows:
            return [self]
        parts = []
        for number in range(0, len(windows), n_windows):
            (start, _, scored), (_, end, _) = windows[number], windows[number : number + n_windows][-1]
            parts.append(self._replace(ids=self.ids[start : end + 1], n_context=scored - start))
        return parts


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
