"""Protocols: how the items of a benchmark become requests, and how the answers become metrics.

The catalogue of all protocols with their versions and descriptions is ``protocols.yaml``.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from gpt_toolkit.evaluation.benchmark_metrics import Result
from gpt_toolkit.generation.requests import Answer, Continuation, Prompt, Request
from gpt_toolkit.tokenizers import Tokenizer
from gpt_toolkit.yaml_files import read_yaml

Item = TypeVar("Item")

EXAMPLES = "{examples}"
"""Place of the number of examples in a statement."""


@dataclass(frozen=True)
class EvaluationContext:
    """Settings shared by all requests of a benchmark, and the functions that build requests from text.

    Attributes:
        tokenizer: The model's tokenizer.
        n_ctx: Context length, in tokens.
        n_examples: Number of examples in context.
        seed: Seed of the choice of examples, and of sampled answers.
        examples: Items that examples are drawn from; empty: the benchmark's other items.
        examples_from: Where these items are, for the statement.
        warnings: Number of requests by what was changed to fit them into the context.
    """

    tokenizer: Tokenizer
    n_ctx: int
    n_examples: int = 0
    seed: int = 0
    examples: Sequence[Any] = ()
    examples_from: str = ""
    warnings: Counter[str] = field(default_factory=Counter)

    def split_ids(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a context and of the continuation to score.

        The whole text is encoded, so the ids are those of the joint text. Spaces at the end of the context
        belong to the continuation. The context has as many ids as it would have alone (lm-eval 0.4.13:
        lm_eval/api/model.py). The end-of-text token stands for an empty context.

        Raises:
            ValueError: If the continuation has no token.
        """
        stripped = context.rstrip()
        ids = self.tokenizer.encode(context + continuation)
        n = len(self.tokenizer.encode(stripped)) if stripped else 0
        if not continuation.strip() or n >= len(ids):
            raise ValueError(
                f"continuation {continuation!r} after {context[-40:]!r}: no token; expected at least one to "
                "score; check the item and the spaces of the prompt"
            )
        return (ids[:n] if n else [self.tokenizer.end_of_text]), ids[n:]

    def continuation(self, context: str, text: str, excluded: frozenset[int] = frozenset()) -> Continuation:
        """Build a request for the likelihood of a text after a context, truncated to fit."""
        context_ids, scored_ids = self.split_ids(context, text)
        return self.fitted(context_ids, scored_ids, excluded)

    def continuations(self, context: str, texts: Sequence[str]) -> list[Request]:
        """Build a request for each of several texts after one context, truncated alike for all."""
        parts = [self.split_ids(context, text) for text in texts]
        longest = min(self.n_ctx, max(len(scored) for _, scored in parts))
        limit = self.n_ctx + 1 - longest
        if any(len(before) > limit for before, _ in parts):
            self.warnings[f"items lost the beginning of their context to fit into {self.n_ctx} tokens"] += 1
        return [self.fitted(before[-limit:], scored) for before, scored in parts]

    def fitted(
        self, context: list[int], scored: list[int], excluded: frozenset[int] = frozenset()
    ) -> Continuation:
        """Build a request from token ids, truncated to fit, and count the truncations.

        The context loses its beginning. Scored ids that are too long alone keep the first ``n_ctx``.
        """
        if len(scored) > self.n_ctx:
            self.warnings[f"continuations lost their end: only the first {self.n_ctx} tokens are scored"] += 1
            scored = scored[: self.n_ctx]
        limit = self.n_ctx + 1 - len(scored)  # the last token is never an input
        if len(context) > limit:
            self.warnings[f"contexts lost their beginning to fit into {self.n_ctx} tokens"] += 1
            context = context[-limit:]
        return Continuation(tuple(context), tuple(scored), excluded)

    def prompt(self, text: str, *, max_new_tokens: int, stop: tuple[str, ...] = ()) -> Prompt:
        """Build a request for greedy text after a prompt, which loses its beginning if it is too long."""
        ids = self.tokenizer.encode(text) or [self.tokenizer.end_of_text]
        if max_new_tokens > (longest := max(1, self.n_ctx // 2)):
            self.warnings[f"answers have at most {longest} tokens instead of {max_new_tokens}"] += 1
            max_new_tokens = longest
        limit = self.n_ctx - max_new_tokens
        if len(ids) > limit:
            self.warnings[
                f"prompts lost their beginning to fit into {self.n_ctx} tokens with the answer"
            ] += 1
            ids = ids[-limit:]
        return Prompt(tuple(ids), max_new_tokens, (*stop, *self.end_of_text))

    def with_examples(
        self,
        items: Sequence[Item],
        ask: Callable[[Item], str],
        answered: Callable[[Item], str],
    ) -> list[str]:
        """Return the text of each item after its examples.

        Args:
            items: The items.
            ask: Returns the text of an item.
            answered: Returns the text of an example, with its answer and a separator.
        """
        examples = examples_for(self.examples or items, self.n_examples, self.seed)
        return [
            "".join(map(answered, examples(-1 if self.examples else number))) + ask(item)
            for number, item in enumerate(items)
        ]

    @property
    def end_of_text(self) -> tuple[str, ...]:
        """Tokens that end a text, as stop strings; without those that decode to a space, as for GPT-1."""
        texts = (self.tokenizer.decode([i]) for i in self.tokenizer.end_ids)
        return tuple(text for text in texts if text.strip())


def examples_for(items: Sequence[Item], n: int, seed: int) -> Callable[[int], list[Item]]:
    """Return a function from the index of an item to its examples in context.

    The examples are the same for all items, but never the item itself. One more than needed is drawn; it
    takes the place of an example that is the item.
    """
    drawn = random.Random(seed).sample(range(len(items)), min(n + 1, len(items)))

    def examples(index: int) -> list[Item]:
        return [items[i] for i in drawn if i != index][:n]

    return examples


class RequestSet(NamedTuple):
    """The requests of a benchmark.

    Attributes:
        requests: Requests of each item, in the order of the items. A stream of text is one item.
        references: What scoring needs to know of each item, such as the right answer.
    """

    requests: list[list[Request]]
    references: list[Any]


BuildRequests: TypeAlias = Callable[[Sequence[Any], EvaluationContext], RequestSet]
ComputeMetrics: TypeAlias = Callable[[Sequence[Any], Sequence[Sequence[Answer]]], Result]
Steps: TypeAlias = tuple[BuildRequests, ComputeMetrics]
"""The two functions of a protocol; see :class:`EvaluationProtocol`."""


@dataclass(frozen=True)
class EvaluationProtocol(ABC):
    """A way to turn a benchmark into a number.

    Args:
        name: Author of the protocol, such as ``paper`` or ``lm-eval``.
        version: Raised whenever the same answers would give another number.
        statement: Description for users: text, tokens, normalizer, metric and source.
        n_examples: Number of examples in context unless the user chooses another; None: it cannot have any.
    """

    name: str
    version: int
    statement: str
    n_examples: int | None = None

    def describe(self, context: EvaluationContext) -> str:
        """Return the statement with the number of examples in use."""
        n = context.n_examples
        source = context.examples_from if context.examples else "the others"
        shown = (
            f"{n} example{'s' * (n != 1)} drawn by seed {context.seed} from {source}" if n else "no examples"
        )
        return self.statement.replace(EXAMPLES, shown, 1)

    @abstractmethod
    def build_requests(self, items: Sequence[Any], context: EvaluationContext) -> RequestSet:
        """Build the requests of a benchmark's items."""

    @abstractmethod
    def compute_metrics(self, references: Sequence[Any], answers: Sequence[Sequence[Answer]]) -> Result:
        """Compute metrics from the references and the answers of each item."""

    def with_windows(self, numbers: Sequence[str], spec: str) -> EvaluationProtocol | None:
        """Return this protocol with the windows that ``spec`` ends in; None if it cannot have them."""
        return None

    def __str__(self) -> str:
        return f"{self.name}-{self.version}"


@dataclass(frozen=True)
class ItemProtocol(EvaluationProtocol):
    """A protocol of a benchmark with items, made of two functions.

    Args:
        steps: Function that builds requests, and function that computes metrics.
    """

    steps: Steps = field(kw_only=True)

    def build_requests(self, items: Sequence[Any], context: EvaluationContext) -> RequestSet:
        return self.steps[0](items, context)

    def compute_metrics(self, references: Sequence[Any], answers: Sequence[Sequence[Answer]]) -> Result:
        return self.steps[1](references, answers)


def protocols_of(family: str, steps: Mapping[str, Steps], **words: str) -> tuple[EvaluationProtocol, ...]:
    """Return the protocols of a family of ``protocols.yaml`` with the functions that implement them.

    Args:
        family: Key in ``protocols.yaml``.
        steps: Functions by name and version of the protocol, the paper's first.
        **words: Values of the fields of the statements.
    """
    return tuple(protocol_of(family, key, functions, **words) for key, functions in steps.items())


def protocol_of(family: str, key: str, steps: Steps, **words: str) -> ItemProtocol:
    """Return the protocol of a family and a key, which is name and version."""
    name, _, version = key.rpartition("-")
    entry = catalogue()[family][key]
    entry = {"statement": entry} if isinstance(entry, str) else entry
    statement = entry["statement"].format(examples=EXAMPLES, **words)
    return ItemProtocol(name, int(version), statement, entry.get("n_examples"), steps=steps)


@cache
def catalogue() -> dict[str, Any]:
    """Read ``protocols.yaml``."""
    return dict(read_yaml(Path(__file__).with_name("protocols.yaml")))
