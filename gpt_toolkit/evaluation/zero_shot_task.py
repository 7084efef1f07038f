"""Zero-shot evaluation: benchmarks ask, the model answers, a protocol judges (GPT-2 §3; GPT-1 §5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch.distributed
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.backbone.parallel import whole
from gpt_toolkit.batches import Answer, Continuation, EvaluationData, Prompt, RequestBatch, RunningText, Score
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tasks.base import BaseTask


class ZeroShotTask(BaseTask):
    """Let a model answer benchmarks without training on them (GPT-2 §3).

    ``validate`` and ``test`` log ``<benchmark>_<protocol>_<metric>`` and leave the whole report in
    ``scores`` and ``answers``; ``predict`` gives a line per request. Computes in the dtype of the weights:
    for bf16 say ``--trainer.precision bf16-true``.

    Args:
        init_from: The MODEL, unless a checkpoint is given.
        decoder: Fields in which the decoder is to differ from the model's; rarely needed.
        batch_tokens: Tokens read at once, at most, padding counted.
    """

    unit = "requests"

    def __init__(
        self,
        init_from: str | None = None,
        decoder: str | dict[str, Any] | None = None,
        batch_tokens: int = 4096,
    ) -> None:
        super().__init__(decoder, init_from=init_from)
        self.batch_tokens = batch_tokens
        self.scores: list[Score] = []
        self.answers: dict[str, dict[int, Answer]] = {}
        self._answers: dict[str, dict[int, Answer]] = {}
        self._scorer: Scorer | None = None

    @property
    def evaluation(self) -> EvaluationData:
        """The DataModule in use."""
        if self.data is None:
            raise RuntimeError("ZeroShotTask reads its benchmarks from a DataModule: give the Trainer one")
        return cast(EvaluationData, self.data)

    def work(self, batch: RequestBatch) -> int:
        """Requests of a batch."""
        return len(batch["requests"])

    def configure_callbacks(self) -> list[Callback]:
        """Refuse to train; of all hooks this one comes before Lightning looks for a training step."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            raise ValueError("ZeroShotTask does not train: say validate, test or predict")
        return []

    # ------------------------------------------------------------------ answering

    def on_validation_start(self) -> None:
        """Begin a pass."""
        self._begin()

    def on_test_start(self) -> None:
        """Begin a pass."""
        self._begin()

    def on_predict_start(self) -> None:
        """Begin a pass."""
        self._begin()

    def _begin(self) -> None:
        self._answers = {}
        decoder = pack(whole(self.built_backbone))
        vocabulary: Any = self.evaluation.vocabulary
        self._scorer = Scorer(decoder, vocabulary, batch_tokens=self.batch_tokens)

    def validation_step(self, batch: RequestBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Answer a batch."""
        self._answer(batch)

    def test_step(self, batch: RequestBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Answer a batch."""
        self._answer(batch)

    def predict_step(
        self, batch: RequestBatch, batch_idx: int, dataloader_idx: int = 0
    ) -> list[dict[str, Any]]:
        """A line per request: benchmark, protocol, number, and the answer's fields."""
        answers = self._answer(batch)
        benchmark, _, protocol = batch["name"].rpartition("/")
        return [
            {"benchmark": benchmark, "protocol": protocol, "request": number, **answer._asdict()}
            for number, answer in zip(batch["numbers"], answers, strict=True)
        ]

    def _answer(self, batch: RequestBatch) -> list[Answer]:
        assert self._scorer is not None
        requests = batch["requests"]
        answers: list[Answer]
        if isinstance(requests[0], Continuation):
            answers = self._scorer.continuations(cast(Sequence[Continuation], requests))
        elif isinstance(requests[0], RunningText):
            answers = self._scorer.running_texts(cast(Sequence[RunningText], requests))
        else:
            answers = self._scorer.prompts(cast(Sequence[Prompt], requests))
        self._answers.setdefault(batch["name"], {}).update(zip(batch["numbers"], answers, strict=True))
        return answers

    # ------------------------------------------------------------------ judging

    def on_validation_epoch_end(self) -> None:
        """Judge the answers of all ranks."""
        self._judge()

    def on_test_epoch_end(self) -> None:
        """Judge the answers of all ranks."""
        self._judge()

    def _judge(self) -> None:
        everyone = [self._answers]
        if self.trainer.world_size > 1:
            everyone = [{} for _ in range(self.trainer.world_size)]
            torch.distributed.all_gather_object(everyone, self._answers)
        found: dict[str, dict[int, Answer]] = {}
        for rank in everyone:
            for name, answers in rank.items():
                found.setdefault(name, {}).update(answers)
        # in the order of the requests, whichever device had the first of them
        self.answers = {name: found[name] for name in sorted(found, key=lambda name: min(found[name]))}
        self.scores = [s for name in self.answers for s in self.evaluation.judge(name, self.answers[name])]
        logged = {
            f"{score.benchmark}_{score.protocol}_{score.metric}": score.value
            for score in self.scores
            if not math.isnan(score.value)
        }
        self.log_dict(logged, rank_zero_only=True)
