"""From text to the token ids of requests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpt_toolkit.batches import Continuation, Prompt
from gpt_toolkit.tokenizers import Tokenizer


@dataclass
class Remarks:
    """What a user should know of the requests made, counted."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, remark: str, n: int = 1) -> None:
        """Count something that happened to a row."""
        self.counts[remark] = self.counts.get(remark, 0) + n

    def lines(self) -> list[str]:
        """One sentence each, the number first."""
        return [f"{n:,} {remark}" for remark, n in self.counts.items()]


@dataclass(frozen=True)
class Setting:
    """What all requests of a run have in common.

    Attributes:
        vocabulary: The model's tokenizer.
        n_ctx: Context length, in tokens.
        n_examples: Examples in context; None: what the protocol says.
        seed: Chooses the examples, and draws where answers are sampled.
        examples: Reads the rows to draw them from; none: the other rows of the benchmark.
    """

    vocabulary: Tokenizer
    n_ctx: int
    n_examples: int | None = None
    seed: int = 0
    examples: Callable[[], Sequence[Any]] = tuple


def split_ids(setting: Setting, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Token ids of a text, divided into those of its context and those to be scored.

    The whole text is encoded, so that the ids are those of the joint text; blanks at the end of the context
    belong to the continuation, and the context has as many ids as it would have alone (lm-eval 0.4.13:
    lm_eval/api/model.py). Where there is no context, the end of text stands for it.

    Raises:
        ValueError: If nothing is left to be scored.
    """
    stripped = context.rstrip()
    joined = context + continuation
    ids = setting.vocabulary.encode(joined)
    n = len(setting.vocabulary.encode(stripped)) if stripped else 0
    if not continuation.strip() or n >= len(ids):
        raise ValueError(
            f"The continuation {continuation!r} after {context[-40:]!r} has no token of its own: there is "
            "nothing to score. Check the row and the prompt's blanks."
        )
    return (ids[:n] if n else [setting.vocabulary.end_of_text]), ids[n:]


def continuation(
    setting: Setting,
    remarks: Remarks,
    context: str,
    text: str,
    excluded: frozenset[int] = frozenset(),
) -> Continuation:
    """Ask for the likelihood of a text after a context, cut to fit.

    The context loses its beginning where both are too long for the model; a text that is too long alone
    keeps its first ``n_ctx`` tokens. Both are counted.
    """
    before, scored = split_ids(setting, context, text)
    return fitted(setting, remarks, before, scored, excluded)


def alternatives(
    setting: Setting, remarks: Remarks, context: str, texts: Sequence[str]
) -> list[Continuation]:
    """Ask for the likelihood of each of several texts after one context, which is cut alike for all."""
    parts = [split_ids(setting, context, text) for text in texts]
    longest = min(setting.n_ctx, max(len(scored) for _, scored in parts))
    room = setting.n_ctx + 1 - longest
    if any(len(before) > room for before, _ in parts):
        remarks.add(f"rows lost their context's beginning to fit into {setting.n_ctx} tokens")
    return [fitted(setting, remarks, before[-room:], scored) for before, scored in parts]


def fitted(
    setting: Setting,
    remarks: Remarks,
    context: list[int],
    scored: list[int],
    excluded: frozenset[int] = frozenset(),
) -> Continuation:
    """A request of token ids, cut to fit as :func:`continuation` says."""
    if len(scored) > setting.n_ctx:
        remarks.add(f"continuations lost their end: only the first {setting.n_ctx} tokens are scored")
        scored = scored[: setting.n_ctx]
    room = setting.n_ctx + 1 - len(scored)  # the last token is never an input
    if len(context) > room:
        remarks.add(f"contexts lost their beginning to fit into {setting.n_ctx} tokens")
        context = context[-room:]
    return Continuation(tuple(context), tuple(scored), excluded)


def end_mark(setting: Setting) -> tuple[str, ...]:
    """How the end of a text looks in the model's answer; nothing where it is a blank, as GPT-1's."""
    mark = setting.vocabulary.decode([setting.vocabulary.end_of_text])
    return (mark,) if mark.strip() else ()


def prompt(
    setting: Setting,
    remarks: Remarks,
    text: str,
    *,
    max_new_tokens: int,
    stop: tuple[str, ...] = (),
    top_k: int = 1,
    seed: int = 0,
) -> Prompt:
    """Ask how a text goes on; it loses its beginning where text and answer are too long for the model."""
    ids = setting.vocabulary.encode(text) or [setting.vocabulary.end_of_text]
    max_new_tokens = min(max_new_tokens, max(1, setting.n_ctx // 2))
    stop = (*stop, *end_mark(setting))
    room = setting.n_ctx - max_new_tokens
    if len(ids) > room:
        remarks.add(f"prompts lost their beginning to fit into {setting.n_ctx} tokens with the answer")
        ids = ids[-room:]
    return Prompt(tuple(ids), max_new_tokens, stop, top_k, seed)
