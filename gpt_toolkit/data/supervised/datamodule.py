"""SupervisedDataModule: labelled sets, one or many, for fine-tuning (GPT-1 §3.2-3.3; as text GPT-2 §2)."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray

from gpt_toolkit.batches import TaskSpec
from gpt_toolkit.data.step_loader import (
    BatchLoader,
    batch_loader,
    drop_unfinished_step,
    step_share,
    steps_of_epoch,
)
from gpt_toolkit.data.supervised.batching import EvaluationRows, TaskRows, Training, TrainingRows
from gpt_toolkit.data.supervised.input_transforms import MARKS, Inputs, MarkedInputs, Marks
from gpt_toolkit.data.supervised.inspect_rows import row_shown
from gpt_toolkit.data.supervised.length_bucketing import BUCKET_VERSION, BatchOrder
from gpt_toolkit.data.supervised.mixture import Mixing, Mixture, batch_rates, example_rates
from gpt_toolkit.data.supervised.prompt_inputs import LossOn, Shots, TextInputs, choose_shots
from gpt_toolkit.data.supervised.task_dataset import (
    Member,
    model_tokenizer,
    open_members,
    require_labels,
    require_training_rows,
)
from gpt_toolkit.data.supervised.tokenized_rows import EncodedRows, encode_rows, rows_folder
from gpt_toolkit.data.window_order import permutation
from gpt_toolkit.io import cache_folder
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import Tokenizer

log = logging.getLogger(__name__)

_SHOT_SEPARATOR = "\n\n"  # ours: a blank line ends an example


class SupervisedDataModule(LightningDataModule):
    """Labelled sets, one or many at once, for fine-tuning (GPT-1 §3.2-3.3).

    Each batch is of one set. Its rows follow from ``seed`` and the optimizer step alone, on any number of
    ranks; rows of like lengths share a batch. Text becomes token ids in the cache folder once.

    Args:
        sets: Names of known sets (``rte``), built-in ones (``storyworld:entailment``), paths of files, or
            mappings that describe a set of one's own; one of these or a list.
        root: Folder with the files of known sets; without it they come from the Hugging Face hub.
        tokenizer: Name or folder of a tokenizer: that of the model that is fine-tuned.
        n_ctx: Longest sequence, in tokens; longer texts are cut.
        batch_size: Rows a device reads at once, at most.
        batch_tokens: Tokens a device reads at once, at most, padding counted.
        bucket: Rows are sorted by length in pools of this many batches; 1: not at all.
        mixture: How often rows of each set come: ``proportional`` to its size, ``capped``, by
            ``temperature``, or ``equal``.
        cap: Rows as which a set counts at most, for ``capped`` and ``temperature``.
        temperature: For ``temperature``: 1 is ``capped``, more is nearer to ``equal``.
        as_text: Put rows with labels into words too, so that the answer is hidden in the next tokens (GPT-2
            §2), instead of giving each set a head.
        n_examples: Training rows with their answers before each row that is taken as text.
        loss_on: Of rows taken as text, learn the ``target`` alone, or ``all`` tokens.
        train_rows: Train on this many rows of each set, chosen by ``seed``.
        val_rows: Validate on this many rows of each set, spread over it evenly.
        num_workers: Processes that load batches; 0: the training process does.
        seed: Chooses the order of the rows.
    """

    vocabulary: Tokenizer
    plan: str
    n_marks: int
    tasks: Mapping[str, TaskSpec]

    def __init__(
        self,
        sets: list[str | dict[str, Any]] | str | dict[str, Any],
        root: str | None = None,
        tokenizer: str | None = None,
        n_ctx: int = 512,
        batch_size: int = 32,
        batch_tokens: int | None = None,
        bucket: int = 16,
        mixture: Mixing = "proportional",
        cap: int | None = None,
        temperature: float = 1.0,
        as_text: bool = False,
        n_examples: int = 0,
        loss_on: LossOn = "target",
        train_rows: int | None = None,
        val_rows: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.sets: Sequence[str | dict[str, Any]] = sets if isinstance(sets, list) else [sets]
        self.root = Path(root).expanduser() if root is not None else None
        self.tokenizer, self.n_ctx = tokenizer, n_ctx
        self.batch_size, self.batch_tokens, self.bucket = batch_size, batch_tokens, bucket
        self.mixture, self.cap, self.temperature = mixture, cap, temperature
        self.as_text, self.n_examples, self.loss_on = as_text, n_examples, loss_on
        self.train_rows, self.val_rows = train_rows, val_rows
        self.num_workers, self.seed = num_workers, seed
        self._check()
        self._members: list[Member] = []
        self._rows: dict[tuple[str, str], TaskRows] = {}

    def _check(self) -> None:
        faults = [] if self.sets else ["sets is empty; give at least one"]
        for name, value, least in (
            ("n_ctx", self.n_ctx, 8),
            ("batch_size", self.batch_size, 1),
            ("batch_tokens", self.batch_tokens, 1),
            ("bucket", self.bucket, 1),
            ("cap", self.cap, 1),
            ("n_examples", self.n_examples, 0),
            ("train_rows", self.train_rows, 1),
            ("val_rows", self.val_rows, 1),
            ("num_workers", self.num_workers, 0),
        ):
            if value is not None and value < least:
                faults.append(f"{name} is {value}; it must be at least {least}")
        if self.temperature <= 0:
            faults.append(f"temperature is {self.temperature}; it must be above 0")
        if self.temperature != 1 and self.mixture != "temperature":
            faults.append(f"temperature goes with mixture=temperature, not with {self.mixture}")
        if self.cap is not None and self.mixture not in ("capped", "temperature"):
            faults.append(f"cap goes with mixture=capped or temperature, not with {self.mixture}")
        if self.cap is None and self.mixture == "capped":
            faults.append("mixture=capped needs a cap, in rows")
        if faults:
            raise ValueError(f"SupervisedDataModule: {'; '.join(faults)}.")

    # ------------------------------------------------------------------ the sets

    def _open(self, tokenizer: Tokenizer) -> list[Member]:
        members = open_members(self.sets, self.root, tokenizer, self.n_ctx, labels_as_text=self.as_text)
        if self.n_examples and not any(member.is_text for member in members):
            raise ValueError(
                f"n_examples={self.n_examples} examples in context are for rows taken as text, and no set "
                "is: say as_text=true, or leave n_examples out."
            )
        return members

    def _splits(self, member: Member, stage: str | None) -> list[str]:
        return member.splits(stage, with_train=member.is_text and self.n_examples > 0)

    def prepare_data(self) -> None:
        """Encode the rows that this run reads, unless they are in the cache already."""
        tokenizer = model_tokenizer(self.tokenizer)
        stage = self.trainer.state.fn if self.trainer is not None else None
        for member in self._open(tokenizer):
            said: set[str] = set()  # what concerns the whole set comes with each split
            for split in self._splits(member, stage):
                with ProgressBar(f"{member.spec.name}, {split}: rows to tokens") as progress:
                    rows = encode_rows(member.source, split, tokenizer, member.view, _root(), progress)
                for remark in rows.remarks:
                    if remark not in said:
                        log.info("%s, %s", member.source.title, remark)
                    said.add(remark)

    def setup(self, stage: str | None = None) -> None:
        """Open the encoded rows.

        Args:
            stage: Which splits are read: ``fit``, ``validate``, ``test`` or ``predict``; None: all.

        Raises:
            FileNotFoundError: If they have not been prepared.
            ValueError: If a row lacks a target, or a set lacks a split.
        """
        tokenizer = model_tokenizer(self.tokenizer)
        self.vocabulary = tokenizer
        self._members = self._open(tokenizer)
        self.n_marks = 0 if all(member.is_text for member in self._members) else len(MARKS)
        self.tasks = {member.spec.name: member.spec for member in self._members}
        if stage == "fit":
            require_training_rows(self._members)
        if stage == "validate" and not any("val" in member.source.splits for member in self._members):
            titles = ", ".join(member.source.title for member in self._members)
            raise ValueError(f"{titles}: there are no rows for validation; say test, or give val.")
        self._rows = {}
        for member in self._members:
            encoded = {
                split: EncodedRows(rows_folder(member.source, split, tokenizer, member.view, _root()))
                for split in self._splits(member, stage)
            }
            for split, rows in encoded.items():
                self._rows[member.spec.name, split] = self._task_rows(
                    member, split, rows, encoded.get("train")
                )
        self.__dict__.pop("_training", None)
        self.plan = self._plan()

    def _task_rows(
        self, member: Member, split: str, rows: EncodedRows, train: EncodedRows | None
    ) -> TaskRows:
        """A split of a set, ready to be put together."""
        require_labels(member, split, rows)
        inputs = self._inputs(member, split, rows, train)
        if self.trainer is None or self.trainer.is_global_zero:
            for remark in inputs.remarks:
                log.info("%s, %s: %s", member.spec.name, split, remark)
        answers = {"graded": "grade", "text": "text"}.get(member.source.spec.kind, "class")
        return TaskRows(
            member.spec,
            inputs,
            self._selected(member.spec.name, split, len(rows)),
            answers,  # type: ignore[arg-type]
            self.n_ctx,
            references=member.is_text and split != "train",
        )

    def _inputs(self, member: Member, split: str, rows: EncodedRows, train: EncodedRows | None) -> Inputs:
        if not member.is_text:
            marks = Marks.after(self.vocabulary.vocab_size)
            return MarkedInputs(rows, member.spec.kind, marks, self.n_ctx)
        shots = None
        name = member.spec.name
        if self.n_examples:
            if train is None:
                raise ValueError(
                    f"n_examples={self.n_examples} examples in context come from training rows, and "
                    f"{member.source.title} has none: set n_examples to 0."
                )
            chosen = choose_shots(
                self._selected(name, "train", len(train)),
                len(rows),
                self.n_examples,
                (self.seed, name, split),
                np.arange(len(rows)) if split == "train" else None,
            )
            shots = Shots(train, chosen, np.array(self.vocabulary.encode(_SHOT_SEPARATOR), np.int64))
        room = None if split == "train" else member.spec.max_new_tokens
        return TextInputs(rows, self.vocabulary.end_of_text, self.n_ctx, self.loss_on, room, shots)

    def _selected(self, name: str, split: str, n_rows: int) -> NDArray[np.int64]:
        """Indices of the rows that are read."""
        if split == "train" and self.train_rows is not None and self.train_rows < n_rows:
            return permutation(n_rows, self.seed, name, "train_rows")[: self.train_rows]
        if split == "val" and self.val_rows is not None and self.val_rows < n_rows:
            return np.arange(self.val_rows) * n_rows // self.val_rows
        return np.arange(n_rows)

    def _plan(self) -> str:
        """What decides which rows training reads at a step."""
        share = step_share(self.trainer, self.batch_size)
        folders = [
            rows.inputs.rows.folder.name for (_, split), rows in self._rows.items() if split == "train"
        ]
        settings = {
            "rows": hashlib.blake2b(" ".join(folders).encode(), digest_size=8).hexdigest(),
            "seed": self.seed,
            "n_ctx": self.n_ctx,
            "batch_size": self.batch_size,
            "batch_tokens": self.batch_tokens,
            "bucket": self.bucket,
            "batches_per_step": share.world_size * share.accumulate,
            "mixture": self.mixture,
            "cap": self.cap,
            "temperature": self.temperature,
            "train_rows": self.train_rows,
            "n_examples": self.n_examples,
            "loss_on": self.loss_on,
            "order": BUCKET_VERSION,
        }
        return " ".join(f"{name}={value}" for name, value in settings.items())

    # ------------------------------------------------------------------ what the task and the user are told

    def _ready(self) -> list[Member]:
        if not self._members:
            raise RuntimeError("SupervisedDataModule: call prepare_data() and setup() first.")
        return self._members

    def summary(self) -> str:
        """What was prepared, and where it lies, a line a set; there after ``setup``."""
        lines = []
        for member in self._ready():
            encoded = {
                split: rows.inputs.rows
                for (name, split), rows in self._rows.items()
                if name == member.spec.name
            }
            splits = [
                f"{split} {len(rows):,} rows ({rows.n_ids:,} tokens)" for split, rows in encoded.items()
            ]
            lines.append(f"{member.source.title}: {', '.join(splits)}")
        return "\n".join([*lines, f"in {_root()}"])

    def rows(self, n: int) -> list[str]:
        """The first rows of each set as tokens, with marks, cuts and labels; there after ``setup``.

        Args:
            n: Rows of each set.
        """
        shown = []
        for member in self._ready():
            name = member.spec.name
            split = next(split for split in ("train", "val", "test") if (name, split) in self._rows)
            rows = self._rows[name, split]
            for index in range(min(n, len(rows.selected))):
                head, *lines = row_shown(rows, int(rows.selected[index]), self.vocabulary)
                shown.append("\n  ".join([f"{name}, {split} {head}", *lines]))
        return shown

    # ------------------------------------------------------------------ training

    @cached_property
    def _training(self) -> Training:
        self._ready()
        tasks = [self._rows[member.spec.name, "train"] for member in self._members]
        orders = [
            BatchOrder(
                rows.spec.name,
                rows.lengths,
                rows.limits(self.batch_size, self.batch_tokens),
                self.bucket,
                self.seed,
            )
            for rows in tasks
        ]
        rates = example_rates(
            [len(rows.selected) for rows in tasks], self.mixture, self.cap, self.temperature
        )
        per_batch = [len(rows.selected) / len(order) for rows, order in zip(tasks, orders, strict=True)]
        return Training(tasks, orders, Mixture(batch_rates(rates, per_batch)))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch: as many batches as read all rows once; there after ``setup``."""
        share = step_share(self.trainer, self.batch_size)
        n_batches = sum(map(len, self._training.orders))
        steps = -(-n_batches // (share.world_size * share.accumulate))
        return steps_of_epoch(self.trainer, steps, share.accumulate)

    def train_dataloader(self) -> BatchLoader:
        """Endless batches of the mixture; an epoch has as many as read all rows once."""
        if self.trainer is not None:
            drop_unfinished_step(self.trainer)
        share = step_share(self.trainer, self.batch_size)
        batches = TrainingRows(self._training, share, self.steps_per_epoch)
        return batch_loader(batches, self.num_workers, self._step)

    def _step(self) -> int:
        return self.trainer.global_step if self.trainer is not None else 0

    # ------------------------------------------------------------------ evaluation

    def val_dataloader(self) -> list[BatchLoader]:
        """A loader for each set that has rows for validation."""
        return [
            self._evaluation(self._rows[member.spec.name, "val"])
            for member in self._ready()
            if (member.spec.name, "val") in self._rows
        ]

    def test_dataloader(self) -> list[BatchLoader]:
        """A loader for each set: its test rows, or those for validation where the test has no labels."""
        loaders = []
        for member in self._ready():
            name = member.spec.name
            test, val = self._rows.get((name, "test")), self._rows.get((name, "val"))
            labelled = test is not None and not np.isnan(test.inputs.rows.targets).all()
            if not labelled and val is not None and (self.trainer is None or self.trainer.is_global_zero):
                what = "There is no test split" if test is None else "The test rows have no labels"
                log.info("%s: %s; testing reads the validation split.", name, what)
            chosen = test if labelled else val
            if chosen is None:
                raise ValueError(
                    f"{member.source.title} has no labelled rows for testing: give it a test or a val split."
                )
            loaders.append(self._evaluation(chosen))
        return loaders

    def predict_dataloader(self) -> list[BatchLoader]:
        """A loader for each set: its test rows, labelled or not, else those for validation."""
        loaders = []
        for member in self._ready():
            held = next((split for split in ("test", "val") if (member.spec.name, split) in self._rows), None)
            if held is None:
                raise ValueError(f"{member.source.title} has neither test nor validation rows to predict.")
            loaders.append(self._evaluation(self._rows[member.spec.name, held]))
        return loaders

    def _evaluation(self, rows: TaskRows) -> BatchLoader:
        share = step_share(self.trainer, self.batch_size, training=False)
        batches = EvaluationRows(rows, rows.limits(self.batch_size, self.batch_tokens), share)
        return batch_loader(batches, self.num_workers)


def _root() -> Path:
    return cache_folder() / "rows"
