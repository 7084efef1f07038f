"""ZeroShotDataModule: benchmarks as requests, and the numbers that the answers make (GPT-2 §3, GPT-1 §5)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule

from gpt_toolkit.batches import Answer, Continuation, Prompt, Request, RequestBatch, Score
from gpt_toolkit.data.step_loader import BatchLoader, ReadyBatches, StepSampler, step_share
from gpt_toolkit.data.window_order import StepShare
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.build_requests import Setting
from gpt_toolkit.evaluation.item_sources import Rows
from gpt_toolkit.evaluation.protocol import Asked, Judgement, Protocol
from gpt_toolkit.evaluation.registry import find, pairs
from gpt_toolkit.tokenizers import Tokenizer
from gpt_toolkit.tokenizers.loading import load_tokenizer


@dataclass(frozen=True)
class Evaluation:
    """A benchmark under one protocol: what is asked.

    Attributes:
        benchmark: The benchmark.
        protocol: The protocol.
        rows: Its rows.
        asked: Their requests.
        first: Number of its first request among those of all evaluations.
    """

    benchmark: Benchmark
    protocol: Protocol
    rows: Rows
    asked: Asked
    first: int

    @property
    def name(self) -> str:
        """Benchmark and protocol, as ``lambada/paper-1``."""
        return f"{self.benchmark.name}/{self.protocol}"

    @property
    def n_requests(self) -> int:
        """How many requests there are."""
        return sum(map(len, self.asked.rows))

    def remarks(self) -> list[str]:
        """What a user should know of rows and requests."""
        return [*self.rows.remarks, *self.asked.remarks.lines()]


class ZeroShotDataModule(LightningDataModule):
    """Benchmarks as requests to a model that was not trained on them (GPT-2 §3, GPT-1 §5).

    Args:
        benchmarks: Names of benchmarks, of groups (``gpt2``, ``gpt1``, ``storyworld``), one's own YAML
            files, or ``prompt:SET`` for a supervised set as text.
        protocols: Names of protocols, with or without their version; None: all that apply to a benchmark.
        root: Folder of the benchmarks' files; None: the hub. ``storyworld`` needs neither.
        tokenizer: Name or folder of the model's tokenizer; None: the command line takes the model's.
        n_ctx: Context length of the model, in tokens; None: the command line takes the model's.
        batch_size: Requests that a device is handed at once; how many it reads at once is the task's choice.
        limit: Rows of each benchmark, at most; of ``storyworld`` exactly.
        n_examples: Examples in context where a benchmark has them; None: what its protocol says.
        seed: Chooses the examples, and draws where answers are sampled.
        check_files: Refuse files that are no published variant, by checksum or size.
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
        self._evaluations: dict[str, Evaluation] = {}
        self._check(names)

    def _check(self, names: Sequence[str]) -> None:
        faults = [] if names else ["benchmarks is empty"]
        for name, least in (("n_ctx", 2), ("batch_size", 1), ("limit", 1), ("n_examples", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                faults.append(f"{name} is {value}; it must be at least {least}")
        if faults:
            raise ValueError(f"ZeroShotDataModule: {'; '.join(faults)}.")

    def prepare_data(self) -> None:
        """Read all rows once, so that what comes from the hub is downloaded by one process."""
        self._read()

    def _read(self) -> dict[str, Rows]:
        """Rows of each benchmark; every file that is missing is named at once."""
        rows: dict[str, Rows] = {}
        missing = []
        for benchmark in {benchmark.name: benchmark for benchmark, _ in self._pairs}.values():
            try:
                rows[benchmark.name] = benchmark.source.read(self.root, self.limit, check=self.check_files)
            except FileNotFoundError as error:
                missing.append(str(error))
        if missing:
            raise FileNotFoundError("\n".join(missing))
        return rows

    def setup(self, stage: str | None = None) -> None:
        """Make the requests.

        Args:
            stage: Not read: every stage asks the same.

        Raises:
            FileNotFoundError: If files are missing; all of them are named.
            ValueError: If a file or a row is not what is expected, or the tokenizer or n_ctx is missing.
        """
        if self.tokenizer is None or self.n_ctx is None:
            lacking = [name for name in ("tokenizer", "n_ctx") if getattr(self, name) is None]
            raise ValueError(
                f"ZeroShotDataModule: {' and '.join(lacking)} not given: give the model's, or run with "
                "--model.init_from, from which the command line takes them."
            )
        self.vocabulary = load_tokenizer(self.tokenizer)
        setting = Setting(self.vocabulary, self.n_ctx, self.n_examples, self.seed)
        rows = self._read()
        self._evaluations, first = {}, 0
        for benchmark, protocol in self._pairs:
            found = rows[benchmark.name]
            if not found.rows:
                raise ValueError(f"{benchmark.name}: {found.origin} holds no rows.")
            try:
                asked = protocol.ask(found.rows, replace(setting, examples=found.examples))
            except ValueError as error:
                raise ValueError(f"{benchmark.name}/{protocol}: {error}") from error
            evaluation = Evaluation(benchmark, protocol, found, asked, first)
            self._evaluations[evaluation.name] = evaluation
            first += evaluation.n_requests

    @property
    def evaluations(self) -> Mapping[str, Evaluation]:
        """What is asked, by benchmark and protocol; there after ``setup``."""
        if not self._evaluations:
            raise RuntimeError("ZeroShotDataModule: call setup() first.")
        return self._evaluations

    def judge(self, name: str, answers: Mapping[int, Answer]) -> list[Score]:
        """Scores of a benchmark under one protocol, from the answers to all its requests, by their number.

        Raises:
            ValueError: If there is no such evaluation, or a request has no answer.
        """
        benchmark, protocol = self._found(name).benchmark.name, str(self._found(name).protocol)
        return [Score(benchmark, protocol, *metric) for metric in self._judged(name, answers).metrics]

    def records(self, name: str, answers: Mapping[int, Answer]) -> list[dict[str, Any]]:
        """What was decided of each row, as plain JSON values; see :meth:`judge`."""
        evaluation = self._found(name)
        about = {"benchmark": evaluation.benchmark.name, "protocol": str(evaluation.protocol)}
        rows = self._judged(name, answers).rows
        return [{**about, "row": number, **row} for number, row in enumerate(rows)]

    def _judged(self, name: str, answers: Mapping[int, Answer]) -> Judgement:
        evaluation = self._found(name)
        numbers = range(evaluation.first, evaluation.first + evaluation.n_requests)
        missing = sum(number not in answers for number in numbers)
        if missing:
            raise ValueError(
                f"{name}: {missing:,} of {len(numbers):,} requests have no answer. To score fewer rows, set "
                "the data's limit, not the Trainer's."
            )
        given = (answers[number] for number in numbers)
        by_row = [[next(given) for _ in requests] for requests in evaluation.asked.rows]
        return evaluation.protocol.judge(evaluation.asked, by_row)

    def _found(self, name: str) -> Evaluation:
        if name not in self.evaluations:
            raise ValueError(f"There is no {name!r} here; there are {', '.join(self.evaluations)}.")
        return self.evaluations[name]

    def summary(self) -> str:
        """Where the rows come from, how they are read, and what to know of them; there after ``setup``."""
        lines = []
        for name, evaluation in self.evaluations.items():
            lines.append(f"{name}: {evaluation.rows.origin}; {evaluation.n_requests:,} requests")
            lines.append(f"  {evaluation.protocol.statement}")
            lines += [f"  {remark}" for remark in evaluation.remarks()]
        return "\n".join(lines)

    def val_dataloader(self) -> BatchLoader:
        """All requests once, in batches of one benchmark, protocol and kind, the longest first."""
        share = step_share(self.trainer, self.batch_size, training=False)
        batches = RequestBatches(list(self.evaluations.values()), share)
        return BatchLoader(batches, batch_size=None, sampler=StepSampler(batches), collate_fn=_as_it_is)

    def test_dataloader(self) -> BatchLoader:
        """The batches of :meth:`val_dataloader`."""
        return self.val_dataloader()

    def predict_dataloader(self) -> BatchLoader:
        """The batches of :meth:`val_dataloader`."""
        return self.val_dataloader()

    def transfer_batch_to_device(
        self, batch: RequestBatch, device: torch.device, dataloader_idx: int
    ) -> RequestBatch:
        """Requests hold no tensors; to look for some in them takes longer than a short batch."""
        return batch


class RequestBatches(ReadyBatches):
    """The batches of requests of one rank; each request is in a batch of one rank.

    Requests of a row stay together, so that what they share can be read once.

    Args:
        evaluations: What is asked.
        share: Requests a batch, and which batches this rank has.

    Raises:
        ValueError: If there are fewer requests than ranks.
    """

    def __init__(self, evaluations: Sequence[Evaluation], share: StepShare) -> None:
        super().__init__(share)
        batches = [batch for evaluation in evaluations for batch in _batches(evaluation, share.batch_size)]
        if len(batches) < share.world_size:  # a rank without a batch would wait for ever for the others
            batches = [batch for evaluation in evaluations for batch in _batches(evaluation, 1)]
        if len(batches) < share.world_size:
            raise ValueError(
                f"{len(batches)} rows of requests cannot be divided among {share.world_size} devices: take "
                "fewer devices or more rows."
            )
        self._batches = batches[share.rank :: share.world_size]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> RequestBatch:
        return self._batches[index]


def _batches(evaluation: Evaluation, batch_size: int) -> Iterator[RequestBatch]:
    """Batches of about this many requests; a row with more is a batch of its own."""
    number, parts = evaluation.first, list[list[tuple[int, Request]]]()
    for requests in evaluation.asked.rows:
        numbered = list(enumerate(requests, number))
        number += len(requests)
        parts += [list(part) for _, part in groupby(numbered, key=lambda item: _kind(item[1]))]
    parts = [part[i : i + batch_size] for part in parts for i in range(0, len(part), batch_size)]
    parts.sort(key=lambda part: (_kind(part[0][1]), -max(_length(request) for _, request in part)))
    waiting: list[tuple[int, Request]] = []
    for part in [*parts, None]:
        full = part is not None and len(waiting) + len(part) > batch_size
        other = part is not None and waiting and _kind(waiting[0][1]) != _kind(part[0][1])
        if waiting and (part is None or full or other):
            yield {
                "name": evaluation.name,
                "numbers": [number for number, _ in waiting],
                "requests": [request for _, request in waiting],
            }
            waiting = []
        waiting += part or []


def _kind(request: Request) -> str:
    return type(request).__name__


def _length(request: Request) -> int:
    """Tokens to be read or written for a request."""
    if isinstance(request, Continuation):
        return len(request.context) + len(request.continuation)
    if isinstance(request, Prompt):
        return len(request.ids) + request.max_new_tokens
    return len(request.ids)


def _as_it_is(batch: Any) -> Any:
    return batch
