"""What a protocol is: which text, which tokens, which normalizer and which metric make a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from gpt_toolkit.batches import Answer, Request
from gpt_toolkit.evaluation.build_requests import Remarks, Setting


class Asked(NamedTuple):
    """The requests of a benchmark.

    Attributes:
        rows: Requests of each row, in the order of the rows; a stream of text is one row.
        notes: What the judge must know of each row.
        remarks: What happened to rows on the way.
    """

    rows: list[list[Request]]
    notes: list[Any]
    remarks: Remarks


class Metric(NamedTuple):
    """A number and how sure it is.

    Attributes:
        name: Name and unit.
        value: The number.
        interval: Half-width of the 95% interval; NaN where there is none.
        n: Rows, or units of text, behind it.
        chance: What guessing gives; NaN where that has no meaning.
    """

    name: str
    value: float
    interval: float
    n: int
    chance: float


class Judgement(NamedTuple):
    """What the answers are worth.

    Attributes:
        metrics: The protocol's own number first.
        rows: Of each row what was decided, as plain JSON values.
    """

    metrics: list[Metric]
    rows: list[dict[str, Any]]


Ask: TypeAlias = Callable[[Sequence[Any], Setting], Asked]
Judge: TypeAlias = Callable[[Asked, Sequence[Sequence[Answer]]], Judgement]


@dataclass(frozen=True)
class Protocol:
    """How one benchmark becomes one number.

    Args:
        name: Whose protocol it is.
        version: Raised when the same answers would give another number.
        statement: One sentence for users: which text, tokens, normalizer and metric.
        ask: Makes the requests of the rows.
        judge: Makes the numbers of the answers, which come by row.
    """

    name: str
    version: int
    statement: str
    ask: Ask
    judge: Judge

    def __str__(self) -> str:
        return f"{self.name}-{self.version}"
