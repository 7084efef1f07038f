"""Any supervised dataset as text: its template, examples in context, the likeliest label (GPT-2 §2).

``prompt:rte`` is the dataset ``rte`` in the words of its template, ``prompt:storyworld:entailment`` one of
the built-in world, ``prompt:reviews.csv`` your own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.supervised import Example, SupervisedDataset, open_dataset
from gpt_toolkit.data.supervised.prompt_templates import PromptTemplate, prompt_template
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.benchmark_metrics import Result, Score, f1, matthews, pearson, spearman
from gpt_toolkit.evaluation.free_text import LINE_BREAK, metric_of_texts
from gpt_toolkit.evaluation.items import Items
from gpt_toolkit.evaluation.likelihood import highest, summed
from gpt_toolkit.evaluation.protocol import EvaluationContext, RequestSet, protocols_of
from gpt_toolkit.generation.requests import Answer, Request
from gpt_toolkit.records import ending

PREFIX: Final = "prompt:"
_SEPARATOR = "\n\n"  # tuned here: an empty line after each example
_POOL = 1000  # training examples to draw from; tuned here: the file need not be read to its end
_METRICS: Final[dict[str, Callable[[Sequence[int], Sequence[Any], TaskSpec], Score]]] = {
    "f1": lambda chosen, gold, spec: f1(chosen, gold, spec.answer_names, spec.f1_class),
    "matthews": lambda chosen, gold, spec: matthews(chosen, gold),
    "pearson": lambda chosen, gold, spec: pearson(chosen, gold),
    "spearman": lambda chosen, gold, spec: spearman(chosen, gold),
}


class PromptedExample(NamedTuple):
    """An example of a supervised dataset with the template that puts it into words."""

    example: Example
    prompt: PromptTemplate
    spec: TaskSpec

    def question(self) -> str:
        """Return the text up to the answer."""
        before, after, _ = self.prompt.texts(self.example)
        return before + after

    def answered(self) -> str:
        """Return the text with its answer."""
        return "".join(self.prompt.texts(self.example))

    def options(self) -> list[str]:
        """Return the possible answers, each with the space before it; empty if the answer is free."""
        targets = self.prompt.levels or range(len(self.prompt.words))
        return [self.prompt.texts(self.example._replace(target=target))[2] for target in targets]


def read_prompted(name: str, root: Path | None, limit: int | None) -> Items:
    """Read the first labeled examples of a dataset: of its validation split, else of its test split.

    A file of the user is read whole: nothing is trained on it.

    Args:
        name: Name of the dataset, as :func:`~gpt_toolkit.data.supervised.open_dataset` takes it.
        root: Folder of its files; None: the hub.
        limit: Largest number of examples.
    """
    dataset = open_dataset({"test": name} if ending(Path(name)) else name, root)
    split = next((name for name in ("val", "test") if name in dataset.splits), dataset.splits[0])
    left_out = Counter[str]()
    items = list(islice(_prompted(dataset, split, left_out), limit))
    if not items:
        raise ValueError(
            f"{name}: no example has an answer; expected labeled examples; check the label column"
        )

    def read_examples() -> list[PromptedExample]:
        if split == "train" or "train" not in dataset.splits:
            return []
        return list(islice(_prompted(dataset, "train", Counter()), _POOL))

    origin = f"{dataset.title}, {split}, {len(items):,} rows; template {items[0].prompt.template!r}"
    return Items(items, origin, dataset.notes(split), read_examples, "the training split", left_out)


def _prompted(dataset: SupervisedDataset, split: str, left_out: Counter[str]) -> Iterator[PromptedExample]:
    prompt: PromptTemplate | None = None
    for example in dataset.examples(split):
        prompt = prompt or prompt_template(dataset.spec, len(example.texts), dataset.prompt)
        if prompt.answer(example):
            yield PromptedExample(example, prompt, dataset.spec)
        else:
            left_out["without a label"] += 1


def build_requests(items: Sequence[PromptedExample], context: EvaluationContext) -> RequestSet:
    """Build a request for each label after the prompt, or for text if the answer is free."""
    texts = context.with_examples(
        items,
        PromptedExample.question,
        lambda example: example.answered() + _SEPARATOR,
    )
    requests: list[list[Request]] = []
    for item, text in zip(items, texts, strict=True):
        if options := item.options():
            requests.append(context.continuations(text, options))
        else:
            stop = () if "rouge" in item.spec.metrics else (LINE_BREAK,)  # a summary has several lines
            requests.append([context.prompt(text, max_new_tokens=item.spec.max_new_tokens, stop=stop)])
    return RequestSet(requests, list(items))


def compute_metrics(items: Sequence[PromptedExample], answers: Sequence[Sequence[Answer]]) -> Result:
    """Compute the dataset's own metrics, and the accuracy of datasets with labels."""
    words, spec = items[0].prompt.words, items[0].spec
    if not words:
        references = [item.prompt.references(item.example) for item in items]
        results = [metric_of_texts(name)(references, answers) for name in spec.metrics]
        return Result([score for result in results for score in result.scores], results[0].items)
    targets = [item.example.target or 0 for item in items]
    result = highest(summed)([items[0].prompt.label_index(target) for target in targets], answers)
    chosen = [item["chosen"] for item in result.items]
    own = [_METRICS[name](chosen, targets, spec) for name in spec.metrics if name in _METRICS]
    return Result([*own, *result.scores], result.items)


PROTOCOLS = protocols_of("prompt", {"prompt-1": (build_requests, compute_metrics)})


def supervised_benchmark(name: str) -> Benchmark:
    """Return the benchmark of a name that begins with ``prompt:``."""
    dataset = name.removeprefix(PREFIX)
    return Benchmark(
        name, "GPT-2 §2", lambda root, limit, check: read_prompted(dataset, root, limit), PROTOCOLS
    )
