"""``gpt-toolkit doctor``: the arguments of ``fit``, examined instead of run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule

from gpt_toolkit.callbacks import Budget, Checkpoints, Samples
from gpt_toolkit.cli.errors import UsageError
from gpt_toolkit.cli.lightning_cli import Parser, ToolkitCLI, explained
from gpt_toolkit.dry_run import Examination, Subject


class DoctorCLI(ToolkitCLI):
    """Builds what ``fit`` would run, goes on where a part cannot be built, and has it examined.

    Args:
        arguments: The command line after the verb, with files in place of config names.
        first_config: After which the run is called.
    """

    def __init__(self, arguments: list[str], first_config: Path | None) -> None:
        self.examination = Examination()
        self.code = 0
        super().__init__("doctor", arguments, first_config)

    @property
    def trainer_verb(self) -> str:
        """The doctor takes the arguments of ``fit``."""
        return "fit"

    @contextmanager
    def _collected(self) -> Iterator[None]:
        try:
            yield
        except (UsageError, ValueError, OSError) as error:
            self.examination.fault(explained(error) if "Given value" in str(error) else str(error))

    def _check_model(self) -> None:
        with self._collected():
            super()._check_model()

    def _take_from_model(self) -> None:
        with self._collected():
            super()._take_from_model()

    def before_instantiate_classes(self) -> None:
        """Find folder and checkpoint; a checkpoint that is missing is a fault like others."""
        with self._collected():
            super().before_instantiate_classes()

    def instantiate_classes(self) -> None:
        """Build task and DataModule, each for itself."""
        settings = self.settings
        self.subject = Subject(
            self._one("model", LightningModule),
            self._one("data", LightningDataModule),
            settings.trainer.as_dict(),
            Path(settings.trainer.default_root_dir),
            settings.ckpt_path,
            Checkpoints(**settings.checkpoints.as_dict()),
            Samples(**settings.samples.as_dict()),
            Budget(**settings.budget.as_dict()),
        )

    def _one(self, name: str, kind: type) -> Any:
        parser = Parser()
        parser.add_lightning_class_args(kind, name, subclass_mode=True)
        with self._collected():
            return parser.instantiate_classes(self.settings)[name]
        return None

    def _run_subcommand(self, subcommand: str) -> None:
        self.code = self.examination.run(self.subject)
