"""Fine-tuning on labelled rows, of one set or of many (GPT-1 §3.2-3.3)."""

from __future__ import annotations

import logging
import math
import warnings
from typing import Any, cast

import torch
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from torch import Tensor, nn
from torchmetrics import MetricCollection

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.heads import ClassificationHead, MultipleChoiceHead
from gpt_toolkit.backbone.parallel import whole
from gpt_toolkit.batches import Continuation, Prompt, SupervisedBatch, SupervisedData, TaskSpec
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.losses import class_loss, expected_grade, grade_loss, sequence_mean_loss
from gpt_toolkit.metrics import MeanTokenLoss, accuracy_interval, set_metrics, text_metrics
from gpt_toolkit.optim import OptimizerFactory, Schedule
from gpt_toolkit.tasks.base import BaseTask
from gpt_toolkit.tasks.lora import LoRA

log = logging.getLogger(__name__)


class FinetuneTask(BaseTask):
    """Train a decoder, with a head for each set, on labelled rows (GPT-1 eqs. 3-5).

    The loss of a step is L3 = L2 + λ L1 (eq. 5), each a mean over the step's rows: L2 the negative
    log-likelihood of a row's class, choice or grade; L1 the language-model loss on its sequences, each of
    them a mean over its own tokens and, where a row has several, over them (released code: train.py). Rows
    whose answer is text have L1 alone, on the answer.

    Logs ``train_loss`` (L3) and per split ``val_<set>_<metric>``, ``val_loss`` (L2 per row over all sets) and
    ``val_score``, the mean over the sets of each one's first metric.

    Args:
        decoder: A preset's name, or fields; what is not given is that of ``init_from``.
        optimizer: Builds the optimizer.
        schedule: Learning rate over the run, stepped per update.
        init_from: The pre-trained model. Without one, training starts from scratch, as in GPT-1 Table 5.
        accept_new_plan: Continue a checkpoint although the data or their order have changed.
        lm_coef: λ of GPT-1 eq. 5, weight of the auxiliary loss L1; 0 leaves it out.
        clf_pdrop: Dropout before each set's head.
        transfer_layers: Take embeddings and only the first so many blocks from ``init_from`` (GPT-1 §5,
            Figure 2); all unless given.
        freeze_layers: Leave the first so many blocks as they are. Embeddings are always trained, for those of
            start, delimiter and extract are new.
        layer_decay: Learning rate of a block over that of the one above it; 1 is the paper's.
        lora: Train low-rank additions to the blocks' matrices in place of the matrices, beside the heads and
            the embeddings of start, delimiter and extract. Goes with ``freeze_layers`` (blocks without
            additions) and ``layer_decay``; not with ``transfer_layers``, nor with a sharded model.
        activation_checkpointing: Keep only each block's input for the backward pass and compute the rest
            again.
    """

    unit = "examples"

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
        self.transfer_layers, self.freeze_layers, self.layer_decay = (
            transfer_layers,
            freeze_layers,
            layer_decay,
        )
        self.lora = lora
        faults = []
        if lm_coef < 0:
            faults.append(f"lm_coef is {lm_coef}, expected 0 or more")
        if not 0.0 <= clf_pdrop < 1.0:
            faults.append(f"clf_pdrop is {clf_pdrop}, expected a probability below 1")
        if not 0.0 < layer_decay <= 1.0:
            faults.append(f"layer_decay is {layer_decay}, expected more than 0 and at most 1")
        if freeze_layers < 0:
            faults.append(f"freeze_layers is {freeze_layers}, expected 0 or more")
        if transfer_layers is not None and transfer_layers < 0:
            faults.append(f"transfer_layers is {transfer_layers}, expected 0 or more")
        if faults:
            raise ValueError(f"FinetuneTask: {'; '.join(faults)}")
        if lora is not None:
            lora.require_library()
            if transfer_layers is not None:
                raise ValueError(
                    "lora leaves the blocks' own weights as init_from has them, transfer_layers draws some "
                    "anew, which would never be trained: give one of them"
                )

    heads: nn.ModuleDict
    set_metrics: nn.ModuleDict
    mean_loss: MeanTokenLoss

    # ------------------------------------------------------------------ the network

    @property
    def supervised(self) -> SupervisedData:
        """The DataModule in use."""
        if self.data is None:
            raise RuntimeError("FinetuneTask reads its sets from a DataModule: give the Trainer one")
        return cast(SupervisedData, self.data)

    @property
    def tasks(self) -> dict[str, TaskSpec]:
        """The sets, by name."""
        return dict(self.supervised.tasks)

    @property
    def n_marks(self) -> int:
        """Start, delimiter and extract, unless all sets are text."""
        return 0 if self.data is None else self.supervised.n_marks

    def transfers(self, name: str) -> bool:
        """Embeddings and the first ``transfer_layers`` blocks; the last norm goes with the last block."""
        if self.transfer_layers is None:
            return True
        part, _, rest = name.partition(".")
        last = self.built_backbone.config.n_layer
        if part == "ln_f":
            return self.transfer_layers >= last
        return part != "h" or int(rest.partition(".")[0]) < self.transfer_layers

    def build_heads(self, backbone: Decoder) -> None:
        """Make one head a set."""
        n_layer = backbone.config.n_layer
        for name in ("transfer_layers", "freeze_layers"):
            value = getattr(self, name)
            if value is not None and value > n_layer:
                raise ValueError(f"{name} is {value}, but the decoder has {n_layer} layers")
        self.heads, self.set_metrics = nn.ModuleDict(), nn.ModuleDict()
        self.mean_loss = MeanTokenLoss()
        width = backbone.config.n_embd
        for name, spec in self.tasks.items():
            if spec.kind == "multiple_choice":
                self.heads[name] = MultipleChoiceHead(width, self.clf_pdrop)
            elif spec.kind != "text":
                self.heads[name] = ClassificationHead(width, spec.n_outputs, self.clf_pdrop)
            for scored in (name, *(f"{name}_{part}" for part in spec.parts)):
                free = spec.kind == "text" and not spec.labels
                self.set_metrics[scored] = text_metrics(spec) if free else set_metrics(spec)
        for block in list(backbone.h)[: self.freeze_layers]:
            block.requires_grad_(False)

    def adapt(self, backbone: Decoder) -> None:
        """Put the adapters in, where there are some."""
        if self.lora is None:
            return
        if isinstance(self.trainer.strategy, FSDPStrategy | ModelParallelStrategy):
            raise ValueError(
                "lora goes with one device or with --trainer.strategy ddp, not with a sharded model: what "
                "it trains is small; leave lora or the strategy out"
            )
        if self.init_from is None and not self.trainer.ckpt_path:
            raise ValueError(
                "lora leaves the blocks' own weights as they are, and without a model they are random: say "
                "--model.init_from MODEL"
            )
        self.lora.adapt(backbone, first_block=self.freeze_layers, new_tokens=self._new_tokens)
        if self.trainer.is_global_zero:
            sizes = [(p.numel(), p.requires_grad) for p in self.parameters()]
            trained = sum(size for size, trains in sizes if trains)
            log.info("lora: %s of %s parameters are trained", f"{trained:,}", f"{sum(n for n, _ in sizes):,}")

    @property
    def adapters(self) -> dict[str, Any]:
        """The settings of the adapters; empty where there are none."""
        if self.lora is None:
            return {}
        return self.lora.described(first_block=self.freeze_layers, new_tokens=self._new_tokens)

    @property
    def _new_tokens(self) -> range:
        """Ids of start, delimiter and extract."""
        size = self.supervised.vocabulary.vocab_size
        return range(size, size + self.n_marks)

    def rate_of(self, name: str) -> float:
        """``layer_decay`` once for each layer between a parameter and the heads."""
        path = name.split(".")
        if path[0] != "backbone":
            return 1.0
        above = self.built_backbone.config.n_layer
        if path[1] == "h":
            above -= int(path[2]) + 1
        elif path[1] == "ln_f":
            above = 0
        return self.layer_decay**above

    # ------------------------------------------------------------------ training

    def work(self, batch: SupervisedBatch) -> int:
        """Rows of the step."""
        return batch["step_examples"]

    def training_step(self, batch: SupervisedBatch, batch_idx: int) -> Tensor:
        """This micro-batch's share of the step's mean L3, in nats per row."""
        spec, backbone = self.tasks[batch["task"]], self.built_backbone
        n_sequences = batch["input_ids"].shape[1]
        labels = batch["labels"].flatten(0, 1)  # (B C, T)
        lm_coef = 1.0 if spec.kind == "text" else self.lm_coef
        if lm_coef:
            hidden = backbone(batch["input_ids"].flatten(0, 1))  # (B C, T, D)
            l1 = sequence_mean_loss(hidden, backbone.wte.weight, labels) / n_sequences
            loss_sum = lm_coef * l1
            if spec.kind != "text":
                loss_sum = loss_sum + self._l2(self._head_logits(spec, hidden, batch), batch["target"])
        else:
            loss_sum = self._l2(self._class_logits(spec, batch), batch["target"])
        self.add_to_step_loss(loss_sum, batch["step_examples"])
        loss = self.scale_to_step(loss_sum, batch["step_examples"])
        if self.trainer.world_size > 1:  # ddp waits for a gradient of every parameter
            idle = [p for name, head in self.heads.items() if name != spec.name for p in head.parameters()]
            loss = loss + sum((p.sum() * 0.0 for p in idle), start=loss.new_zeros(()))
        return loss

    def _class_logits(self, spec: TaskSpec, batch: SupervisedBatch) -> Tensor:
        """Scores alone, ``(B, n)``: the last block works for the extract tokens only."""
        last = batch["lengths"].flatten()[:, None] - 1  # (B C, 1)
        states = self.built_backbone(batch["input_ids"].flatten(0, 1), at=last)[:, 0]  # (B C, D)
        return self._scores(spec, states, batch)

    def _head_logits(self, spec: TaskSpec, hidden: Tensor, batch: SupervisedBatch) -> Tensor:
        """Scores where all hidden states are there, ``(B C, T, D)`` to ``(B, n)``."""
        last = batch["lengths"].flatten() - 1
        return self._scores(spec, hidden[torch.arange(len(last), device=hidden.device), last], batch)

    def _scores(self, spec: TaskSpec, states: Tensor, batch: SupervisedBatch) -> Tensor:
        """From the state of each sequence's extract token: ``(B C, D)`` to ``(B, n)``."""
        return self.heads[spec.name](states.view(*batch["lengths"].shape, -1))  # type: ignore[no-any-return]

    @staticmethod
    def _l2(logits: Tensor, target: Tensor) -> Tensor:
        return (grade_loss if target.is_floating_point() else class_loss)(logits, target)

    # ------------------------------------------------------------------ evaluation

    def validation_step(self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add a batch to its set's metrics."""
        self._evaluate(batch)

    def test_step(self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add a batch to its set's metrics."""
        self._evaluate(batch)

    def _evaluate(self, batch: SupervisedBatch) -> None:
        spec = self.tasks[batch["task"]]
        if spec.kind == "text" and not spec.labels:
            has_answer = [bool(right) for right in batch["references"]]
            known = torch.tensor(has_answer, device=self.device)
            answers: Any = [
                a for a, there in zip(self._written(spec, batch), has_answer, strict=True) if there
            ]
            right: Any = [references for references in batch["references"] if references]
        else:
            target = batch["target"]
            known = ~target.isnan() if target.is_floating_point() else target >= 0
            logits, right = self._logits(spec, batch)[known].float(), target[known]
            answers = expected_grade(logits) if target.is_floating_point() else logits.argmax(dim=1)
            if len(logits):
                self.mean_loss.update(self._l2(logits, right).double(), len(right))
        if not len(answers):
            return
        self._metrics(spec.name).update(answers, right)
        parts = batch["parts"][known]
        for index, part in enumerate(spec.parts):
            rows = (parts == index).nonzero()[:, 0]
            if len(rows):
                chosen = [
                    [values[i] for i in rows.tolist()] if isinstance(values, list) else values[rows]
                    for values in (answers, right)
                ]
                self._metrics(f"{spec.name}_{part}").update(*chosen)

    def _logits(self, spec: TaskSpec, batch: SupervisedBatch) -> Tensor:
        """Scores of a row's possible answers: of its head, or log-probabilities of the labels' words."""
        if spec.kind != "text":
            return self._class_logits(spec, batch)
        vocabulary = self.supervised.vocabulary
        words = [(*vocabulary.encode(f" {word}"), vocabulary.end_of_text) for word in spec.labels]
        requests = [Continuation(ids, word) for ids in self._prompts(batch) for word in words]
        found = [answer.log_probability for answer in self._scorer().continuations(requests)]
        return torch.tensor(found, device=self.device).view(-1, len(words))

    def _written(self, spec: TaskSpec, batch: SupervisedBatch) -> list[str]:
        """Answers in words, greedily."""
        requests = [Prompt(ids, spec.max_new_tokens) for ids in self._prompts(batch)]
        return [answer.text.strip() for answer in self._scorer().prompts(requests)]

    def _prompts(self, batch: SupervisedBatch) -> list[tuple[int, ...]]:
        rows = zip(batch["input_ids"][:, 0].tolist(), batch["lengths"][:, 0].tolist(), strict=True)
        return [tuple(ids[:length]) for ids, length in rows]

    def _scorer(self) -> Scorer:
        tokenizer: Any = self.supervised.vocabulary
        return Scorer(whole(self.built_backbone), tokenizer)  # ranks take as many steps as their answers need

    def _metrics(self, name: str) -> MetricCollection:
        return cast(MetricCollection, self.set_metrics[name])

    def predict_step(
        self, batch: SupervisedBatch, batch_idx: int, dataloader_idx: int = 0
    ) -> list[dict[str, Any]]:
        """A line per row: its set and number, the prediction, its target where it has one, probabilities."""
        spec = self.tasks[batch["task"]]
        if spec.kind == "text" and not spec.labels:
            return [
                {
                    "set": spec.name,
                    "row": row,
                    "prediction": answer,
                    **({"references": right} if right else {}),
                }
                for row, answer, right in zip(
                    batch["rows"].tolist(), self._written(spec, batch), batch["references"], strict=True
                )
            ]
        logits = self._logits(spec, batch).float()
        probabilities = logits.softmax(dim=1).tolist()
        graded = batch["target"].is_floating_point()
        answers = (expected_grade(logits) if graded else logits.argmax(dim=1)).tolist()
        lines = []
        for row, part, answer, target, shares in zip(
            batch["rows"].tolist(),
            batch["parts"].tolist(),
            answers,
            batch["target"].tolist(),
            probabilities,
            strict=True,
        ):
            line = {"set": spec.name, "row": row, "prediction": _named(spec, answer, graded)}
            if part >= 0:
                line["part"] = spec.parts[part]
            if target >= 0:  # nor is NaN
                line["target"] = _named(spec, target, graded)
            lines.append({**line, "probabilities": [round(share, 5) for share in shares]})
        return lines

    def on_validation_epoch_start(self) -> None:
        """Forget the last pass."""
        self._reset()

    def on_validation_epoch_end(self) -> None:
        """Log every set's metrics."""
        self._log_split("val")

    def on_test_epoch_start(self) -> None:
        """Forget the last pass."""
        self._reset()

    def on_test_epoch_end(self) -> None:
        """Log every set's metrics."""
        self._log_split("test")

    def on_predict_epoch_start(self) -> None:
        """Refuse to predict by chance."""
        self._require_learning()

    def _require_learning(self) -> None:
        if self.heads and not self.has_learned:
            raise ValueError(
                f"the heads of {', '.join(self.heads)} were never trained, since init_from brings a backbone "
                "alone: say --ckpt_path best, last or a file of a run that trained them"
            )

    def _reset(self) -> None:
        self._require_learning()
        self.mean_loss.reset()
        for metrics in self.set_metrics.values():
            cast(MetricCollection, metrics).reset()

    def _log_split(self, stage: str) -> None:
        logged: dict[str, float] = {}
        if any(spec.kind != "text" or spec.labels for spec in self.tasks.values()):
            logged[f"{stage}_loss"] = float(self.mean_loss.compute())  # free text has no L2
        firsts = []
        for name, spec in self.tasks.items():
            for scored in (name, *(f"{name}_{part}" for part in spec.parts)):
                values = self._computed(scored, with_interval=stage == "test")
                logged |= {f"{stage}_{scored}_{metric}": value for metric, value in values.items()}
                if scored == name and spec.metrics[0] in values:
                    firsts.append(values[spec.metrics[0]])
        if firsts:
            logged[f"{stage}_score"] = sum(firsts) / len(firsts)
        fits = self.trainer.state.fn == "fit"
        self.log_dict(logged, logger=False if fits else None, rank_zero_only=True)
        if fits:  # Lightning itself would log the number of the update before
            for logger in self.trainer.loggers:
                logger.log_metrics(logged, self.trainer.global_step)

    def _computed(self, scored: str, *, with_interval: bool) -> dict[str, float]:
        """Metrics over all ranks, which meet here; none where no rank had a row.

        A correlation is 0 where all predictions are the same.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*method of metric .* was called before the.*")
            warnings.filterwarnings("ignore", ".*variance of predictions or target is close to zero.*")
            values = {name: float(value) for name, value in self._metrics(scored).compute().items()}
        n = int(values.pop("rows"))
        values = {name: 0.0 if math.isnan(value) else value for name, value in values.items()}
        if n and with_interval and "accuracy" in values:
            values["accuracy_interval"] = accuracy_interval(values["accuracy"], n)
        return values if n else {}


def _named(spec: TaskSpec, answer: float, graded: bool) -> str | float | int:
    """A class by its name, a choice by its number, a grade rounded."""
    if graded:
        return round(answer, 4)
    return spec.labels[int(answer)] if spec.labels else int(answer)
