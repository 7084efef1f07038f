"""ZeroShotTask: a model answers the requests of benchmarks and is scored (GPT-2 §3, GPT-1 §5)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn

from gpt_toolkit.backbone import Decoder, DecoderConfig, decoder_fields
from gpt_toolkit.backbone.int8_linear import largest_activation, quantize
from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.backbone.parallel import divide, whole
from gpt_toolkit.checkpoints import build_decoder, open_model
from gpt_toolkit.evaluation.answer_store import AnswerStore, open_store, store_folder
from gpt_toolkit.evaluation.benchmark_metrics import Result, Score
from gpt_toolkit.evaluation.core_suite import suite_scores
from gpt_toolkit.evaluation.datamodule import RequestBatch, ZeroShotDataModule
from gpt_toolkit.generation.requests import Answer
from gpt_toolkit.generation.scorer import Scorer

log = logging.getLogger(__name__)

_STRUCTURE = ("n_ctx", "n_layer", "n_head", "n_embd", "norm", "vocab_size")
"""Fields that a model's weights fix."""


class ZeroShotTask(LightningModule):
    """Score a model on benchmarks without training on them (GPT-2 §3).

    ``validate`` and ``test`` log ``<benchmark>_<protocol>_<metric>`` and leave the whole report in
    ``scores``, ``results`` and ``answers``; ``predict`` returns a record for each request. It computes in the
    dtype of the weights: for bf16 use ``--trainer.precision bf16-true``.

    Args:
        init_from: The MODEL.
        decoder: Fields in which the decoder differs from the model's; rarely needed.
        batch_tokens: Largest number of tokens that are read at once, with padding.
        int8: Whether to quantize the matrices to int8; on a CPU, with ``--trainer.precision 32-true``.
        store: Whether to store answers in the cache folder, and to reuse stored ones after an interruption.
            See :mod:`~gpt_toolkit.evaluation.answer_store`.
    """

    def __init__(
        self,
        init_from: str | None = None,
        decoder: str | dict[str, Any] | None = None,
        batch_tokens: int = 4096,
        int8: bool = False,
        store: bool = True,
    ) -> None:
        super().__init__()
        self.int8, self.store = int8, store
        self.init_from, self.decoder, self.batch_tokens = init_from, decoder, batch_tokens
        self.backbone: Decoder | None = None
        self.scores: list[Score] = []
        self.answers: dict[str, dict[int, Answer]] = {}
        self.results: dict[str, Result] = {}
        self._answers: dict[str, dict[int, Answer]] = {}
        self._stores: dict[str, AnswerStore] = {}
        self._can_store = True
        self._scorer: Scorer | None = None

    @property
    def data(self) -> ZeroShotDataModule:
        """The DataModule with the benchmarks."""
        data = getattr(self.trainer, "datamodule", None)
        if not isinstance(data, ZeroShotDataModule):
            raise RuntimeError(
                "ZeroShotTask: no DataModule; expected a ZeroShotDataModule; give it to the Trainer"
            )
        return data

    def resolve_decoder(self) -> DecoderConfig:
        """Return the config of the decoder.

        Raises:
            ValueError: If the model is missing, or the data or ``decoder`` do not go with it.
        """
        if self.init_from is None:
            raise ValueError("model: none; expected --model.init_from MODEL")
        data, model = self.data, open_model(self.init_from).config.to_fields()
        config = DecoderConfig.from_fields(model | decoder_fields(self.decoder or {}))
        fields, n_ids = config.to_fields(), data.vocabulary.vocab_size
        problems = [
            f"{key} {fields[key]} against {model[key]}" for key in _STRUCTURE if fields[key] != model[key]
        ]
        if problems:
            raise ValueError(
                f"init_from {self.init_from}: decoder with {', '.join(problems)}; expected the model's; "
                "leave these fields out"
            )
        if n_ids > config.vocab_size:
            problems.append(
                f"tokenizer: {n_ids:,} token ids; expected at most {config.vocab_size:,}, the decoder's "
                "vocab_size; choose the decoder's own tokenizer"
            )
        if data.n_ctx is not None and data.n_ctx > config.n_ctx:
            problems.append(
                f"data.n_ctx: {data.n_ctx:,}; expected at most {config.n_ctx:,}, the decoder's context "
                "length; lower data.n_ctx"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return config

    def configure_model(self) -> None:
        """Read the model, once; Lightning calls it when data and devices are known."""
        if self.backbone is not None:
            return
        config = self.resolve_decoder()
        assert self.init_from is not None
        strategy = self.trainer.strategy
        # the precision plugin of Lightning has set the default dtype
        saved = open_model(self.init_from)
        tensors = saved.read(dtype=torch.get_default_dtype(), device=strategy.root_device)
        self._check_tokenizer(saved.tokenizer)
        self.backbone = build_decoder(config, tensors)
        if isinstance(strategy, ModelParallelStrategy):
            divide(self.backbone, strategy.device_mesh)
        if self.trainer.is_global_zero:
            log.info("initial weights: %s", self.init_from)
            for note in saved.notes:
                log.info(note)

    def _check_tokenizer(self, files: Path | Mapping[str, str] | str) -> None:
        if not isinstance(files, Mapping) or not files:
            return  # the files of a folder may be another program's, equal in meaning only
        if dict(files) != dict(self.data.vocabulary.files()):
            raise ValueError(
                f"init_from {self.init_from}: trained with another tokenizer than the data's; expected the "
                "same; set data.tokenizer to the one it was trained with, such as the folder model/ of its "
                "run"
            )

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Raise, because this task has no checkpoints; a checkpoint of another task is a MODEL."""
        raise ValueError(
            "--ckpt_path: given for ZeroShotTask; expected --model.init_from, because this task has no "
            "checkpoints"
        )

    def configure_callbacks(self) -> list[Callback]:
        """Raise if the Trainer fits; this is the first hook, before Lightning looks for a training step."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            raise ValueError(
                "ZeroShotTask: fit; expected validate, test or predict, because this task does not train"
            )
        return []

    def on_validation_start(self) -> None:
        """Begin a pass over the requests."""
        assert self.backbone is not None
        self._answers = {}
        plain, data = whole(self.backbone), self.data
        decoder = quantize(plain) if self.int8 else pack(plain)
        self._stores = {}
        if self.store:
            int8_range = largest_activation() if self.int8 else None
            folder = store_folder(plain, data.vocabulary, int8_range=int8_range)
            self._stores = {name: open_store(folder, each) for name, each in data.evaluations.items()}
            n_stored = sum(len(store.answers) for store in self._stores.values())
            if n_stored and self.trainer.is_global_zero:
                log.info("%s answers were computed before and are read from %s", f"{n_stored:,}", folder)
        self._scorer = Scorer(decoder, data.vocabulary, batch_tokens=self.batch_tokens)

    on_test_start = on_predict_start = on_validation_start

    def validation_step(self, batch: RequestBatch, batch_idx: int) -> None:
        """Answer a batch."""
        self._answer(batch)

    test_step = validation_step

    def predict_step(self, batch: RequestBatch, batch_idx: int) -> list[dict[str, Any]]:
        """Return a record for each request: benchmark, protocol, number, and the fields of the answer."""
        benchmark, _, protocol = batch["name"].rpartition("/")
        answers = self._answer(batch)
        if batch.get("repeated"):
            return []
        return [
            {"benchmark": benchmark, "protocol": protocol, "request": number, **answer._asdict()}
            for number, answer in zip(batch["numbers"], answers, strict=True)
        ]

    def _answer(self, batch: RequestBatch) -> list[Answer]:
        """Return the answers to a batch: the stored ones, and the others, which are computed and stored."""
        assert self._scorer is not None
        name, numbers = batch["name"], batch["numbers"]
        store = self._stores.get(name)
        known = store.answers if store is not None else {}
        missing = {
            number: request
            for number, request in zip(numbers, batch["requests"], strict=True)
            if number not in known
        }
        new = dict(zip(missing, self._scorer.answer(list(missing.values())), strict=True))
        if store is not None and new and self._can_store:
            try:
                store.add(new)
            except OSError as error:
                log.warning("answers are not stored: %s", error)
                self._can_store = False
        answers = [new[number] if number in new else known[number] for number in numbers]
        self._answers.setdefault(name, {}).update(zip(numbers, answers, strict=True))
        return answers

    def on_validation_epoch_end(self) -> None:
        """Score the answers of all ranks."""
        by_rank = [self._answers]
        if self.trainer.world_size > 1:
            by_rank = [{} for _ in range(self.trainer.world_size)]
            torch.distributed.all_gather_object(by_rank, self._answers)
        self.answers = {}
        for name in self.data.evaluations:
            answers = {number: answer for rank in by_rank for number, answer in rank.get(name, {}).items()}
            if answers:
                self.answers[name] = answers
        evaluations = self.data.evaluations
        self.results = {name: evaluations[name].result(answers) for name, answers in self.answers.items()}
        self.scores = [score for result in self.results.values() for score in result.scores]
        self.scores += suite_scores(self.scores)
        logged = {
            f"{score.benchmark}_{score.protocol}_{score.metric}": score.value
            for score in self.scores
            if not math.isnan(score.value)
        }
        self.log_dict(logged, rank_zero_only=True)

    on_test_epoch_end = on_validation_epoch_end
