"""The whole examination of a run: what is found goes to standard output, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.callbacks import Checkpoints
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.dry_run.data_report import data_lines, first_lines, vocabulary_line
from gpt_toolkit.dry_run.devices import device_faults, stand_in
from gpt_toolkit.dry_run.model_report import shape_lines
from gpt_toolkit.dry_run.output import remarks_collected, section, size
from gpt_toolkit.dry_run.run_spec import Subject
from gpt_toolkit.dry_run.step_report import Steps
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.hardware import precision_warning
from gpt_toolkit.tasks import GenerateTask
from gpt_toolkit.tasks.base import BaseTask


class Examination:
    """Examines a whole run, continues after an error, and lists all errors and warnings at the end."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.warnings: list[str] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Take an error as a fault that was found."""
        try:
            yield
        except (ValueError, OSError, MemoryError, MisconfigurationException, torch.OutOfMemoryError) as error:
            self.fault(str(error))

    def fault(self, message: str) -> None:
        """Note a fault, with its way out."""
        if message not in self.faults:
            self.faults.append(message)

    def run(self, subject: Subject) -> int:
        """Look at a run.

        Returns:
            The exit code: 1 if errors were found, else 0.
        """
        self._folder(subject)
        trainer = self._trainer(subject)
        ready = self._data(subject, trainer)
        config = self._model(subject, trainer, ready=ready)
        if config is not None and not _trains(subject):
            weights = size(4 * config.n_params), size(2 * config.n_params)
            section("memory", [f"weights {weights[0]} in fp32, {weights[1]} in bf16"])
            section("time", [f"{type(subject.task).__name__} trains nothing: say test, validate or predict"])
        elif config is not None and ready and trainer is not None:
            assert isinstance(subject.task, BaseTask)
            assert subject.data is not None
            with self.collected():
                Steps(subject, subject.task, subject.data, trainer, config, self.fault).examine()
        if trainer is not None and _trains(subject):
            device = trainer.strategy.root_device
            if message := precision_warning(str(trainer.precision), device):
                self.warnings.append(message)
        if not self.faults and not self.warnings:
            print("all is well")
        for kind, messages in (("fault", self.faults), ("warning", self.warnings)):
            if messages:
                print(f"{len(messages)} {kind}{'s' * (len(messages) > 1)}:")
            for number, message in enumerate(messages, start=1):
                print(f"  {number}. {message}")
        return 1 if self.faults else 0

    # ------------------------------------------------------------------ folder and Trainer

    def _folder(self, subject: Subject) -> None:
        lines = [f"folder {subject.folder}, nothing is written there now"]
        folder = Checkpoints.folder_of(subject.folder)
        if folder.is_dir() and any(folder.glob("*.ckpt")):
            lines.append("it holds a run already: --ckpt_path last goes on with it")
            if not subject.ckpt_path:
                self.fault(
                    f"{subject.folder} already holds a run: go on with it by --ckpt_path last, or choose "
                    "another folder by --trainer.default_root_dir"
                )
        if subject.ckpt_path:
            lines.append(f"goes on from {subject.ckpt_path}")
        section("run", lines)

    def _trainer(self, subject: Subject) -> Trainer | None:
        """One that does the same on one device, and leaves nothing behind."""
        for message in device_faults(subject.trainer):
            self.fault(message)
        with self.collected():
            return stand_in(subject.trainer)
        return None

    # ------------------------------------------------------------------ data

    def _data(self, subject: Subject, trainer: Trainer | None) -> bool:
        """Read, encode and show; whether the data can be used."""
        data, remarks = subject.data, list[str]()
        if data is None:
            return False
        data.trainer = trainer
        ready = False
        with self.collected(), remarks_collected(remarks):
            data.prepare_data()
            data.setup("fit" if _trains(subject) else "predict")
            ready = True
        lines = list(data_lines(data)) if ready else []
        section("data", [*lines, *(f"  {remark}" for remark in remarks)])
        if ready:
            if (vocabulary := getattr(data, "vocabulary", None)) is not None:
                section("vocabulary", [vocabulary_line(vocabulary)])
            with self.collected():
                section("", first_lines(data))
        return ready

    # ------------------------------------------------------------------ model

    def _model(self, subject: Subject, trainer: Trainer | None, *, ready: bool) -> DecoderConfig | None:
        """Shape, and whether it goes with the data."""
        task, config = subject.task, None
        with self.collected():
            if isinstance(task, BaseTask | ZeroShotTask) and ready:
                config = self._resolved(task, subject, trainer)
            elif isinstance(task, GenerateTask):
                config = open_model(task.init_from).config
                self._prompts(subject, config)
        if task is not None:
            section("model", [type(task).__name__, *(shape_lines(config) if config is not None else [])])
        if _trains(subject) and isinstance(task, BaseTask) and task.optimizer_factory is None:
            self.fault("no optimizer: training needs --model.optimizer, e.g. AdamW with its lr")
            return None
        return config

    @staticmethod
    def _resolved(task: BaseTask | ZeroShotTask, subject: Subject, trainer: Trainer | None) -> DecoderConfig:
        if trainer is not None:
            task.trainer = trainer
            trainer.datamodule = subject.data  # type: ignore[attr-defined]
            trainer.ckpt_path = subject.ckpt_path
        return task.resolve_decoder()

    def _prompts(self, subject: Subject, config: DecoderConfig) -> None:
        vocabulary = getattr(subject.data, "vocabulary", None)
        for number, prompt in enumerate(getattr(subject.data, "prompts", [])):
            n = len(vocabulary.encode(prompt)) if vocabulary is not None else 0
            if n > config.n_ctx:
                self.fault(
                    f"prompt {number}, {prompt[:40]!r}...: {n:,} tokens are more than the context length "
                    f"{config.n_ctx:,}; shorten it"
                )


def _trains(subject: Subject) -> bool:
    return not isinstance(subject.task, ZeroShotTask | GenerateTask)
