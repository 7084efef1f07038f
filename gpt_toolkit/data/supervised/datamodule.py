"""SupervisedDataModule: labeled datasets for fine-tuning (GPT-1 §3.2-3.3), also as text (GPT-2 §2)."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray

from gpt_toolkit.batches import TaskSpec, TrainedDataset
from gpt_toolkit.data.permutation import permutation
from gpt_toolkit.data.step_loader import (
    BatchLoader,
    batch_loader,
    drop_unfinished_step,
    step_share,
    steps_of_epoch,
)
from gpt_toolkit.data.supervised.batch_order import (
    BUCKET_VERSION,
    BatchOrder,
    Mixing,
    Mixture,
    batch_rates,
    example_rates,
)
from gpt_toolkit.data.supervised.batching import (
    BatchBuilder,
    EvaluationBatches,
    TrainingBatches,
    TrainingStream,
)
from gpt_toolkit.data.supervised.input_transforms import SPECIAL_TOKENS, SpecialTokens, TransformedInputs
from gpt_toolkit.data.supervised.inspect_examples import show_example
from gpt_toolkit.data.supervised.prompt_inputs import LossOn, PromptInputs, Shots, choose_shots
from gpt_toolkit.data.supervised.task_dataset import TaskDataset, model_tokenizer, open_task_datasets
from gpt_toolkit.data.supervised.tokenized_dataset import TokenizedDataset, tokenize_dataset, tokenized_folder
from gpt_toolkit.io import cache_folder
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import Tokenizer

log = logging.getLogger(__name__)

_SHOT_SEPARATOR = "\n\n"  # tuned here: an empty line ends an example


LONGEST_INPUT = 512
"""Tokens of the longest sequence unless ``n_ctx`` is given (GPT-1 §4.1)."""


class SupervisedDataModule(LightningDataModule):
    """Labeled datasets, one or several, for fine-tuning (GPT-1 §3.2-3.3).

    Each batch is of one dataset. Its examples follow from ``seed`` and the optimizer step alone, on any
    number of ranks. Examples of similar lengths share a batch. Texts are encoded once, into the cache folder.

    Args:
        sets: Datasets, one or a list: names of known ones (``rte``), Storyworld's
            (``storyworld:entailment``), paths of files, or mappings that describe custom ones.
        root: Folder with the files of known datasets; default: download from the Hugging Face hub.
        tokenizer: Name or folder of the tokenizer of the model that is fine-tuned.
        n_ctx: Longest sequence, in tokens; longer texts are truncated. Default: 512 (GPT-1 §4.1); on the
            command line the context length of the model, if that is less.
        batch_size: Largest batch of a device, in examples.
        batch_tokens: Largest batch of a device, in tokens with padding.
        bucket: Pool, in batches, in which examples are sorted by length; 1: not sorted.
        mixture: Sampling of datasets: ``proportional`` to size, ``capped``, by ``temperature``, or ``equal``.
        cap: Largest size of a dataset that counts, in examples, for ``capped`` and ``temperature``.
        temperature: Exponent of ``temperature``: 1 is ``capped``, more is nearer to ``equal``.
        as_text: Turn labels into words too, so that the next tokens are the answer (GPT-2 §2), instead of
            adding a head for each dataset.
        n_examples: Training examples with answers before each example that is text.
        loss_on: Tokens in the loss of examples that are text: the ``target``, or ``all``.
        train_rows: Number of training examples of each dataset, chosen by ``seed``.
        val_rows: Number of validation examples of each dataset, spread evenly.
        num_workers: Processes that load batches; 0: the training process.
        seed: Seed of the order of the examples.
    """

    vocabulary: Tokenizer
    plan: str
    n_special_tokens: int
    tasks: Mapping[str, TaskSpec]
    dataset_records: Mapping[str, TrainedDataset]
    tested_split: Literal["val", "test"]

    def __init__(
        self,
        sets: list[str | dict[str, Any]] | str | dict[str, Any],
        root: str | None = None,
        tokenizer: str | None = None,
        n_ctx: int | None = None,
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
        self.tokenizer, self.n_ctx = tokenizer, LONGEST_INPUT if n_ctx is None else n_ctx
        self.batch_size, self.batch_tokens, self.bucket = batch_size, batch_tokens, bucket
        self.mixture, self.cap, self.temperature = mixture, cap, temperature
        self.as_text, self.n_examples, self.loss_on = as_text, n_examples, loss_on
        self.train_rows, self.val_rows = train_rows, val_rows
        self.num_workers, self.seed = num_workers, seed
        self._check_arguments()
        self._datasets: list[TaskDataset] = []

    def _check_arguments(self) -> None:
        problems = [] if self.sets else ["sets: empty; expected at least one"]
        for name, value, minimum in (
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
            if value is not None and value < minimum:
                problems.append(f"{name}: {value}; expected at least {minimum}")
        if self.temperature <= 0:
            problems.append(f"temperature: {self.temperature}; expected above 0")
        if self.temperature != 1 and self.mixture != "temperature":
            problems.append(f"temperature: given with mixture={self.mixture}; expected mixture=temperature")
        if self.cap is not None and self.mixture not in ("capped", "temperature"):
            problems.append(f"cap: given with mixture={self.mixture}; expected mixture=capped or temperature")
        if self.cap is None and self.mixture == "capped":
            problems.append("cap: none for mixture=capped; expected a number of examples")
        if problems:
            raise ValueError(f"SupervisedDataModule: {'; '.join(problems)}")

    # ------------------------------------------------------------------ datasets and their splits

    def prepare_data(self) -> None:
        """Encode the examples that this run reads, unless the cache has them."""
        tokenizer = model_tokenizer(self.tokenizer)
        stage = self.trainer.state.fn if self.trainer is not None else None
        for one in self._open(tokenizer, stage):
            logged: set[str] = set()  # each split repeats the notes on the whole dataset
            for split in one.splits(stage, with_train=self.n_examples > 0):
                with ProgressBar(f"{one.name}, {split}: examples to tokens") as progress:
                    examples = tokenize_dataset(
                        one.dataset, split, tokenizer, one.template, _root(), progress
                    )
                for note in examples.notes:
                    if note not in logged:
                        log.info("%s, %s", one.dataset.title, note)
                    logged.add(note)

    def setup(self, stage: str | None = None) -> None:
        """Open the encoded examples.

        Args:
            stage: Stage whose splits are read: ``fit``, ``validate``, ``test`` or ``predict``; None: all.

        Raises:
            FileNotFoundError: If they have not been prepared.
            ValueError: If an example has no target, or a dataset lacks a split.
        """
        self.vocabulary = model_tokenizer(self.tokenizer)
        self._datasets = self._open(self.vocabulary, stage)
        self.n_special_tokens = 0 if all(one.is_text for one in self._datasets) else len(SPECIAL_TOKENS)
        self.tasks = {one.name: one.spec for one in self._datasets}
        self.dataset_records = {
            one.name: one.dataset.record(is_text=one.is_text, n_ctx=self.n_ctx) for one in self._datasets
        }
        self.tested_split = self._tested_split() if stage == "test" else "test"
        for one in self._datasets if stage == "fit" else ():
            if "train" not in one.dataset.splits:
                raise ValueError(
                    f"{one.dataset.title}: no training examples (only {', '.join(one.dataset.splits)}); "
                    "expected some, as validation alone would score an untrained head; place its train file "
                    f"there, or leave {one.name} out"
                )
        if stage == "validate" and not any("val" in one.dataset.splits for one in self._datasets):
            titles = ", ".join(one.dataset.title for one in self._datasets)
            raise ValueError(f"{titles}: no validation examples; expected some; run test, or give val")
        for one in self._datasets:
            splits = one.splits(stage, with_train=self.n_examples > 0)
            encoded = {split: self._encoded(one, split) for split in splits}
            for split in splits:
                one.builders[split] = self._builder(one, split, encoded, has_texts=stage == "predict")
        self.__dict__.pop("_training", None)
        self.plan = self._plan()

    def match_trained(self, trained: Mapping[str, TrainedDataset]) -> bool:
        """Open the datasets again for a model that was not known in ``setup``; return whether they were.

        Args:
            trained: Datasets that the model was trained on.
        """
        if self._trained == trained or self.trainer is None:
            return False
        self.prepare_data()
        self.setup(self.trainer.state.fn)
        return True

    def _tested_split(self) -> Literal["val", "test"]:
        """Return the split that testing reads: validation if no dataset has a test split."""
        without = [one for one in self._datasets if one.held_out == "val"]
        if not without:
            return "test"
        if missing := [one.dataset.title for one in without if "val" not in one.dataset.splits]:
            raise ValueError(f"{missing[0]}: no test and no validation split; expected one; give test")
        names = ", ".join(one.name for one in without)
        if len(without) < len(self._datasets):
            raise ValueError(
                f"{names}: no test split; expected one, as the other datasets have; run validate, or leave "
                "it out"
            )
        if self._is_main_process:
            log.info("%s: no test split, so the scores are of the validation split and are named val_", names)
        return "val"

    def _open(self, tokenizer: Tokenizer, stage: str | None) -> list[TaskDataset]:
        module = self.trainer.lightning_module if self.trainer is not None else None
        read = getattr(module, "trained_datasets", None) if stage not in (None, "fit") else None
        trained: Mapping[str, TrainedDataset] | None = None if read is None else read()
        self._trained = trained or {}
        datasets = open_task_datasets(
            self.sets, self.root, tokenizer, self.n_ctx, as_text=self.as_text, trained=trained
        )
        if self.n_examples and not any(one.is_text for one in datasets):
            raise ValueError(
                f"n_examples: {self.n_examples}; expected a dataset whose examples are text; set "
                "as_text=true, or leave n_examples out"
            )
        return datasets

    def _encoded(self, one: TaskDataset, split: str) -> TokenizedDataset:
        folder = tokenized_folder(one.dataset, split, self.vocabulary, one.template, _root())
        examples = TokenizedDataset(folder)
        missing = ~examples.has_target
        if split != "test" and one.dataset.spec.kind != "text" and missing.any():
            first = examples.numbers[missing.argmax()]
            raise ValueError(
                f"{one.dataset.title}: {int(missing.sum()):,} of {len(examples):,} examples of {split} "
                f"without a label, the first is example {first}; expected labels, except in test"
            )
        return examples

    def _builder(
        self, one: TaskDataset, split: str, encoded: Mapping[str, TokenizedDataset], *, has_texts: bool
    ) -> BatchBuilder:
        examples = encoded[split]
        inputs: TransformedInputs | PromptInputs
        if one.is_text:
            shots = self._shots(one, split, len(examples), encoded.get("train")) if self.n_examples else None
            max_new_tokens = None if split == "train" else one.spec.max_new_tokens
            end_of_text = self.vocabulary.end_of_text
            inputs = PromptInputs(examples, end_of_text, self.n_ctx, self.loss_on, max_new_tokens, shots)
        else:
            tokens = SpecialTokens.after(self.vocabulary.vocab_size)
            inputs = TransformedInputs(examples, one.spec.kind, tokens, self.n_ctx)
        for note in inputs.notes if self._is_main_process else ():
            log.info("%s, %s: %s", one.name, split, note)
        return BatchBuilder(
            one.spec,
            inputs,
            self._selected(one.name, split, len(examples)),
            {"graded": "grade", "text": "text"}.get(one.dataset.spec.kind, "class"),  # type: ignore[arg-type]
            self.n_ctx,
            has_references=one.is_text and split != "train",
            texts=[example.texts for example in one.dataset.examples(split)] if has_texts else [],
        )

    def _shots(self, one: TaskDataset, split: str, n: int, train: TokenizedDataset | None) -> Shots:
        """Choose the examples in context of a split's examples."""
        if train is None:
            raise ValueError(
                f"n_examples: {self.n_examples}; expected 0, because {one.dataset.title} has no training "
                "examples to choose from"
            )
        chosen = choose_shots(
            self._selected(one.name, "train", len(train)),
            n,
            self.n_examples,
            (self.seed, one.name, split),
            np.arange(n) if split == "train" else None,
        )
        return Shots(train, chosen, np.array(self.vocabulary.encode(_SHOT_SEPARATOR), np.int64))

    def _selected(self, name: str, split: str, n: int) -> NDArray[np.int64]:
        """Return the indices of the examples that are read."""
        if split == "train" and self.train_rows is not None and self.train_rows < n:
            return permutation(n, self.seed, name, "train_rows")[: self.train_rows]
        if split == "val" and self.val_rows is not None and self.val_rows < n:
            return np.arange(self.val_rows) * n // self.val_rows
        return np.arange(n)

    def _plan(self) -> str:
        """Return all that decides which examples training reads at a step."""
        share = step_share(self.trainer, self.batch_size)
        folders = [one.encoded["train"].folder.name for one in self._datasets if "train" in one.encoded]
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

    @property
    def _is_main_process(self) -> bool:
        return self.trainer is None or self.trainer.is_global_zero

    # ------------------------------------------------------------------ reports

    @property
    def has_test_labels(self) -> bool:
        """True if every dataset has a test split whose labels are public; available after ``setup``."""
        return all(one.held_out == "test" and not one.dataset.labels.not_public for one in self._datasets)

    def summary(self) -> str:
        """Describe what was prepared, a line for each dataset, and its folder; available after ``setup``."""
        lines = []
        for one in self._opened():
            splits = [
                f"{split} {len(examples):,} examples ({examples.n_ids:,} tokens)"
                for split, examples in one.encoded.items()
            ]
            lines.append(f"{one.dataset.title}: {', '.join(splits)}")
        return "\n".join([*lines, f"in {_root()}"])

    def rows(self, n: int) -> list[str]:
        """Describe the first examples of each dataset: tokens, truncation, labels; available after ``setup``.

        Args:
            n: Examples of each dataset.
        """
        described = []
        for one in self._opened():
            split, builder = next(iter(one.builders.items()))
            for index in builder.selected[:n].tolist():
                first, *lines = show_example(builder, index, self.vocabulary)
                described.append("\n  ".join([f"{one.name}, {split} {first}", *lines]))
        return described

    def _opened(self) -> list[TaskDataset]:
        if not self._datasets:
            raise RuntimeError(
                "SupervisedDataModule: not set up; expected calls of prepare_data() and setup() before"
            )
        return self._datasets

    def left_out(self, name: str, split: str) -> dict[str, int]:
        """Return how many records of a split are not evaluated, by reason; available after ``setup``.

        Args:
            name: Name of the dataset.
            split: Name of the split.
        """
        [builder] = [one.builders[split] for one in self._opened() if one.name == name]
        examples = builder.inputs.examples
        limited = len(examples) - len(builder.selected)
        return examples.skipped | ({"by val_rows": limited} if limited else {})

    # ------------------------------------------------------------------ training

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The training examples of each dataset, for the ledger of a run; available after ``setup``.

        What a step reads of a dataset is an average: batches differ in size, and steps in their datasets.
        """
        share = step_share(self.trainer, self.batch_size)
        _, orders, mixture = self._training
        return [
            {
                "name": one.dataset.title,
                "fingerprint": one.encoded["train"].folder.name,
                "size": (size := len(one.builders["train"].selected)),
                "unit": "examples",
                "per_step": share.world_size * share.accumulate * rate * size / len(order),
            }
            for one, order, rate in zip(self._opened(), orders, mixture.rates, strict=True)
        ]

    @cached_property
    def _training(self) -> TrainingStream:
        builders = [one.builders["train"] for one in self._opened()]
        orders = [
            BatchOrder(
                builder.spec.name,
                builder.lengths,
                builder.limits(self.batch_size, self.batch_tokens),
                self.bucket,
                self.seed,
            )
            for builder in builders
        ]
        sizes = [len(builder.selected) for builder in builders]
        rates = example_rates(sizes, self.mixture, self.cap, self.temperature)
        per_batch = [size / len(order) for size, order in zip(sizes, orders, strict=True)]
        return TrainingStream(builders, orders, Mixture(batch_rates(rates, per_batch)))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch, whose batches are as many as read all examples once."""
        share = step_share(self.trainer, self.batch_size)
        n_batches = sum(map(len, self._training.orders))
        steps = -(-n_batches // (share.world_size * share.accumulate))
        return steps_of_epoch(self.trainer, steps, share.accumulate)

    def train_dataloader(self) -> BatchLoader:
        """Return a loader of the mixture's batches; its order continues at the current optimizer step."""
        if self.trainer is not None:
            drop_unfinished_step(self.trainer)
        share = step_share(self.trainer, self.batch_size)
        batches = TrainingBatches(self._training, share, self.steps_per_epoch)
        return batch_loader(batches, self.num_workers, self._step)

    def _step(self) -> int:
        return self.trainer.global_step if self.trainer is not None else 0

    # ------------------------------------------------------------------ evaluation

    def val_dataloader(self) -> list[BatchLoader]:
        """Return a loader for each dataset that has validation examples."""
        return [self._evaluation(one.builders["val"]) for one in self._opened() if "val" in one.builders]

    def test_dataloader(self) -> list[BatchLoader]:
        """Return a loader for each dataset: its test examples, or validation if no dataset has a test split.

        Raises:
            ValueError: If test examples have no labels.
        """
        loaders = []
        for one in self._opened():
            builder = one.builders[self.tested_split]
            if not builder.inputs.examples.has_target.any():
                place = one.dataset.label_place(self.tested_split)
                raise ValueError(
                    f"{one.dataset.title}: no test example has a label; expected {place}; run validate for "
                    "the scores of the validation split, or predict"
                )
            loaders.append(self._evaluation(builder))
        return loaders

    def predict_dataloader(self) -> list[BatchLoader]:
        """Return a loader for each dataset: its test examples, labeled or not, else validation."""
        loaders = []
        for one in self._opened():
            builder = one.builders.get(one.held_out)
            if builder is None:
                raise ValueError(
                    f"{one.dataset.title}: nothing to predict; expected test or validation examples"
                )
            loaders.append(self._evaluation(builder))
        return loaders

    def _evaluation(self, builder: BatchBuilder) -> BatchLoader:
        share = step_share(self.trainer, self.batch_size, training=False)
        limits = builder.limits(self.batch_size, self.batch_tokens)
        batches = EvaluationBatches(builder, limits, share)
        return batch_loader(batches, self.num_workers)


def _root() -> Path:
    return cache_folder() / "examples"
