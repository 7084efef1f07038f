"""The command line: Trainer verbs through LightningCLI, the other verbs from ``commands/``.

Nothing heavy is imported before it is known which verb runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import logging
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINER_VERBS = {
    "fit": "train, validating as it goes",
    "validate": "loss on the validation text",
    "test": "loss on the test text",
    "predict": "loss of every token of the test text, as JSON lines",
}
COMMANDS = {
    "prepare": "turn a config's text into token shards, which fit would do itself",
    "generate": "let a model write",
    "tokenizer": "train a vocabulary; encode and decode text",
}
EPILOG = """\
examples:
  gpt-toolkit fit --config storyworld/quickstart
  gpt-toolkit fit --config text/own --data.files letters.txt
  gpt-toolkit test --config runs/own/config.yaml --ckpt_path best
  gpt-toolkit generate runs/own/model --prompt "Dear"

gpt-toolkit VERB --help tells more; gpt-toolkit fit --config NAME --print_config shows every setting.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(version("gpt-toolkit"))
        return 0
    verb = arguments[0]
    try:
        if verb in TRAINER_VERBS or verb == "prepare":
            return _run_trainer_verb(verb, arguments[1:])
        if verb in COMMANDS:
            return _run_command(verb, arguments[1:])
        raise UsageError(f"no verb {verb!r}{_nearest(verb, [*TRAINER_VERBS, *COMMANDS])}")
    except UsageError as error:
        print(f"gpt-toolkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError) as error:
        if os.environ.get("GPT_TOOLKIT_TRACEBACK"):
            raise
        print(f"gpt-toolkit: {error}", file=sys.stderr)
        return 1


class UsageError(Exception):
    """The command line or a config says something that there is not."""


def _help() -> str:
    parser = argparse.ArgumentParser(
        "gpt-toolkit",
        description="GPT-1 and GPT-2: pre-training, fine-tuning and zero-shot evaluation on one backbone.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for name, summary in (TRAINER_VERBS | COMMANDS).items():
        verbs.add_parser(name, help=summary)
    return parser.format_help()


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"


def _run_command(verb: str, arguments: list[str]) -> int:
    command = importlib.import_module(f"gpt_toolkit.commands.{verb}")
    parser = argparse.ArgumentParser(f"gpt-toolkit {verb}", description=command.__doc__)
    command.add_arguments(parser)
    try:
        return int(command.run(parser.parse_args(arguments)))
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)


# ---------------------------------------------------------------------- configs


def shipped_configs() -> Path:
    """Folder of the configs that come with the package."""
    package = Path(__file__).parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def find_config(name: str) -> Path:
    """A config file: a path wins, else a shipped file of that name.

    Raises:
        UsageError: If there is neither; the message names the nearest shipped one.
    """
    if Path(name).is_file():
        return Path(name)
    folder = shipped_configs()
    wanted = name.removeprefix("configs/").removesuffix(".yaml")
    if (path := folder / f"{wanted}.yaml").is_file():
        return path
    names = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))
    raise UsageError(f"no config {name!r}, neither a file nor a shipped one{_nearest(wanted, names)}")


def _resolve_configs(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Put found files in place of config names; also the first of them, after which the run is called."""
    resolved: list[str] = []
    first: Path | None = None
    pending = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if pending or (equals and option in ("--config", "-c")):
            path = find_config(argument if pending else value)
            first = first or path
            resolved.append(str(path) if pending else f"{option}={path}")
            pending = False
        else:
            pending = argument in ("--config", "-c")
            resolved.append(argument)
    return resolved, first


# ---------------------------------------------------------------------- Trainer verbs


def _quiet_lightning() -> None:
    """Leave out what Lightning says about itself, its products and our deliberate choices."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # windows come from memory-mapped tokens
        ".*GPU available but not used.*",
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*The `.*` property is deprecated.*",
    ):
        warnings.filterwarnings("ignore", message)
    ours = logging.getLogger("gpt_toolkit")
    ours.setLevel(logging.INFO)
    if not ours.handlers:
        ours.addHandler(logging.StreamHandler())


def _run_trainer_verb(verb: str, arguments: list[str]) -> int:
    arguments, first_config = _resolve_configs(arguments)
    _quiet_lightning()
    cli_class = _define_cli()
    try:
        cli_class(verb, arguments, first_config)
    except SystemExit as stop:
        if stop.code == 1 and isinstance(stop.__context__, KeyboardInterrupt):
            return 130
        return int(stop.code or 0)
    return 0


def _define_cli() -> Any:  # noqa: ANN401 a class made of lazily imported parts
    """The LightningCLI of the toolkit; in a function, because importing Lightning takes seconds."""
    import torch
    from jsonargparse import Namespace
    from lightning.pytorch import LightningDataModule, LightningModule, Trainer
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
    from lightning.pytorch.loggers import TensorBoardLogger

    import gpt_toolkit.data.corpus
    import gpt_toolkit.optim
    import gpt_toolkit.tasks  # noqa: F401 short class names in configs
    from gpt_toolkit.callbacks import Checkpoints, MetricsFile, Predictions, ProgressLine, Samples

    class Parser(LightningArgumentParser):
        """Says what is wrong in one line, with the nearest name."""

        def error(self, message: str, ex: Exception | None = None) -> Any:  # noqa: ANN401
            raise UsageError(_explain(message, self))

    class SaveConfig(Callback):
        """Keeps the run's whole config beside its checkpoints."""

        def __init__(self, parser: LightningArgumentParser, config: Namespace) -> None:
            self.parser, self.config = parser, config

        def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
            if trainer.is_global_zero and stage == "fit":
                path = Path(trainer.default_root_dir) / "config.yaml"
                path.parent.mkdir(parents=True, exist_ok=True)
                self.parser.save(self.config, path, skip_none=True, overwrite=True, multifile=False)

    class ToolkitCLI(LightningCLI):
        def __init__(self, verb: str, arguments: list[str], first_config: Path | None) -> None:
            self.verb, self.first_config = verb, first_config
            subcommand = "fit" if verb == "prepare" else verb
            super().__init__(
                LightningModule,
                LightningDataModule,
                save_config_callback=None,
                trainer_defaults={
                    "use_distributed_sampler": False,  # the DataModules divide each step's windows themselves
                    "enable_progress_bar": False,
                    "enable_model_summary": False,
                    "num_sanity_val_steps": 0,
                    "log_every_n_steps": 10,
                },
                seed_everything_default=0,
                parser_class=Parser,
                subclass_mode_model=True,
                subclass_mode_data=True,
                args=[subcommand, *arguments],
                auto_configure_optimizers=False,
                load_from_checkpoint_support=False,
            )

        def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
            """Only the verb that runs: setting up a parser takes a second."""
            verb = "fit" if self.verb == "prepare" else self.verb
            return {verb: LightningCLI.subcommands()[verb]}

        def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
            if self.verb == "fit":
                parser.add_lightning_class_args(Checkpoints, "checkpoints")
                parser.add_lightning_class_args(Samples, "samples")
                parser.add_lightning_class_args(ProgressLine, "progress")
            else:  # a run's config.yaml holds them too
                for name in ("checkpoints", "samples", "progress"):
                    parser.add_argument(f"--{name}", type=dict | None, help=argparse.SUPPRESS)

        def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:  # noqa: ANN401
            self.config = parser.parse_args(args)

        def _parse_ckpt_path(self) -> None:
            """Nothing: what the user says wins; the task compares the checkpoint with it."""

        @property
        def settings(self) -> Namespace:
            return self.config[self.config.subcommand]

        def before_instantiate_classes(self) -> None:
            if self.verb == "prepare":
                return
            settings = self.settings
            if not settings.trainer.default_root_dir:
                name = self.first_config.stem if self.first_config else "run"
                settings.trainer.default_root_dir = str(Path("runs") / name)
            self.run_folder = Path(settings.trainer.default_root_dir)
            checkpoints = Checkpoints.folder_of(self.run_folder)
            if settings.ckpt_path in ("last", "best"):
                path = checkpoints / f"{settings.ckpt_path}.ckpt"
                if not path.exists():
                    raise FileNotFoundError(
                        f"--ckpt_path {settings.ckpt_path}: there is no {path}; without --ckpt_path a new run begins"
                    )
                settings.ckpt_path = str(path)
            elif settings.ckpt_path and not Path(settings.ckpt_path).exists():
                raise FileNotFoundError(f"--ckpt_path {settings.ckpt_path}: no such file; or say last or best")
            holds_a_run = checkpoints.is_dir() and any(checkpoints.glob("*.ckpt"))
            if self.verb == "fit" and holds_a_run and not settings.ckpt_path and "LOCAL_RANK" not in os.environ:
                raise FileExistsError(
                    f"{self.run_folder} already holds a run: go on with it by --ckpt_path last, or choose another "
                    f"folder by --trainer.default_root_dir"
                )

        def instantiate_classes(self) -> None:
            if self.verb != "prepare":
                super().instantiate_classes()
                return
            data = Namespace(data=self.settings.data)
            parser = Parser()
            parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
            self.datamodule = parser.instantiate_classes(data).data

        def _run_subcommand(self, subcommand: str) -> None:
            if self.verb == "prepare":
                self.datamodule.prepare_data()
                self.datamodule.setup("fit")
            else:
                super()._run_subcommand(subcommand)

        def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401
            settings = self.settings
            if settings.trainer.logger in (None, True) and self.verb == "fit":
                step = _step_of(settings.ckpt_path)
                kwargs["logger"] = [
                    TensorBoardLogger(self.run_folder, name="", version="tensorboard"),
                    MetricsFile(self.run_folder, resume_step=step),
                ]
            elif settings.trainer.logger in (None, True):
                kwargs["logger"] = False
            trainer = super().instantiate_trainer(**kwargs)
            if self.verb == "fit" and not trainer.fast_dev_run:  # type: ignore[attr-defined]
                saved = settings.clone()
                saved.ckpt_path = None
                trainer.callbacks.append(SaveConfig(self._parser(self.subcommand), saved))
            if self.verb == "predict":
                trainer.callbacks.append(Predictions())
            return trainer

        def before_fit(self) -> None:
            torch.set_float32_matmul_precision("high")  # TF32 where a GPU has it

        def predict(self, **kwargs: Any) -> None:  # noqa: ANN401
            kwargs["return_predictions"] = False
            self.trainer.predict(**kwargs)

        def validate(self, **kwargs: Any) -> None:  # noqa: ANN401
            self._report(self.trainer.validate(**{**kwargs, "verbose": False}))

        def test(self, **kwargs: Any) -> None:  # noqa: ANN401
            self._report(self.trainer.test(**{**kwargs, "verbose": False}))

        def _report(self, results: Any) -> None:  # noqa: ANN401
            if self.trainer.is_global_zero:
                for name, value in results[0].items():
                    print(f"{name:24} {value:.4f}")

        def after_fit(self) -> None:
            if self.trainer.is_global_zero and not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
                _finish_run(self.run_folder, self.trainer)

    return ToolkitCLI


def _explain(message: str, parser: Any) -> str:  # noqa: ANN401
    """jsonargparse's message as one line, with the nearest option to one that does not exist."""
    return " ".join(line.strip() for line in message.splitlines() if line.strip())


def _step_of(checkpoint: str | None) -> int:
    """Optimizer step at which a checkpoint was written; 0 without one."""
    import torch

    if checkpoint is None or not Path(checkpoint).is_file():
        return 0
    return int(torch.load(checkpoint, weights_only=True, mmap=True, map_location="cpu")["global_step"])


def _finish_run(folder: Path, trainer: Any) -> None:  # noqa: ANN401
    """Write the model folder of the best checkpoint, and say what lies where."""
    from gpt_toolkit.callbacks import Checkpoints
    from gpt_toolkit.model import load

    checkpoints = Checkpoints.folder_of(folder)
    best = checkpoints / "best.ckpt"
    source = best if best.exists() else checkpoints / "last.ckpt"
    if source.is_file():
        load(source, device="cpu").save(folder / "model", overwrite=True)
    metrics = trainer.callback_metrics
    results = "  ".join(f"{name} {float(metrics[name]):.4f}" for name in sorted(metrics) if name.startswith("val_"))
    print(f"{results}\n{folder}: model/ (loads in transformers), checkpoints/, metrics.csv, tensorboard/, samples.txt")
    print(f"next: gpt-toolkit generate {folder / 'model'}")


if __name__ == "__main__":
    sys.exit(main())
