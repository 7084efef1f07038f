"""``gpt-toolkit prepare``: the token shards of a config's text, without training."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import LightningDataModule

from gpt_toolkit.cli.lightning_cli import ToolkitCLI, run_cli
from gpt_toolkit.cli.parser import DATA, Parser


def run(verb: str, arguments: list[str]) -> int:
    """Run the command and return the exit code."""

    def build(arguments: list[str], first_config: Path | None) -> int:
        PrepareCLI("fit", arguments, first_config)
        return 0

    return run_cli(build, arguments)


class PrepareCLI(ToolkitCLI):
    """CLI that takes the arguments of ``fit`` and only prepares the data."""

    def before_instantiate_classes(self) -> None:
        """Do nothing: the data needs neither a model nor a run's folder."""

    def _instantiate(self) -> None:
        parser = Parser()
        parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
        self.datamodule = parser.instantiate_classes(self.settings).data

    def _run_subcommand(self, subcommand: str) -> None:
        self.datamodule.prepare_data()
        if isinstance(self.datamodule, DATA):
            self.datamodule.setup("fit")
            print(self.datamodule.summary())
