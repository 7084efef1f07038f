"""``gpt-toolkit doctor``: a dry run of ``fit`` with the same arguments, or a report on a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule

from gpt_toolkit.callbacks import Budget, CheckpointWriter, Samples
from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.lightning_cli import ToolkitCLI, run_cli
from gpt_toolkit.cli.parser import Parser
from gpt_toolkit.cli.parser_errors import explain_error
from gpt_toolkit.cli.run_folder import take_option
from gpt_toolkit.dry_run import DryRun, RunSpec
from gpt_toolkit.dry_run.checkpoint_report import describe_checkpoint
from gpt_toolkit.dry_run.dry_run import section


def run(verb: str, arguments: list[str]) -> int:
    """Run the command and return the exit code: 1 if problems were found.

    With ``--ckpt`` it describes a checkpoint, and examines a run only if there are other arguments.
    """
    checkpoint, arguments = take_option("--ckpt", arguments)
    if checkpoint is not None:
        if not checkpoint:
            raise UsageError("doctor: --ckpt without a value; expected a checkpoint or the folder of a run")
        for title, lines in describe_checkpoint(Path(checkpoint).expanduser()):
            section(title, map(printable, lines))
        if not arguments:
            return 0

    def build(arguments: list[str], first_config: Path | None) -> int:
        return DoctorCLI(arguments, first_config).exit_code

    return run_cli(verb, build, arguments)


def printable(line: str) -> str:
    """Return a line without control characters, which could be commands to the terminal."""
    return "".join(character if character.isprintable() else "?" for character in line)


class DoctorCLI(ToolkitCLI):
    """CLI that builds what ``fit`` would run, continues after an error, and examines the result.

    Args:
        arguments: The command line after the verb, with paths in place of config names.
        first_config: Config that the run is named after.
    """

    def __init__(self, arguments: list[str], first_config: Path | None) -> None:
        self.dry_run = DryRun()
        self.exit_code = 0
        super().__init__("fit", arguments, first_config)

    @contextmanager
    def collect_errors(self) -> Iterator[None]:
        """Turn an error into a problem of the report."""
        try:
            yield
        except (UsageError, ValueError, OSError) as error:
            is_parser_error = "Given value" in str(error)
            self.dry_run.add_problem(explain_error(error) if is_parser_error else str(error))

    def _check_folder(self) -> None:
        """Do nothing: the report says whether the folder holds a run."""

    def instantiate_classes(self) -> None:
        """Build task and DataModule, each independently of the other."""
        settings = self.settings
        self.spec = RunSpec(
            self._build("model", LightningModule),
            self._build("data", LightningDataModule),
            settings.trainer.as_dict(),
            Path(settings.trainer.default_root_dir),
            settings.ckpt_path,
            CheckpointWriter(**settings.checkpoints.as_dict()),
            Samples(**settings.samples.as_dict()),
            Budget(**settings.budget.as_dict()),
        )

    def _build(self, name: str, kind: type) -> Any:
        parser = Parser()
        parser.add_lightning_class_args(kind, name, subclass_mode=True)
        with self.collect_errors():
            return parser.instantiate_classes(self.settings)[name]
        return None

    def _run_subcommand(self, subcommand: str) -> None:
        self.exit_code = self.dry_run.run(self.spec)
