"""Any supervised set as text: its template, examples in context, the likeliest label (GPT-2 §2).

``prompt:rte`` is the set ``rte`` in the words of ``data/templates/``; ``prompt:storyworld:entailment`` one of
the built-in world's, ``prompt:reviews.csv`` one of one's own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from gpt_toolkit.batches import Answer, TaskSpec
from gpt_toolkit.data.supervised import Example, SupervisedDataset, open_dataset
from gpt_toolkit.data.supervised.prompt_templates import PromptTemplate, nearest, prompt_template
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.benchmark_metrics import f1, matthews, pearson
from gpt_toolkit.evaluation.build_requests import Remarks, Setting, alternatives, prompt
from gpt_toolkit.evaluation.free_text import LINE_BREAK, examples_for, judge_texts
from gpt_toolkit.evaluation.item_sources import Rows
from gpt_toolkit.evaluation.multiple_choice import likeliest, summed
from gpt_toolkit.evaluation.protocol import Asked, Judgement, Metric, Protocol

PREFIX: Final = "prompt:"
_SEPARATOR = "\n\n"  # ours: an empty line after each example
_POOL = 1000  # training rows that examples are drawn from; ours: the file need not be read to its end
_METRICS: Final[dict[str, Callable[[str, Sequence[int], Sequence[Any]], Metric]]] = {
    "f1": f1,
    "matthews": matthews,
    "pearson": pearson,
}


class Worded(NamedTuple):
    """A row of a supervised set, and how the set is put into words."""

    example: Example
    prompt: PromptTemplate
    spec: TaskSpec

    def asked(self) -> str:
        """The text up to the answer."""
        before, after, _ = self.prompt.texts(self.example)
        return before + after

    def shown(self) -> str:
        """The text with its answer."""
        return "".join(self.prompt.texts(self.example))

    def options(self) -> list[str]:
        """What may be answered, each with the blank before it; empty where the answer is free."""
        labels = range(len(self.prompt.words))
        return [self.prompt.texts(self.example._replace(target=label))[2] for label in labels]


@dataclass(frozen=True)
class WordedSet:
    """Labelled rows of a set: for validation where it has such, else for the test.

    Args:
        entry: What :func:`~gpt_toolkit.data.supervised.open_dataset` takes.
    """

    entry: str

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Rows:
        """See :class:`~gpt_toolkit.evaluation.item_sources.RowSource`."""
        found = open_dataset(self.entry, root)
        split = next((name for name in ("val", "test") if name in found.splits), found.splits[0])
        rows = list(islice(_worded(found, split), limit))

        def examples() -> list[Worded]:
            apart = "train" in found.splits and split != "train"
            return list(islice(_worded(found, "train"), _POOL)) if apart else []

        origin = f"{found.title}, {split}, {len(rows):,} rows"
        return Rows(rows, origin, found.notes(split), examples)


def _worded(found: SupervisedDataset, split: str) -> Iterator[Worded]:
    words: PromptTemplate | None = None
    for example in found.examples(split):
        words = words or prompt_template(found.spec, len(example.texts), found.prompt)
        if words.answer(example):
            yield Worded(example, words, found.spec)


def ask(rows: Sequence[Worded], setting: Setting) -> Asked:
    """Each label after the row in words, or what the model writes there; examples in context before it."""
    remarks = Remarks()
    n = setting.n_examples or 0
    pool = setting.examples() if n else []
    draw = examples_for(pool or rows, n, setting.seed)
    requests: list[list[Any]] = []
    for number, row in enumerate(rows):
        examples = draw(-1 if pool else number)
        text = "".join(example.shown() + _SEPARATOR for example in examples) + row.asked()
        if options := row.options():
            requests.append(list(alternatives(setting, remarks, text, options)))
        else:
            stop = () if "rouge" in row.spec.metrics else (LINE_BREAK,)  # a summary has several lines
            longest = row.spec.max_new_tokens
            requests.append([prompt(setting, remarks, text, max_new_tokens=longest, stop=stop)])
    return Asked(requests, list(rows), remarks)


def judge(asked: Asked, answers: Sequence[Sequence[Answer]]) -> Judgement:
    """The set's own metrics, those of GPT-1's tables, and the accuracy."""
    rows: list[Worded] = asked.notes
    words, metrics = rows[0].prompt.words, rows[0].spec.metrics
    if not words:
        references = asked._replace(notes=[row.prompt.references(row.example) for row in rows])
        judgements = [judge_texts(name)(references, answers) for name in metrics]
        return Judgement([m for judgement in judgements for m in judgement.metrics], judgements[0].rows)
    targets = [row.example.target or 0 for row in rows]
    judgement = likeliest(summed)(
        asked._replace(notes=[nearest(target, len(words)) for target in targets]), answers
    )
    chosen = [row["chosen"] for row in judgement.rows]
    own = [_METRICS[name](name, chosen, targets) for name in metrics if name in _METRICS]
    return Judgement([*own, *judgement.metrics], judgement.rows)


PROTOCOL = Protocol(
    "prompt",
    1,
    "The row in the words of the set's template, after --n_examples rows of the training split (else of the "
    "other rows), drawn by the seed, each with its answer and an empty line; the likeliest of the label's "
    "words by summed log-probability, or where the answer is free what greedy decoding writes (GPT-2 §2; "
    "templates and examples are ours).",
    ask,
    judge,
)


def worded(name: str) -> Benchmark:
    """The benchmark of a name that begins with ``prompt:``."""
    return Benchmark(name, "GPT-2 §2", WordedSet(name.removeprefix(PREFIX)), (PROTOCOL,))
