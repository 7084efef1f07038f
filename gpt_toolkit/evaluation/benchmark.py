"""Benchmarks, and the scores of a model on a benchmark under one protocol."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from gpt_toolkit.evaluation.benchmark_metrics import Result
from gpt_toolkit.evaluation.items import Items
from gpt_toolkit.evaluation.protocol import EvaluationProtocol, RequestSet
from gpt_toolkit.generation.requests import Answer

ItemSource: TypeAlias = Callable[[Path | None, int | None, bool], Items]
"""Function of root, limit and check that reads items; see :meth:`Benchmark.read`."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of one of the papers, or your own.

    Args:
        name: Name of the benchmark.
        section: Section of the paper.
        source: Function that reads its items.
        protocols: Protocols, the paper's first.
    """

    name: str
    section: str
    source: ItemSource
    protocols: tuple[EvaluationProtocol, ...]

    def read(self, root: Path | None = None, limit: int | None = None, *, check: bool = True) -> Items:
        """Read the first items.

        Args:
            root: Folder of files; None: the hub, or nothing if none is needed.
            limit: Largest number of items.
            check: Raise if a file is not a known one.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the content of a file is not as expected.
        """
        return self.source(root, limit, check)

    def protocol(self, spec: str) -> EvaluationProtocol | None:
        """Return the protocol of a name with or without its version; None if this benchmark has no such one.

        ``hf-strided-1:512`` has its own stride, ``hf-strided-1:512:1024`` its own window too.
        """
        name, *numbers = spec.split(":")
        found = next((p for p in self.protocols if name in (p.name, str(p))), None)
        return found.with_windows(numbers, spec) if found and numbers else found


@dataclass(frozen=True)
class Evaluation:
    """A benchmark under one protocol: its requests, and the scores of their answers.

    Attributes:
        statement: Statement of the protocol, with the settings in use.
        n_examples: Number of examples in context.
        warnings: What a user should know of items and requests.
    """

    benchmark: Benchmark
    protocol: EvaluationProtocol
    items: Items
    request_set: RequestSet
    statement: str
    n_examples: int
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of benchmark and protocol, such as ``lambada/paper-1``."""
        return f"{self.benchmark.name}/{self.protocol}"

    @property
    def counts(self) -> str:
        """Number of items that are scored, and of those that are left out, by reason."""
        left_out = [f"{n:,} left out: {reason}" for reason, n in self.items.left_out.items()]
        return "; ".join([f"{len(self.items.items):,} scored", *left_out])

    @property
    def n_requests(self) -> int:
        """Number of requests."""
        return sum(map(len, self.request_set.requests))

    def result(self, answers: Mapping[int, Answer]) -> Result:
        """Compute metrics and the result of every item.

        Args:
            answers: Answers to all requests, by the number of the request among those of this evaluation.

        Raises:
            ValueError: If a request has no answer.
        """
        numbers = range(self.n_requests)
        missing = sum(number not in answers for number in numbers)
        if missing:
            raise ValueError(
                f"{self.name}: {missing:,} of {len(numbers):,} requests without an answer; expected all; to "
                "score fewer items, set the data's limit, not the Trainer's"
            )
        given = (answers[number] for number in numbers)
        by_item = [[next(given) for _ in requests] for requests in self.request_set.requests]
        scores, items = self.protocol.compute_metrics(self.request_set.references, by_item)
        benchmark, protocol = self.benchmark.name, str(self.protocol)
        return Result([replace(score, benchmark=benchmark, protocol=protocol) for score in scores], items)

    def records(self, result: Result) -> Iterator[dict[str, Any]]:
        """Yield the items of a result as plain JSON values; those of your own files with file and line.

        ``item`` is a checksum of the item, by which the results of two models are paired. Running text that
        is divided in another way than its file has the checksum of the whole.
        """
        names = {"benchmark": self.benchmark.name, "protocol": str(self.protocol)}
        shown = {"statement": self.statement} if self.n_examples else {}
        items: Sequence[Any] = self.items.items
        if len(items) != len(result.items):
            items = [items] * len(result.items)
        for number, (item, fields) in enumerate(zip(items, result.items, strict=True)):
            place = {"record": item.where} if getattr(item, "where", "") else {}
            checksum = hashlib.sha256(repr(item).encode()).hexdigest()[:8]
            yield {**names, **shown, "row": number, "item": checksum, **place, **fields}
