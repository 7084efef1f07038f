"""Fine-tuning on labelled examples, of one dataset or several (GPT-1 §3.2-3.3)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.parallel import whole
from gpt_toolkit.batches import SupervisedBatch, TaskSpec, TrainedDataset
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.stored_heads import build_heads, module_name, read_heads, stored_datasets
from gpt_toolkit.checkpoints.training_checkpoint import CHECKPOINT_KEY, read_record
from gpt_toolkit.class_predictions import predicted_targets, prediction_line, predictions_of
from gpt_toolkit.generation.requests import Continuation, Prompt
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.losses import (
    class_loss,
    grade_loss,
    sequence_mean_loss,
    with_auxiliary_loss,
)
from gpt_toolkit.metrics import DatasetMetrics, MeanTokenLoss
from gpt_toolkit.optim import OptimizerFactory, Schedule
from gpt_toolkit.tasks.base import BaseTask
from gpt_toolkit.tasks.initial_weights import load_initial_heads
from gpt_toolkit.tasks.lora import LoRA
from gpt_toolkit.tasks.trained_heads import check_heads, check_same_datasets, head_shapes

log = logging.getLogger(__name__)


class FinetuneTask(BaseTask):
    """Training of a decoder, with a head for each dataset, on labelled examples (GPT-1 eqs. 3-5).

    The loss of a step is L3 = L2 + λ L1 (eq. 5), each a mean over the step's examples. L2 is the negative
    log-likelihood of an example's class, choice or grade. L1 is the language-model loss on its sequences:
    for each sequence the mean over its tokens, then the mean over the sequences (released code: train.py).
    Examples with a text answer have L1 alone, on the answer.

    Logs ``train_loss`` (L3) and per split ``val_<dataset>_<metric>``, ``val_loss`` (mean L2 over the examples
    of all datasets) and ``val_score``, the mean over the datasets of each one's first metric; metrics of
    free text, which go to 100, are divided by 100 in it.

    The DataModule has the attributes of :class:`~gpt_toolkit.tasks.base.BaseTask` and, after ``setup``,
    ``tasks``, which maps the name of each dataset to its :class:`~gpt_toolkit.batches.TaskSpec`, and
    ``n_special_tokens``, the number of special tokens after the vocabulary (3: start, delimiter and extract;
    0 if all answers are text). Its batches are :class:`~gpt_toolkit.batches.SupervisedBatch`. Checkpoints
    store ``dataset_records``, if it has them, else those that follow from ``tasks``: what the outputs mean.
    Evaluation compares labels with them by name.

    Args:
        decoder: A preset's name, or fields; missing fields are those of ``init_from``.
        optimizer: Builds the optimizer.
        schedule: Learning rate over the run, stepped per update.
        init_from: The pre-trained model. Without one, training starts from scratch, as in GPT-1 Table 5. The
            heads of a fine-tuned model are the initial ones of datasets with the same labels.
        accept_new_plan: Continue a checkpoint although the data or their order have changed.
        lm_coef: λ of GPT-1 eq. 5, weight of the auxiliary loss L1; 0 turns it off.
        clf_pdrop: Dropout rate before each dataset's head.
        transfer_layers: Number of blocks to take from ``init_from``, with the embeddings (GPT-1 §5, Figure
            2); all unless given.
        freeze_layers: Number of lowest blocks to leave unchanged. Embeddings are always trained, for those
            of start, delimiter and extract are new.
        layer_decay: Learning rate of a block over that of the one above it; 1 is the paper's.
        lora: Train low-rank additions to the blocks' matrices instead of the matrices, with the heads and
            the embeddings of start, delimiter and extract. Works with ``freeze_layers`` (blocks without
            additions) and ``layer_decay``; not with ``transfer_layers`` or a sharded model.
        activation_checkpointing: Keep only each block's input for the backward pass and compute the rest
            again.
    """

    unit = "examples"
    data_attributes = ("vocabulary", "n_ctx", "tasks", "n_special_tokens")

    heads: nn.ModuleDict
    metrics: nn.ModuleList
    mean_loss: MeanTokenLoss

    def __init__(
        self,
        decoder: str | dict[str, Any] | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: Schedule | None = None,
        init_from: str | None = None,
        accept_new_plan: bool = False,
        lm_coef: float = 0.5,
        clf_pdrop: float = 0.1,
        transfer_layers: int | None = None,
        freeze_layers: int = 0,
        layer_decay: float = 1.0,
        lora: LoRA | None = None,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__(decoder, optimizer, schedule, init_from, accept_new_plan, activation_checkpointing)
        self.lm_coef, self.clf_pdrop = lm_coef, clf_pdrop
        self.transfer_layers, self.freeze_layers = transfer_layers, freeze_layers
        self.layer_decay, self.lora = layer_decay, lora
        self.evaluated: dict[str, dict[str, Any]] = {}
        self._trained: dict[str, TrainedDataset] = {}
        self._head_shapes: dict[str, tuple[str, int]] = {}
        problems = []
        if lm_coef < 0:
            problems.append(f"lm_coef: {lm_coef}; expected 0 or more")
        if not 0.0 <= clf_pdrop < 1.0:
            problems.append(f"clf_pdrop: {clf_pdrop}; expected a probability below 1")
        if not 0.0 < layer_decay <= 1.0:
            problems.append(f"layer_decay: {layer_decay}; expected more than 0 and at most 1")
        if freeze_layers < 0:
            problems.append(f"freeze_layers: {freeze_layers}; expected 0 or more")
        if transfer_layers is not None and transfer_layers < 0:
            problems.append(f"transfer_layers: {transfer_layers}; expected 0 or more")
        if problems:
            raise ValueError(f"FinetuneTask: {'; '.join(problems)}")
        if lora is not None:
            lora.require_library()
            if transfer_layers is not None:
                raise ValueError(
                    "lora, transfer_layers: both given; expected one, because lora would never train the new "
                    "blocks of transfer_layers"
                )

    # ------------------------------------------------------------------ the network

    @property
    def tasks(self) -> dict[str, TaskSpec]:
        """The datasets, by name."""
        if self.data is None:
            raise RuntimeError(
                "FinetuneTask: no DataModule; expected one with datasets; give it to the Trainer"
            )
        return dict(self.data.tasks)

    def trained_datasets(self) -> dict[str, TrainedDataset]:
        """Return the datasets that the task, or the checkpoint that will be loaded, has learned, by name."""
        path = self.trainer.ckpt_path
        if path and Path(path).exists():
            return stored_datasets(read_record(Path(path)))
        if self.init_from is not None and self.trainer.state.fn != TrainerFn.FITTING and not self._trained:
            heads = open_model(self.init_from).heads
            return dict(heads.datasets) if heads is not None and heads.has_special_tokens else {}
        return self._trained

    def _records(self) -> dict[str, TrainedDataset]:
        """Return what checkpoints store of the datasets."""
        records = getattr(self.data, "dataset_records", None)
        n_ctx = self.data.n_ctx
        return records or {name: TrainedDataset(spec, n_ctx=n_ctx) for name, spec in self.tasks.items()}

    @property
    def n_special_tokens(self) -> int:
        """Number of special tokens: start, delimiter and extract, unless all answers are text."""
        return 0 if self.data is None else int(self.data.n_special_tokens)

    def is_transferred(self, name: str) -> bool:
        """Return true for embeddings and the first ``transfer_layers`` blocks; ``ln_f`` needs all of them."""
        if self.transfer_layers is None:
            return True
        part, _, rest = name.partition(".")
        last = self.built_backbone.config.n_layer
        if part == "ln_f":
            return self.transfer_layers >= last
        return part != "h" or int(rest.partition(".")[0]) < self.transfer_layers

    @property
    def validation_metrics(self) -> tuple[str, ...]:  # type: ignore[override]
        """Metrics of a validation: the loss, the score, and those of each dataset."""
        has_loss = not all(spec.has_free_text for spec in self.tasks.values())
        return (*["val_loss"] * has_loss, "val_score", *(f"val_{name}_" for name in self.tasks))

    def build_heads(self, backbone: Decoder) -> None:
        """Make the head and the metrics of each dataset, and freeze blocks."""
        n_layer = backbone.config.n_layer
        for name in ("transfer_layers", "freeze_layers"):
            value = getattr(self, name)
            if value is not None and value > n_layer:
                raise ValueError(f"{name}: {value}; expected at most {n_layer}, the layers of the decoder")
        stored = {} if self.trainer.state.fn == TrainerFn.FITTING else self.trained_datasets()
        datasets = stored or self._records()
        self.heads = build_heads(datasets, backbone.config.n_embd, self.clf_pdrop)
        self._head_shapes = head_shapes(datasets)
        self._make_metrics()
        for block in list(backbone.h)[: self.freeze_layers]:
            block.requires_grad_(False)

    def _make_metrics(self) -> None:
        self.mean_loss = MeanTokenLoss()
        self.metrics = nn.ModuleList(DatasetMetrics(spec) for spec in self.tasks.values())

    def configure_model(self) -> None:
        """Build the network, once; later, with other data, only the metrics."""
        if self.backbone is None:
            super().configure_model()
            if self.init_from is not None and not self.trainer.ckpt_path and self.transfer_layers is None:
                self._take_heads(self.init_from)
        elif [metrics.spec for metrics in self.metrics] != list(self.tasks.values()):
            self._make_metrics()

    def _take_heads(self, model: str) -> None:
        """Begin with a model's heads; to evaluate, use them as they are."""
        stored = open_model(model)
        if stored.heads is None:
            return
        if self.trainer.state.fn != TrainerFn.FITTING and stored.heads.has_special_tokens:
            trained = read_heads(stored.heads, self.built_backbone.config.n_embd, model)
            self.heads.load_state_dict(trained.state_dict())
            self._trained, self.has_learned = dict(stored.heads.datasets), True
            check_heads(self._trained, self.tasks.values())
            return
        for note in load_initial_heads(self.heads, self._records(), stored.heads, model):
            if self.trainer.is_global_zero:
                log.info(note)

    def adapt(self, backbone: Decoder) -> None:
        """Put LoRA's adapters into the backbone, if any."""
        if self.lora is None:
            return
        if isinstance(self.trainer.strategy, FSDPStrategy | ModelParallelStrategy):
            raise ValueError(
                "lora: given with a sharded model; expected one device or --trainer.strategy ddp; leave lora "
                "or the strategy out"
            )
        if self.init_from is None and not self.trainer.ckpt_path:
            raise ValueError(
                "lora: given without a model; expected pre-trained weights, which it leaves unchanged; add "
                "--model.init_from MODEL"
            )
        self.lora.adapt(backbone, first_block=self.freeze_layers, new_tokens=self._new_tokens)
        if self.trainer.is_global_zero:
            sizes = [(p.numel(), p.requires_grad) for p in self.parameters()]
            trained = sum(size for size, trains in sizes if trains)
            log.info("lora: %s of %s parameters are trained", f"{trained:,}", f"{sum(n for n, _ in sizes):,}")

    @property
    def adapters(self) -> dict[str, Any]:
        """Settings of LoRA's adapters; empty without them."""
        if self.lora is None:
            return {}
        return self.lora.to_fields(first_block=self.freeze_layers, new_tokens=self._new_tokens)

    @property
    def _new_tokens(self) -> range:
        """Ids of start, delimiter and extract."""
        size = self.data.vocabulary.vocab_size
        return range(size, size + self.n_special_tokens)

    def training_settings(self) -> dict[str, Any]:
        """Return the settings of training, with those of fine-tuning."""
        names = "lm_coef", "clf_pdrop", "freeze_layers", "layer_decay"
        return {**super().training_settings(), **{f"model.{name}": getattr(self, name) for name in names}}

    def learning_rate_scale(self, name: str) -> float:
        """Return ``layer_decay`` to the power of the number of layers between a parameter and the heads."""
        path = name.split(".")
        if path[0] != "backbone":
            return 1.0
        layers_above = self.built_backbone.config.n_layer
        if path[1] == "h":
            layers_above -= int(path[2]) + 1
        elif path[1] == "ln_f":
            layers_above = 0
        return self.layer_decay**layers_above

    # ------------------------------------------------------------------ training

    def work(self, batch: SupervisedBatch) -> int:
        """Return the examples of the step."""
        return batch["step_examples"]

    def training_step(self, batch: SupervisedBatch, batch_idx: int) -> Tensor:
        """Return this micro-batch's part of the step's mean L3, in nats per example."""
        spec = self.tasks[batch["task"]]
        if spec.kind == "text":
            loss_sum = self._language_model_loss(self._hidden(batch), batch)
        elif self.lm_coef:
            hidden = self._hidden(batch)  # (B C, T, D)
            last = batch["lengths"].flatten() - 1
            states = hidden[torch.arange(len(last), device=hidden.device), last]  # (B C, D)
            l2 = _l2(spec, self._head_logits(spec, states, batch), batch["target"])
            loss_sum = with_auxiliary_loss(l2, self._language_model_loss(hidden, batch), self.lm_coef)
        else:
            loss_sum = _l2(spec, self._class_logits(spec, batch), batch["target"])
        loss = self.part_of_step(loss_sum, batch["step_examples"])
        if self.trainer.world_size > 1:  # ddp waits for a gradient of every parameter
            used = module_name(spec.head_name)
            idle = [p for name, head in self.heads.items() if name != used for p in head.parameters()]
            loss = loss + sum((p.sum() * 0.0 for p in idle), start=loss.new_zeros(()))
        return loss

    def _hidden(self, batch: SupervisedBatch) -> Tensor:
        """Return the hidden states of all positions, ``(B C, T, D)``."""
        return self.built_backbone(batch["input_ids"].flatten(0, 1))  # type: ignore[no-any-return]

    def _language_model_loss(self, hidden: Tensor, batch: SupervisedBatch) -> Tensor:
        """Return L1: each sequence's mean over its tokens, the mean over an example's sequences, summed."""
        _, n_sequences, _ = batch["input_ids"].shape
        labels = batch["labels"].flatten(0, 1)  # (B C, T)
        return sequence_mean_loss(hidden, self.built_backbone.wte.weight, labels) / n_sequences

    def _class_logits(self, spec: TaskSpec, batch: SupervisedBatch) -> Tensor:
        """Return the scores of the head, ``(B, n)``; the last block computes the extract tokens only."""
        last = batch["lengths"].flatten()[:, None] - 1  # (B C, 1)
        states = self.built_backbone(batch["input_ids"].flatten(0, 1), positions=last)[:, 0]  # (B C, D)
        return self._head_logits(spec, states, batch)

    def _head_logits(self, spec: TaskSpec, states: Tensor, batch: SupervisedBatch) -> Tensor:
        """Return the head's scores from the states of the extract tokens, ``(B C, D)`` to ``(B, n)``."""
        return self.heads[module_name(spec.head_name)](states.view(*batch["lengths"].shape, -1))  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ evaluation

    def validation_step(self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add a batch to its dataset's metrics."""
        self._evaluate(batch)

    def test_step(self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add a batch to its dataset's metrics."""
        self._evaluate(batch)

    def _evaluate(self, batch: SupervisedBatch) -> None:
        spec, metrics, known = self.tasks[batch["task"]], self.metrics_of(batch["task"]), batch["has_target"]
        if batch.get("repeated"):
            known = torch.zeros_like(known)
        else:
            metrics.leave_out((~known).nonzero())
        if spec.has_free_text:
            pairs = zip(self._generated(spec, batch), batch["references"], known.tolist(), strict=True)
            answered = [(text, references) for text, references, is_known in pairs if is_known]
            metrics.update([text for text, _ in answered], [r for _, r in answered], batch["subsets"][known])
            return
        logits, right = self._logits(spec, batch)[known].float(), batch["target"][known]
        if len(logits):
            self.mean_loss.update(_l2(spec, logits, right).double(), len(right))
        metrics.update(predicted_targets(spec, logits), right, batch["subsets"][known])

    def metrics_of(self, name: str) -> DatasetMetrics:
        """Return the metrics of a dataset."""
        return cast(DatasetMetrics, self.metrics[list(self.tasks).index(name)])

    def _logits(self, spec: TaskSpec, batch: SupervisedBatch) -> Tensor:
        """Return scores of an example's possible answers: of its head, or of the labels as text."""
        if spec.kind != "text":
            return self._class_logits(spec, batch)
        tokenizer = self.data.vocabulary
        labels = [(*tokenizer.encode(f" {label}"), tokenizer.end_of_text) for label in spec.labels]
        requests = [Continuation(ids, label) for ids in _prompt_ids(batch) for label in labels]
        scores = [answer.log_probability for answer in self._scorer().continuations(requests)]
        return torch.tensor(scores, device=self.device).view(-1, len(labels))

    def _generated(self, spec: TaskSpec, batch: SupervisedBatch) -> list[str]:
        """Return the answers in free text, decoded greedily."""
        requests = [Prompt(ids, spec.max_new_tokens) for ids in _prompt_ids(batch)]
        return [answer.text.strip() for answer in self._scorer().prompts(requests)]

    def _scorer(self) -> Scorer:
        # whole, since each rank takes as many steps as its own answers need
        return Scorer(whole(self.built_backbone), self.data.vocabulary)

    def predict_step(
        self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0
    ) -> list[dict[str, Any]]:
        """Return a record for each example: its place and texts, prediction, target and probabilities.

        Classes, levels and choices have their names. A target that is not known is left out. Examples that
        another rank reads, too, have no record here.
        """
        records = self._predicted(batch)
        return [] if batch.get("repeated") else records

    def _predicted(self, batch: SupervisedBatch) -> list[dict[str, Any]]:
        spec, texts = self.tasks[batch["task"]], batch["texts"] or [()] * len(batch["examples"])
        records: list[dict[str, Any]] = []
        for number, subset in zip(batch["examples"].tolist(), batch["subsets"].tolist(), strict=True):
            place = {"dataset": spec.name, "example": number}
            records.append(place | ({"subset": spec.subsets[subset]} if subset >= 0 else {}))
        if spec.has_free_text:
            answers = zip(records, texts, self._generated(spec, batch), batch["references"], strict=True)
            for record, source, text, right in answers:
                record |= {"texts": list(source)} if source else {}
                record |= {"prediction": text, **({"references": right} if right else {})}
            return records
        predictions = predictions_of(spec, self._logits(spec, batch))
        known, targets = batch["has_target"].tolist(), batch["target"].tolist()
        for i, record in enumerate(records):
            record |= prediction_line(spec, predictions[i], texts[i], targets[i] if known[i] else None)
        return records

    def on_validation_epoch_start(self) -> None:
        """Reset the metrics."""
        self._reset()

    def on_validation_epoch_end(self) -> None:
        """Log every dataset's metrics."""
        self._log_split("val")

    def on_test_epoch_start(self) -> None:
        """Reset the metrics."""
        self._reset()

    def on_test_epoch_end(self) -> None:
        """Log every dataset's metrics."""
        self._log_split("test")

    def on_predict_epoch_start(self) -> None:
        """Raise if the heads were never trained."""
        self._require_trained_heads()

    def _require_trained_heads(self) -> None:
        names = [spec.name for spec in self.tasks.values() if spec.has_head]
        if names and not self.has_learned:
            raise ValueError(
                f"heads of {', '.join(names)}: not trained, because init_from has none that read start and "
                "extract tokens; expected trained heads; add --ckpt_path best, last or a file of a run that "
                "trained them"
            )

    def _reset(self) -> None:
        self._require_trained_heads()
        self.mean_loss.reset()
        for name in self.tasks:
            self.metrics_of(name).reset()

    def _log_split(self, stage: str) -> None:
        split = self.split_of(stage)
        if self.trainer.state.fn != TrainerFn.FITTING:
            self.evaluated = {name: self._describe(name, split) for name in self.tasks}
        logged: dict[str, float] = {}
        if not all(spec.has_free_text for spec in self.tasks.values()):
            logged[f"{split}_loss"] = float(self.mean_loss.compute())  # free text has no L2
        first_metrics = []
        for name, spec in self.tasks.items():
            values = self.metrics_of(name).compute(with_interval=stage == "test")
            logged |= {f"{split}_{metric}": value for metric, value in values.items()}
            if (first := f"{name}_{spec.metrics[0]}") in values:
                first_metrics.append(values[first] / (100 if spec.has_free_text else 1))
        if first_metrics:
            logged[f"{split}_score"] = sum(first_metrics) / len(first_metrics)
        self.log_evaluation(logged)

    def _describe(self, name: str, split: str) -> dict[str, Any]:
        """Return what the scores of a dataset are of, for reports."""
        described = self.metrics_of(name).describe()
        read = getattr(self.data, "left_out", None)
        left_out = ({} if read is None else read(name, split)) | described.pop("left_out", {})
        return {"split": split, **described, **({"left_out": left_out} if left_out else {})}

    # ------------------------------------------------------------------ checkpoints

    def on_fit_start(self) -> None:
        """Note what the heads will learn."""
        super().on_fit_start()
        self._trained = self._records()

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of another run or whose outputs mean something else than the data's labels.

        Raises:
            ValueError: If they differ; the message gives both values and the fix.
        """
        stored = stored_datasets(checkpoint.get(CHECKPOINT_KEY) or {})
        if self.trainer.training and stored:  # before the data plan, which differs too if labels do
            check_same_datasets(stored, self._records())
        super().on_load_checkpoint(checkpoint)
        if self.trainer.training:
            return
        self._trained = stored
        if head_shapes(stored) != self._head_shapes:  # the checkpoint was not known to configure_model
            self.heads = build_heads(stored, self.built_backbone.config.n_embd, self.clf_pdrop)
            self._head_shapes = head_shapes(stored)
        read_again = getattr(self.data, "match_trained", None)
        if read_again is not None and read_again(stored):
            self._make_metrics()
        check_heads(stored, self.tasks.values())

    def _record(self) -> dict[str, Any]:
        datasets = {name: record.to_fields() for name, record in self._records().items()}
        return super()._record() | {"datasets": datasets}


def _l2(spec: TaskSpec, logits: Tensor, target: Tensor) -> Tensor:
    if spec.levels:
        return grade_loss(logits, target, torch.tensor(spec.levels, device=logits.device))
    return class_loss(logits, target)


def _prompt_ids(batch: SupervisedBatch) -> list[tuple[int, ...]]:
    examples = zip(batch["input_ids"][:, 0].tolist(), batch["lengths"][:, 0].tolist(), strict=True)
    return [tuple(ids[:length]) for ids, length in examples]
