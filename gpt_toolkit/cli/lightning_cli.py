"""Verbs of the Trainer, by LightningCLI: one run, one folder, one config."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy

from gpt_toolkit import intervals
from gpt_toolkit.callbacks import Budget, CheckpointWriter, MetricsFile, Predictions, Throughput
from gpt_toolkit.callbacks.console import quiet_lightning
from gpt_toolkit.callbacks.interrupts import EvaluationSignals, interruptible
from gpt_toolkit.callbacks.predictions import write_submission
from gpt_toolkit.callbacks.rank_watch import watched_ranks
from gpt_toolkit.checkpoints.training_checkpoint import is_sharded
from gpt_toolkit.checkpoints.verification import verify_checkpoint
from gpt_toolkit.class_scores import class_table
from gpt_toolkit.cli import UsageError
from gpt_toolkit.cli.allowed_imports import allow_imports
from gpt_toolkit.cli.config_files import place_of_class, resolve_configs
from gpt_toolkit.cli.defaults import (
    OpeningLines,
    check_model,
    check_trainer,
    resolve_precision,
    take_from_model,
)
from gpt_toolkit.cli.parser import DATA, SETTINGS, Parser, ParserError
from gpt_toolkit.cli.parser_errors import explain_error, suggest_config
from gpt_toolkit.cli.run_folder import (
    SaveConfig,
    describe_fit,
    describe_results,
    find_checkpoint,
    read_checkpoint,
    refuse_existing_run,
    run_folder,
    save_model,
    take_more_steps,
    take_option,
    write_results,
)
from gpt_toolkit.cli.trainer_help import format_help, take_topic
from gpt_toolkit.cli.typed_options import typed_options
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.metrics import describe_evaluation
from gpt_toolkit.tasks import FinetuneTask

TRAINER_DEFAULTS = {
    "use_distributed_sampler": False,  # the DataModules divide each step's windows themselves
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 10,
}

Build = Callable[[list[str], Path | None], int]


def run(verb: str, arguments: list[str]) -> int:
    """Run ``fit``, ``validate``, ``test``, ``predict`` or ``prepare`` and return the exit code."""

    def build(arguments: list[str], first_config: Path | None) -> int:
        if verb == "prepare":
            PrepareCLI("fit", arguments, first_config)
            return 0
        arguments, n_seeds = take_seeds(arguments) if verb == "fit" else (arguments, 1)
        if n_seeds > 1:
            repeat(n_seeds, partial(_run_seed, arguments, first_config))
        else:
            ToolkitCLI(verb, arguments, first_config)
        return 0

    return run_cli(verb, build, arguments)


def run_cli(verb: str, build: Build, arguments: list[str]) -> int:
    """Build a CLI, which runs its verb, explain its errors and return the exit code.

    Args:
        verb: The verb.
        build: Takes the arguments, with paths in place of config names, and the first config.
        arguments: The command line after the verb.
    """
    if (topic := take_topic(arguments)) is not None:
        print(format_help(verb, topic, arguments), end="")
        return 0
    typed = [option.removeprefix("--").replace("init_args.", "") for option, _ in typed_options(arguments)]
    is_complete = {"config", "model", "data"}.intersection(typed) or "-c" in arguments
    if not is_complete and not any(name.endswith(".help") for name in typed):
        raise UsageError(suggest_config(typed))
    arguments = allow_imports(arguments)
    arguments, first_config = resolve_configs(arguments)
    quiet_lightning()
    try:
        with interruptible(), watched_ranks():
            return build(arguments, first_config)
    except ParserError as error:
        message = explain_error(error)
        raise UsageError(f"{place_of_class(message, arguments)}{message}") from None
    except MisconfigurationException as error:  # the Trainer's, about settings that exclude each other
        raise UsageError(str(error).partition("\n")[0]) from None
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"memory: {str(error).partition('.')[0]}; expected a run that fits; lower data.batch_size and "
            "raise trainer.accumulate_grad_batches, or divide the model among devices by --config "
            "strategy/fsdp"
        ) from error
    except SystemExit as stop:  # Lightning answers Ctrl-C with exit code 1
        interrupted = isinstance(stop.__context__, KeyboardInterrupt)
        return 130 if interrupted else int(stop.code or 0)


def take_seeds(arguments: list[str]) -> tuple[list[str], int]:
    """Return the arguments without ``--seeds N``, and N, which is 1 by default.

    Raises:
        UsageError: If N is not a number above 0, or other options belong to a single run.
    """
    value, rest = take_option("--seeds", arguments)
    if value is None:
        return arguments, 1
    if not value.isdecimal() or int(value) < 1:
        raise UsageError(f"--seeds: {value}; expected a number of seeds, such as 5")
    given = {argument.partition("=")[0] for argument in rest}
    if clash := [name for name in ("--ckpt_path", "--seed_everything") if name in given]:
        raise UsageError(f"--seeds: given with {', '.join(clash)}; expected new runs; leave these out")
    return rest, int(value)


def repeat(n: int, run: Callable[[int], Mapping[str, float]]) -> None:
    """Run with seeds 0 to n - 1; print the mean, 95% interval and median of each metric it returns."""
    results: list[Mapping[str, float]] = []
    for seed in range(n):
        print(f"seed {seed} ({seed + 1} of {n})")
        results.append(run(seed))
    names = [name for name in results[0] if all(name in result for result in results)]
    print(f"{n} seeds, each at its best validation: mean, 95% interval, median")
    for name in names:
        values = [result[name] for result in results]
        mean, interval = statistics.fmean(values), intervals.student_t(values)
        print(f"{name:28} {mean:.4f} +- {interval:.4f}  (median {statistics.median(values):.4f})")


def _run_seed(arguments: list[str], first_config: Path | None, seed: int) -> dict[str, float]:
    """Run ``fit`` with a seed in its own folder and return the metrics of the best state."""
    folder = run_folder(arguments, first_config) / f"seed-{seed}"
    options = ["--trainer.default_root_dir", str(folder)]
    options += ["--seed_everything", str(seed), "--data.seed", str(seed)]
    trainer = ToolkitCLI("fit", [*arguments, *options], first_config).trainer
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    [checkpoints] = [c for c in callbacks if isinstance(c, CheckpointWriter)]
    [budget] = [c for c in callbacks if isinstance(c, Budget)]
    if budget.max_steps is not None:  # the other seeds train as many steps
        arguments += ["--trainer.max_steps", str(budget.max_steps), "--budget.minutes", "null"]
    return checkpoints.metrics_at_best or {
        name: float(value) for name, value in trainer.callback_metrics.items()
    }


class ToolkitCLI(LightningCLI):
    """LightningCLI with one folder a run, our callbacks and loggers, and only the verb that runs.

    Args:
        verb: A verb of the Trainer.
        arguments: The rest of the command line, with paths in place of config names.
        first_config: Config that the run is named after.
    """

    def __init__(self, verb: str, arguments: list[str], first_config: Path | None) -> None:
        self.verb, self.first_config = verb, first_config
        self._opening_lines: list[str] = []
        self._more_steps, arguments = take_more_steps(arguments)
        super().__init__(
            LightningModule,
            LightningDataModule,
            save_config_callback=None,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            parser_class=Parser,
            subclass_mode_model=True,
            subclass_mode_data=True,
            args=[verb, *arguments],
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    # ------------------------------------------------------------------ parsing

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return only the verb that runs, because setting up a parser takes a second each."""
        return {self.verb: LightningCLI.subcommands()[self.verb]}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the settings of our callbacks."""
        for name, kind in SETTINGS.items():
            if self.verb == "fit":
                parser.add_lightning_class_args(kind, name)
            else:  # accepted, because a run's config.yaml holds them
                parser.add_argument(f"--{name}", type=dict | None, help=argparse.SUPPRESS)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the constructor's arguments; Lightning's version warns about them."""
        try:
            self.config = parser.parse_args(args)
        except (ParserError, UsageError, OSError):
            raise
        except Exception as error:  # jsonargparse raises errors of any kind for values that it cannot read
            raise ParserError(f"settings that cannot be read ({type(error).__name__}: {error})") from error

    def _parse_ckpt_path(self) -> None:
        """Do nothing: the user's settings win, and the task compares the checkpoint with them."""

    @property
    def settings(self) -> Namespace:
        """Parsed config."""
        settings: Namespace = self.config[self.verb]
        return settings

    # ------------------------------------------------------------------ before anything is built

    def collect_errors(self) -> AbstractContextManager[None]:
        """Return a context for each check of the settings; this one lets its error pass."""
        return nullcontext()

    def before_instantiate_classes(self) -> None:
        """Find the run's folder and checkpoint, check the settings and fill in what is open."""
        trainer = self.settings.trainer
        trainer.default_root_dir = trainer.default_root_dir or str(run_folder([], self.first_config))
        self.run_folder = Path(trainer.default_root_dir)
        with self.collect_errors():
            check_model(self.settings, self.verb)
        with self.collect_errors():
            check_trainer(trainer)
        for step in (self._find_checkpoint, self._take_from_model, self._check_folder):
            with self.collect_errors():
                step()

    def _find_checkpoint(self) -> None:
        given, self.settings.ckpt_path = self.settings.ckpt_path, None
        self.settings.ckpt_path = path = find_checkpoint(given, self.run_folder)
        if self._more_steps is not None and path is None:
            raise UsageError(
                f"trainer.max_steps: +{self._more_steps}; expected a checkpoint to whose steps these are "
                "added; add --ckpt_path last, or leave out the +"
            )
        if path is not None:
            step = read_checkpoint(path)["global_step"]
            verify_checkpoint(Path(path))
            self._opening_lines.append(f"checkpoint: {path}, step {step:,}")
            if self._more_steps is not None:
                self.settings.trainer.max_steps = step + self._more_steps
                self.settings.trainer.max_epochs = -1

    def _take_from_model(self) -> None:
        take_from_model(self.settings)
        if line := resolve_precision(self.settings):
            self._opening_lines.append(line)

    def _check_folder(self) -> None:
        settings = self.settings
        if self.verb == "fit" and not settings.ckpt_path and not settings.trainer.fast_dev_run:
            refuse_existing_run(self.run_folder)

    # ------------------------------------------------------------------ building

    def instantiate_classes(self) -> None:
        """Build everything; an error of a constructor is explained like one of the parser."""
        try:
            self._instantiate()
        except ValueError as error:
            if "Given value" not in str(error):
                raise
            raise ParserError(str(error)) from None  # the constructor's message, within all given values

    def _instantiate(self) -> None:
        super().instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the Trainer, with the run's loggers and callbacks."""
        settings, fits = self.settings, self.verb == "fit"
        if settings.trainer.logger in (None, True):
            kwargs["logger"] = self._loggers() if fits else False
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (UsageError, ParserError, MisconfigurationException, ValueError, OSError):
            raise
        except Exception as error:  # the Trainer raises errors of other kinds, too, for settings
            raise UsageError(f"trainer: {' '.join(str(error).split())}") from error
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        if self._opening_lines:
            callbacks.insert(0, OpeningLines(self._opening_lines))
        if not fits:
            callbacks.append(EvaluationSignals())
        if fits:
            callbacks.insert(0, Throughput())  # before the line that shows its measurements
        if fits and not settings.trainer.fast_dev_run:
            saved = settings.clone()
            saved.ckpt_path = None  # the next run decides
            callbacks.append(SaveConfig(self._parser(self.subcommand), saved))
        if self.verb == "predict":
            callbacks.append(Predictions())
        return trainer

    def _loggers(self) -> list[Any]:
        checkpoint = self.settings.ckpt_path
        step = read_checkpoint(checkpoint)["global_step"] if checkpoint else 0
        return [
            MetricsFile(self.run_folder, resume_step=step),
            TensorBoardLogger(self.run_folder, name="", version="tensorboard"),
        ]

    # ------------------------------------------------------------------ verbs

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        """Set the Trainer's checkpoint beforehand: a task may need it to build its network."""
        arguments: dict[str, Any] = super()._prepare_subcommand_kwargs(subcommand)
        checkpoint = arguments.pop("ckpt_path", None)
        divides = isinstance(self.trainer.strategy, FSDPStrategy | ModelParallelStrategy)
        if checkpoint and is_sharded(Path(checkpoint)) and not divides:
            raise ValueError(
                f"--ckpt_path: {checkpoint}, divided among devices; expected the strategy that wrote it; add "
                "it, such as --config strategy/fsdp2, or use the weights alone by --model.init_from"
            )
        self.trainer.ckpt_path = checkpoint
        return arguments

    def before_fit(self) -> None:
        """Let fp32 products use TF32 on a GPU that has it."""
        torch.set_float32_matmul_precision("high")

    def after_fit(self) -> None:
        """Write the model folder of the best checkpoint and print the results."""
        if self.trainer.is_global_zero and not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            save_model(self.run_folder)
            for line in describe_fit(self.trainer, self.run_folder):
                print(line)

    def validate(self, **kwargs: Any) -> None:
        """Print the metrics of the validation split and write ``validate.json``."""
        self._report(self.trainer.validate(**{**kwargs, "verbose": False}))

    def test(self, **kwargs: Any) -> None:
        """Print the metrics of the test split and write ``test.json``."""
        self._report(self.trainer.test(**{**kwargs, "verbose": False}))

    def _report(self, results: Any) -> None:
        if self.trainer.is_global_zero:
            evaluated = self.model.evaluated if isinstance(self.model, FinetuneTask) else {}
            for line in describe_results(results):
                print(line)
            for name, described in evaluated.items():
                print(*[describe_evaluation(name, described), *class_table(described)], sep="\n")
            model = self.settings.ckpt_path or self.settings.model.init_args.get("init_from") or ""
            write_results(results, self.run_folder / f"{self.verb}.json", str(model), evaluated)

    def predict(self, **kwargs: Any) -> None:
        """Write ``predictions.jsonl``, and submission files if there are datasets of GLUE."""
        self.trainer.predict(**{**kwargs, "return_predictions": False})
        if self.trainer.is_global_zero and isinstance(self.model, FinetuneTask):
            predictions = sorted(self.run_folder.glob("predictions*.jsonl"))
            written, left_out = write_submission(predictions, self.run_folder / "submission")
            for line in [*(f"for GLUE's server: {path}" for path in written), *left_out]:
                print(line)


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
            if isinstance(self.datamodule, CorpusDataModule):
                self.datamodule.cache.verify()  # whole, where other commands may read a sample
            print(self.datamodule.summary())
