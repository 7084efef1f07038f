"""ZeroShotDataModule: benchmarks as batches of requests (GPT-2 §3, GPT-1 §5)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
from lightning.pytorch import LightningDataModule

from gpt_toolkit.data.step_loader import BatchLoader, ReadyBatches, StepSampler, StepShare, step_share
from gpt_toolkit.evaluation.benchmark import Evaluation
from gpt_toolkit.evaluation.items import Items
from gpt_toolkit.evaluation.protocol import EvaluationContext, EvaluationProtocol
from gpt_toolkit.evaluation.registry import find, pairs
from gpt_toolkit.generation.requests import Continuation, Prompt, Request, RunningText
from gpt_toolkit.tokenizers import Tokenizer
from gpt_toolkit.tokenizers.loading import load_tokenizer


class RequestBatch(TypedDict):
    """Requests of one benchmark under one protocol, all of one kind.

    Attributes:
        name: Benchmark and protocol, such as ``lambada/paper-1``.
        numbers: Number of each request among those of this benchmark and protocol.
        requests: The requests.
        repeated: Whether another rank answers the same requests.
    """

    name: str
    numbers: list[int]
    requests: list[Request]
    repeated: NotRequired[bool]


class ZeroShotDataModule(LightningDataModule):
    """Benchmarks as requests to a model that was not trained on them (GPT-2 §3, GPT-1 §5).

    Args:
        benchmarks: Names of benchmarks, of groups (``gpt2``, ``gpt1``, ``modern``, ``core``, ``storyworld``),
            your own YAML files, or ``prompt:SET`` for a supervised dataset as text.
        protocols: Names of protocols, with or without their version; None: all that apply to a benchmark.
        root: Folder of the benchmarks' files; None: the hub. ``storyworld`` needs neither.
        tokenizer: Name or folder of the model's tokenizer; None: the command line takes the model's.
        n_ctx: Context length of the model, in tokens; None: the command line takes the model's.
        batch_size: Requests in a batch of a device; the task chooses how many it reads at once.
        limit: Largest number of items of each benchmark; for ``storyworld`` the exact number.
        n_examples: Number of examples in context, for benchmarks that have them; None: the protocol's.
        seed: Seed of the choice of examples, and of sampled answers.
        check_files: Raise if a file is not a published variant, by checksum or size.
    """

    vocabulary: Tokenizer

    def __init__(
        self,
        benchmarks: list[str] | str = "storyworld",
        protocols: list[str] | None = None,
        root: str | None = None,
        tokenizer: str | None = None,
        n_ctx: int | None = None,
        batch_size: int = 128,
        limit: int | None = None,
        n_examples: int | None = None,
        seed: int = 0,
        check_files: bool = True,
    ) -> None:
        super().__init__()
        names = [benchmarks] if isinstance(benchmarks, str) else list(benchmarks)
        self._pairs = pairs(find(names), protocols)
        self.root = None if root is None else Path(root).expanduser()
        self.tokenizer, self.n_ctx, self.batch_size = tokenizer, n_ctx, batch_size
        self.limit, self.n_examples, self.seed, self.check_files = limit, n_examples, seed, check_files
        self._items: dict[str, Items] = {}
        self._evaluations: dict[str, Evaluation] = {}
        problems = [] if names else ["benchmarks: empty; expected at least one"]
        for name, least in (("n_ctx", 2), ("batch_size", 1), ("limit", 1), ("n_examples", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                problems.append(f"{name}: {value}; expected at least {least}")
        if problems:
            raise ValueError(f"ZeroShotDataModule: {'; '.join(problems)}")

    def prepare_data(self) -> None:
        """Read all items, so that one process downloads what comes from the hub."""
        self._read()

    def _read(self) -> dict[str, Items]:
        """Read the items of each benchmark, once; list all missing files together."""
        if self._items:
            return self._items
        items: dict[str, Items] = {}
        missing = []
        for benchmark in {benchmark.name: benchmark for benchmark, _ in self._pairs}.values():
            try:
                items[benchmark.name] = benchmark.read(self.root, self.limit, check=self.check_files)
            except FileNotFoundError as error:
                missing.append(str(error))
        if missing:
            raise FileNotFoundError("\n".join(missing))
        self._items = items
        return items

    def setup(self, stage: str | None = None) -> None:
        """Build the requests, once: the Trainer calls this for every stage, and all have the same requests.

        Args:
            stage: Ignored.

        Raises:
            FileNotFoundError: If files are missing; lists all of them.
            ValueError: If a file or an item is not as expected, or the tokenizer or n_ctx is missing.
        """
        if self._evaluations:
            return
        if self.tokenizer is None or self.n_ctx is None:
            missing = [name for name in ("tokenizer", "n_ctx") if getattr(self, name) is None]
            raise ValueError(
                f"ZeroShotDataModule: no {' and '.join(missing)}; expected the model's; give them, or "
                "--model.init_from, from which the command line takes them"
            )
        self.vocabulary = load_tokenizer(self.tokenizer)
        items = self._read()
        evaluations: dict[str, Evaluation] = {}
        for benchmark, protocol in self._pairs:
            found = items[benchmark.name]
            if not found.items:
                raise ValueError(f"{benchmark.name}: no rows in {found.origin}; expected at least one")
            n_examples, examples, warnings = self._examples(protocol, found)
            context = EvaluationContext(
                self.vocabulary, self.n_ctx, n_examples, self.seed, examples, found.examples_from
            )
            try:
                request_set = protocol.build_requests(found.items, context)
            except ValueError as error:
                raise ValueError(f"{benchmark.name}/{protocol}: {error}") from error
            counted = (f"{n:,} {warning}" for warning, n in context.warnings.items())
            warnings = (*found.warnings, *counted, *warnings)
            statement = protocol.describe(context)
            evaluation = Evaluation(benchmark, protocol, found, request_set, statement, n_examples, warnings)
            evaluations[evaluation.name] = evaluation
        self._evaluations = evaluations

    def _examples(
        self, protocol: EvaluationProtocol, items: Items
    ) -> tuple[int, Sequence[Any], tuple[str, ...]]:
        """Return the number of examples in context, the items to draw from if given apart, and warnings."""
        if protocol.n_examples is None:
            useless = f"shows no examples: n_examples {self.n_examples} has no effect on it"
            return 0, (), (useless,) if self.n_examples else ()
        n = protocol.n_examples if self.n_examples is None else self.n_examples
        examples = items.read_examples() if n else ()
        available = len(examples) or len(items.items) - 1
        if n > available and self.n_examples is not None:
            raise ValueError(
                f"n_examples: {n}; expected at most {available}, the number of other items; lower n_examples "
                "or raise the limit"
            )
        too_few = f"shows {available} examples instead of {n}: there are no more"
        return min(n, available), examples, (too_few,) if n > available else ()

    @property
    def evaluations(self) -> Mapping[str, Evaluation]:
        """Evaluations by benchmark and protocol; available after ``setup``."""
        if not self._evaluations:
            raise RuntimeError("ZeroShotDataModule: not set up; expected a call of setup() before")
        return self._evaluations

    def summary(self) -> str:
        """Return the origin, the protocol and the warnings of each evaluation; available after ``setup``."""
        lines = []
        for name, evaluation in self.evaluations.items():
            counts = f"{evaluation.counts}, {evaluation.n_requests:,} requests"
            lines.append(f"{name}: {evaluation.items.origin}; {counts}")
            lines.append(f"  {evaluation.statement}")
            lines += [f"  {warning}" for warning in evaluation.warnings]
        return "\n".join(lines)

    def val_dataloader(self) -> BatchLoader:
        """Return all requests once, in batches of one benchmark, protocol and kind, the longest first."""
        share = step_share(self.trainer, self.batch_size, training=False)
        batches = RequestBatches(list(self.evaluations.values()), share)
        return BatchLoader(batches, batch_size=None, sampler=StepSampler(batches), collate_fn=_unchanged)

    test_dataloader = predict_dataloader = val_dataloader

    def transfer_batch_to_device(
        self, batch: RequestBatch, device: torch.device, dataloader_idx: int
    ) -> RequestBatch:
        """Return the batch: requests hold no tensors, and searching them takes longer than a short batch."""
        return batch


class RequestBatches(ReadyBatches):
    """The batches of requests of one rank; each request is in a batch of one rank.

    Requests of an item stay together, so that a shared context is read once.

    Args:
        evaluations: Evaluations with their requests.
        share: Number of requests in a batch, and which batches this rank reads.

    """

    def __init__(self, evaluations: Sequence[Evaluation], share: StepShare) -> None:
        super().__init__(share)
        batches = [batch for evaluation in evaluations for batch in _batches(evaluation, share.batch_size)]
        if len(batches) < share.world_size:  # the other ranks would wait forever for one without a batch
            batches = [batch for evaluation in evaluations for batch in _batches(evaluation, 1)]
        spare = share.world_size - len(batches)
        batches += [{**batch, "repeated": True} for batch in batches[:1] * spare]
        self._batches = batches[share.rank :: share.world_size]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> RequestBatch:
        return self._batches[index]


Numbered = tuple[int, Request]


def _batches(evaluation: Evaluation, batch_size: int) -> Iterator[RequestBatch]:
    """Yield batches of about this many requests; the requests of an item that has more are divided.

    Each window of a running text counts as a request.
    """
    groups: list[list[Numbered]] = []  # the requests of one kind of an item, at most a batch
    number = 0
    for requests in evaluation.request_set.requests:
        for kind, same_kind in groupby(enumerate(requests, number), key=_kind):
            group = list(same_kind)
            size = 1 if kind == RunningText.__name__ else batch_size
            groups += [group[i : i + size] for i in range(0, len(group), size)]
        number += len(requests)
    groups.sort(key=lambda group: (_kind(group[0]), -max(map(_length, group))))
    batch: list[Numbered] = []
    n_windows = 0
    for group in groups:
        other_kind = bool(batch) and _kind(batch[0]) != _kind(group[0])
        n_new = sum(map(_n_windows, group))
        if batch and (other_kind or n_windows + n_new > batch_size):
            yield _batch(evaluation, batch)
            batch, n_windows = [], 0
        batch, n_windows = batch + group, n_windows + n_new
    if batch:
        yield _batch(evaluation, batch)


def _batch(evaluation: Evaluation, numbered: Sequence[Numbered]) -> RequestBatch:
    numbers, requests = [number for number, _ in numbered], [request for _, request in numbered]
    return {"name": evaluation.name, "numbers": numbers, "requests": requests}


def _kind(numbered: Numbered) -> str:
    return type(numbered[1]).__name__


def _n_windows(numbered: Numbered) -> int:
    """Return the number of sequences that a request makes the model read."""
    _, request = numbered
    return -(-request.n_scored // request.stride) if isinstance(request, RunningText) else 1


def _length(numbered: Numbered) -> int:
    """Return the number of tokens to read or to write for a request."""
    _, request = numbered
    if isinstance(request, Continuation):
        return len(request.context) + len(request.continuation)
    if isinstance(request, Prompt):
        return len(request.ids) + request.max_new_tokens
    return len(request.ids)


def _unchanged(batch: Any) -> Any:
    return batch
