"""The Trainer's verbs, by LightningCLI: one run, one folder, one config."""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Iterable
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

from gpt_toolkit.backbone import DecoderConfig, decoder_fields
from gpt_toolkit.callbacks import (
    Budget,
    Checkpoints,
    MetricsFile,
    Predictions,
    ProgressLine,
    Samples,
    Throughput,
)
from gpt_toolkit.callbacks.console import quiet_lightning
from gpt_toolkit.callbacks.glue_submission import write_submission
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.training_checkpoint import SHARD_EXTRA, is_sharded
from gpt_toolkit.cli.configs import resolve_configs
from gpt_toolkit.cli.errors import UsageError, explain, no_option
from gpt_toolkit.cli.run_folder import after_fit, keep_results, results_lines, run_folder
from gpt_toolkit.cli.run_precision import PrecisionLine, resolve_precision
from gpt_toolkit.cli.seeds import repeat, take_seeds
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import load
from gpt_toolkit.optim import OptimizerFactory, Schedule
from gpt_toolkit.tasks import FinetuneTask, GenerateTask, PretrainTask
from gpt_toolkit.tasks.lora import LoRA
from gpt_toolkit.tokenizers.loading import load_tokenizer, tokenizer_name, tokenizer_of

TASKS = (PretrainTask, FinetuneTask, ZeroShotTask, GenerateTask)
DATA = (CorpusDataModule, SupervisedDataModule, ZeroShotDataModule, PromptsDataModule)
SETTINGS = {"budget": Budget, "checkpoints": Checkpoints, "samples": Samples, "progress": ProgressLine}
"""Callbacks that every run has, and the names under which a config sets them."""

_PROBE = "the old house by the river was dark and nobody knew why"
"""Words that every way of preparing text leaves as they are."""


def run(verb: str, arguments: list[str]) -> int:
    """Run a verb of the Trainer, ``prepare`` or ``doctor``; the exit code."""
    arguments, first_config = resolve_configs(arguments)
    arguments, n_seeds = take_seeds(arguments) if verb == "fit" else (arguments, 1)
    quiet_lightning()
    try:
        if verb == "doctor":
            from gpt_toolkit.cli.doctor import DoctorCLI  # which is made of what stands here

            return DoctorCLI(arguments, first_config).code
        if n_seeds > 1:
            repeat(n_seeds, partial(_run_seed, arguments, first_config))
        else:
            ToolkitCLI(verb, arguments, first_config)
    except ParserError as error:
        raise UsageError(explained(error)) from None
    except MisconfigurationException as error:  # the Trainer's, of settings that do not go together
        raise UsageError(str(error).partition("\n")[0]) from None
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"{str(error).partition('.')[0]}: lower data.batch_size and raise "
            "trainer.accumulate_grad_batches, or divide the model among devices by --config strategy/fsdp"
        ) from error
    except SystemExit as stop:  # Lightning's answer to Ctrl-C is exit code 1
        interrupted = isinstance(stop.__context__, KeyboardInterrupt)
        return 130 if interrupted else int(stop.code or 0)
    return 0


def _run_seed(arguments: list[str], first_config: Path | None, seed: int) -> dict[str, float]:
    """``fit`` with a seed, in a folder of its own; the metrics of its best state."""
    root = run_folder(arguments, first_config)
    own = ["--trainer.default_root_dir", str(root / f"seed-{seed}")]
    seeds = ["--seed_everything", str(seed), "--data.seed", str(seed)]
    trainer = ToolkitCLI("fit", [*arguments, *own, *seeds], first_config).trainer
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    [checkpoints] = [c for c in callbacks if isinstance(c, Checkpoints)]
    [budget] = [c for c in callbacks if isinstance(c, Budget)]
    if budget.max_steps is not None:  # the other seeds train as many steps
        arguments += ["--trainer.max_steps", str(budget.max_steps), "--budget.minutes", "null"]
    return checkpoints.metrics_at_best or {
        name: float(value) for name, value in trainer.callback_metrics.items()
    }


class ParserError(Exception):
    """What a parser, maybe one of a nested class, has to say; explained once, outermost."""


class Parser(LightningArgumentParser):
    """Raises where argparse would print its usage and leave; takes no option by its first letters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"prog": "gpt-toolkit", "allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raise what is to be explained."""
        raise ParserError(message)


def explained(error: Exception) -> str:
    """What a parser has to say, as one line."""
    return explain(str(error), _option_names(), _class_names())


def _class_names() -> dict[str, list[str]]:
    """Names of the classes that an option can name, by the option's name."""
    kinds: dict[str, Iterable[type]] = {
        "model": TASKS,
        "data": DATA,
        "model.optimizer": OptimizerFactory.__subclasses__(),
        "model.schedule": Schedule.__subclasses__(),
    }
    return {option: [kind.__name__ for kind in classes] for option, classes in kinds.items()}


def _option_names() -> list[str]:
    """Dotted names of every option of the toolkit and of the Trainer."""

    def of(prefix: str, *kinds: type) -> list[str]:
        return [
            f"{prefix}.{name}"
            for kind in kinds
            for name in inspect.signature(kind.__init__).parameters  # type: ignore[misc]
            if name != "self"
        ]

    names = ["config", "seed_everything", "ckpt_path", "print_config"]
    names += of("trainer", Trainer) + of("model", *TASKS) + of("data", *DATA)
    names += of("model.optimizer", *OptimizerFactory.__subclasses__()) + of(
        "model.schedule", *Schedule.__subclasses__()
    )
    names += [*of("model.decoder", DecoderConfig), "model.decoder.preset", *of("model.lora", LoRA)]
    for name, kind in SETTINGS.items():
        names += of(name, kind)
    return names


def _check_same_ids(tokenizer: str, model: str) -> None:
    """Refuse a tokenizer of the data that gives other ids than the model's own.

    Fingerprints are not compared: GPT-1's differ by how words are split, with the same ids for most texts.
    """
    if tokenizer == "auto" or tokenizer.startswith("train:"):
        return  # made of the corpus, and compared when it is there
    own = tokenizer_of(open_model(model).tokenizer, model)
    if own is not None and own.encode(_PROBE) != load_tokenizer(tokenizer).encode(_PROBE):
        raise ValueError(
            f"data.tokenizer {tokenizer} gives other token ids than the tokenizer of {model}: leave "
            "data.tokenizer out, the model's own is taken"
        )


class SaveConfig(Callback):
    """Writes a run's whole config next to its checkpoints, choices included, ready for ``--config``."""

    def __init__(self, parser: LightningArgumentParser, config: Namespace) -> None:
        self.parser, self.config = parser, config

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, after the budget has chosen the number of steps."""
        if trainer.is_global_zero:
            if trainer.max_steps != self.config.trainer.max_steps:
                self.config.trainer.max_steps, self.config.budget.minutes = trainer.max_steps, None
            path = Path(trainer.default_root_dir) / "config.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.parser.save(self.config, path, overwrite=True, multifile=False)


class ToolkitCLI(LightningCLI):
    """LightningCLI with one folder a run, our callbacks and loggers, and only the verb that was asked for.

    Args:
        verb: One of the Trainer's, or ``prepare``, which reads ``fit``'s configs.
        arguments: The rest of the command line, with files in place of config names.
        first_config: After which the run is called.
    """

    def __init__(self, verb: str, arguments: list[str], first_config: Path | None) -> None:
        self.verb, self.first_config = verb, first_config
        self._precision_line: str | None = None
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
            args=[self.trainer_verb, *arguments],
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    @property
    def trainer_verb(self) -> str:
        """The Trainer's method whose arguments are parsed."""
        return "fit" if self.verb == "prepare" else self.verb

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Only the verb that runs: setting up a parser takes a second each."""
        return {self.trainer_verb: LightningCLI.subcommands()[self.trainer_verb]}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The settings of our callbacks."""
        for name, kind in SETTINGS.items():
            if self.trainer_verb == "fit":
                parser.add_lightning_class_args(kind, name)
            else:  # accepted, for a run's config.yaml holds them
                parser.add_argument(f"--{name}", type=dict | None, help=argparse.SUPPRESS)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse what the constructor was given; Lightning's version warns of that."""
        self.config = parser.parse_args(args)

    def _parse_ckpt_path(self) -> None:
        """Nothing: what the user says wins, and the task compares the checkpoint with it."""

    @property
    def settings(self) -> Namespace:
        """The parsed config."""
        settings: Namespace = self.config[self.trainer_verb]
        return settings

    # ------------------------------------------------------------------ one folder a run

    def before_instantiate_classes(self) -> None:
        """Find the run's folder and checkpoint; refuse to begin where a run already is."""
        if self.verb == "prepare":
            return
        settings = self.settings
        if not settings.trainer.default_root_dir:
            settings.trainer.default_root_dir = str(run_folder([], self.first_config))
        self._check_model()
        self.run_folder = Path(settings.trainer.default_root_dir)
        folder = Checkpoints.folder_of(self.run_folder)
        if settings.ckpt_path in ("last", "best"):
            path = folder / f"{settings.ckpt_path}.ckpt"
            if not path.exists():
                raise FileNotFoundError(
                    f"--ckpt_path {settings.ckpt_path}: there is no {path}; the run's folder is what "
                    "--trainer.default_root_dir says"
                )
            settings.ckpt_path = str(path)
        elif settings.ckpt_path and not Path(settings.ckpt_path).exists():
            raise FileNotFoundError(
                f"--ckpt_path {settings.ckpt_path}: there is no such file; or say last or best"
            )
        self._take_from_model()
        # Lightning starts the other ranks itself, when rank 0 has looked; torchrun starts all at once.
        launched_by_rank_0 = "LOCAL_RANK" in os.environ and "TORCHELASTIC_RUN_ID" not in os.environ
        self._precision_line = resolve_precision(settings)
        begins = self.verb == "fit" and not settings.ckpt_path and not settings.trainer.fast_dev_run
        if begins and not launched_by_rank_0 and folder.is_dir() and any(folder.glob("*.ckpt")):
            raise FileExistsError(
                f"{self.run_folder} already holds a run: go on with it by --ckpt_path last, or choose "
                "another folder by --trainer.default_root_dir"
            )

    def _take_from_model(self) -> None:
        """What the data leaves open is as the model has it: its tokenizer, and of benchmarks its context."""
        settings = self.settings
        data, source = (
            settings.data.init_args,
            settings.ckpt_path or settings.model.init_args.get("init_from"),
        )
        if not source:
            return
        wanted = [name for name in ("tokenizer", "n_ctx") if name in data and data[name] is None]
        if "tokenizer" in data and "tokenizer" not in wanted and not settings.ckpt_path:
            _check_same_ids(str(data.tokenizer), source)
        if wanted:
            model = open_model(source)
            if "tokenizer" in wanted:
                data.tokenizer = tokenizer_name(model.tokenizer, source)
            if "n_ctx" in wanted:
                data.n_ctx = model.config.n_ctx

    def _check_model(self) -> None:
        """Find what is wrong with the model before its text is read, which can take long."""
        arguments = self.settings.model.init_args
        if "decoder" not in arguments:  # a task of the user's own
            return
        fields = arguments.decoder or {}
        for field in () if isinstance(fields, str) else fields:
            if field not in ("preset", *DecoderConfig.__dataclass_fields__):
                raise UsageError(no_option(f"model.decoder.{field}", _option_names()))
        try:
            elsewhere = {"vocab_size": 1, "n_ctx": 1}  # where they are not given
            no_weights = not self.settings.ckpt_path and not arguments.get("init_from")
            if not no_weights:
                elsewhere |= {"n_layer": 1, "n_head": 1, "n_embd": 1}
            elif not fields:
                raise UsageError("no decoder: say --model.decoder NAME, or --model.init_from MODEL")
            DecoderConfig.from_fields(elsewhere | decoder_fields(fields))
        except ValueError as error:
            raise UsageError(str(error)) from None
        if self.verb in ("validate", "test", "predict") and no_weights:
            raise UsageError(
                f"{self.verb} needs a model: say --ckpt_path best, last or a file, or --model.init_from MODEL"
            )

    def instantiate_classes(self) -> None:
        """Build everything, or for ``prepare`` the DataModule alone."""
        try:
            self._instantiate()
        except ValueError as error:
            if "Given value" not in str(error):
                raise
            raise ParserError(str(error)) from None  # a constructor's words, among all that was given

    def _instantiate(self) -> None:
        if self.verb == "prepare":
            parser = Parser()
            parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
            self.datamodule = parser.instantiate_classes(self.settings).data
        else:
            super().instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The Trainer, with the run's loggers and callbacks."""
        settings = self.settings
        fits = self.verb == "fit"
        if settings.trainer.logger in (None, True):
            kwargs["logger"] = self._loggers() if fits else False
        trainer = super().instantiate_trainer(**kwargs)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        if self._precision_line:
            callbacks.insert(0, PrecisionLine(self._precision_line))
        if fits:
            callbacks.insert(0, Throughput())  # before the line that shows what it measures
        if fits and not settings.trainer.fast_dev_run:
            saved = settings.clone()
            saved.ckpt_path = None  # the next run decides
            callbacks.append(SaveConfig(self._parser(self.subcommand), saved))
        if self.verb == "predict":
            callbacks.append(Predictions())
        return trainer

    def _loggers(self) -> list[Any]:
        checkpoint, step = self.settings.ckpt_path, 0
        if checkpoint:
            path = Path(checkpoint)
            state = path / SHARD_EXTRA if path.is_dir() else path
            step = torch.load(state, weights_only=True, mmap=True, map_location="cpu")["global_step"]
        return [
            MetricsFile(self.run_folder, resume_step=step),
            TensorBoardLogger(self.run_folder, name="", version="tensorboard"),
        ]

    # ------------------------------------------------------------------ the verbs

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        """The Trainer is told the checkpoint beforehand: a task may need it to build its network."""
        arguments: dict[str, Any] = super()._prepare_subcommand_kwargs(subcommand)
        checkpoint = arguments.pop("ckpt_path", None)
        divides = isinstance(self.trainer.strategy, FSDPStrategy | ModelParallelStrategy)
        if checkpoint and is_sharded(Path(checkpoint)) and not divides:
            raise ValueError(
                f"--ckpt_path {checkpoint}: it is divided among devices: add the strategy that wrote it, "
                "such as --config strategy/fsdp2, or take its weights alone by --model.init_from"
            )
        self.trainer.ckpt_path = checkpoint
        return arguments

    def _run_subcommand(self, subcommand: str) -> None:
        if self.verb == "prepare":
            self.datamodule.prepare_data()
            if isinstance(self.datamodule, DATA):
                self.datamodule.setup("fit")
                print(self.datamodule.summary())
        else:
            super()._run_subcommand(subcommand)

    def before_fit(self) -> None:
        """Let fp32 products use TF32 where a GPU has it."""
        torch.set_float32_matmul_precision("high")

    def after_fit(self) -> None:
        """Write the model folder of the best checkpoint, and say what lies where."""
        trainer, folder = self.trainer, self.run_folder
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        checkpoints = Checkpoints.folder_of(folder)
        source = checkpoints / "best.ckpt"
        if not source.exists():
            source = checkpoints / "last.ckpt"
        if source.exists():
            as_trained = open_model(source).dtype
            load(source, device="cpu", dtype=as_trained).save(folder / "model", overwrite=True)
        for line in after_fit(trainer, folder):
            print(line)

    def validate(self, **kwargs: Any) -> None:
        """Print the validation split's loss, and keep it in ``validate.json``."""
        self._report(self.trainer.validate(**{**kwargs, "verbose": False}))

    def test(self, **kwargs: Any) -> None:
        """Print the test split's loss, and keep it in ``test.json``."""
        self._report(self.trainer.test(**{**kwargs, "verbose": False}))

    def _report(self, results: Any) -> None:
        if self.trainer.is_global_zero:
            for line in results_lines(results):
                print(line)
            model = self.settings.ckpt_path or self.settings.model.init_args.get("init_from") or ""
            keep_results(results, self.run_folder / f"{self.verb}.json", str(model))

    def predict(self, **kwargs: Any) -> None:
        """Write ``predictions.jsonl``, and GLUE's files where there are sets of GLUE."""
        self.trainer.predict(**{**kwargs, "return_predictions": False})
        if self.trainer.is_global_zero and isinstance(self.model, FinetuneTask):
            predictions = sorted(self.run_folder.glob("predictions*.jsonl"))
            written, left_out = write_submission(predictions, self.run_folder / "submission")
            for line in [*(f"for GLUE's server: {path}" for path in written), *left_out]:
                print(line)
