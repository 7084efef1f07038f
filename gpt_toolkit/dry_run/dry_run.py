"""Report of ``gpt-toolkit doctor``: sections printed one after another, then a list of every problem."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.callbacks.checkpoint_writer import existing_run
from gpt_toolkit.callbacks.console import say
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.prompts_datamodule import PromptsDataModule
from gpt_toolkit.data.supervised.batching import TrainingBatches
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.data.supervised.inspect_examples import show_tokens
from gpt_toolkit.dry_run.memory import StepMemory, forecast_step, size
from gpt_toolkit.dry_run.run_spec import RunSpec
from gpt_toolkit.dry_run.timing import TrialSteps, time_lines
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.requests import Continuation, Request, RunningText
from gpt_toolkit.hardware import (
    compute_dtype,
    device_name,
    free_memory,
    peak_process_memory,
    precision_warning,
)
from gpt_toolkit.tasks import GenerateTask
from gpt_toolkit.tasks.base import BaseTask
from gpt_toolkit.tokenizers import Tokenizer

N_EXAMPLES = 2
"""Examples shown of each dataset; tuned here: two labels may differ, more would hide the rest."""

SMALLER_STEP = (
    "lower data.batch_size and raise trainer.accumulate_grad_batches, choose a smaller decoder, or divide "
    "the model among devices by --config strategy/fsdp"
)
"""What to do about a step that does not fit."""


class DryRun:
    """Examines a whole run, continues after an error, and lists all problems and warnings at the end."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []

    @contextmanager
    def collect_errors(self) -> Iterator[None]:
        """Turn an error into a problem of the report."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            self.add_problem(f"{str(error).partition('.')[0]}: {SMALLER_STEP}")
        except (ValueError, OSError, MemoryError, MisconfigurationException) as error:
            self.add_problem(str(error))

    def add_problem(self, message: str) -> None:
        """Add a problem and its fix to the list."""
        if message not in self.problems:
            self.problems.append(message)

    def run(self, spec: RunSpec) -> int:
        """Examine a run and print the report.

        Returns:
            The exit code: 1 if problems were found, else 0.
        """
        self._check_folder(spec)
        for message in spec.device_problems():
            self.add_problem(message)
        trainer = None
        with self.collect_errors():
            trainer = spec.trial_trainer()
        ready = self._examine_data(spec, trainer)
        config = self._examine_model(spec, trainer, ready=ready)
        if config is not None and not spec.trains:
            weights = size(4 * config.n_params), size(2 * config.n_params)
            section("memory", [f"weights {weights[0]} in fp32, {weights[1]} in bf16"])
            section("time", [f"{type(spec.task).__name__} trains nothing: use test, validate or predict"])
        elif config is not None and ready and trainer is not None:
            with self.collect_errors():
                self._try_steps(spec, trainer, config)
        if trainer is not None and spec.trains:
            warning = precision_warning(str(trainer.precision), trainer.strategy.root_device)
            self.warnings += [warning] if warning else []
        if not self.problems and not self.warnings:
            print("all is well")
        for kind, messages in (("problem", self.problems), ("warning", self.warnings)):
            if messages:
                print(f"{len(messages)} {kind}{'s' * (len(messages) > 1)}:")
            for number, message in enumerate(messages, start=1):
                print(f"  {number}. {message}")
        return 1 if self.problems else 0

    def _check_folder(self, spec: RunSpec) -> None:
        lines = [f"folder {spec.folder}; this command writes nothing there"]
        if message := existing_run(spec.folder):
            lines.append("it already holds a run: --ckpt_path last resumes it")
            if not spec.ckpt_path:
                self.add_problem(message)
        if spec.ckpt_path:
            lines.append(f"resumes from {spec.ckpt_path}")
        section("run", lines)

    def _examine_data(self, spec: RunSpec, trainer: Trainer | None) -> bool:
        """Read and show the data; return whether it can be used."""
        data, notes = spec.data, list[str]()
        if data is None:
            return False
        data.trainer = trainer
        ready = False
        with self.collect_errors(), collect_notes(notes):
            data.prepare_data()
            data.setup("fit" if spec.trains else "predict")
            ready = True
        lines = list(data_lines(data)) if ready else []
        section("data", [*lines, *(f"  {note}" for note in notes)])
        if ready:
            if (vocabulary := getattr(data, "vocabulary", None)) is not None:
                name = f"{vocabulary.name}, " if getattr(vocabulary, "name", "") else ""
                size_and_print = f"{vocabulary.vocab_size:,} token ids, fingerprint {vocabulary.fingerprint}"
                section("vocabulary", [name + size_and_print])
            with self.collect_errors():
                section("", first_examples(data))
        return ready

    def _examine_model(self, spec: RunSpec, trainer: Trainer | None, *, ready: bool) -> DecoderConfig | None:
        """Show the model's shape and return it, if it goes with the data and can be trained."""
        task, config = spec.task, None
        with self.collect_errors():
            if isinstance(task, BaseTask | ZeroShotTask) and ready:
                if trainer is not None:
                    task.trainer = trainer
                    trainer.datamodule = spec.data  # type: ignore[attr-defined]
                    trainer.ckpt_path = spec.ckpt_path
                config = task.resolve_decoder()
            elif isinstance(task, GenerateTask):
                config = open_model(task.init_from).config
                if ready and isinstance(spec.data, PromptsDataModule):
                    for problem in spec.data.length_problems(config.n_ctx):
                        self.add_problem(problem)
        if task is not None:
            section("model", [type(task).__name__, *(shape_lines(config) if config is not None else [])])
        if spec.trains and isinstance(task, BaseTask) and task.optimizer_factory is None:
            self.add_problem("no optimizer: training needs --model.optimizer, e.g. AdamW with its lr")
            return None
        return config

    def _try_steps(self, spec: RunSpec, trainer: Trainer, config: DecoderConfig) -> None:
        """Train a few steps, unless they would not fit; print memory and time."""
        task, data = spec.task, spec.data
        assert isinstance(task, BaseTask)
        assert data is not None
        assert task.optimizer_factory is not None
        batches = data.train_dataloader().dataset
        widest = widest_batch(batches, data)
        *_, length = shape = widest()["input_ids"].shape
        n_sequences = shape.numel() // length
        device = trainer.strategy.root_device
        free = free_memory(device)
        dtype = compute_dtype(str(trainer.precision))
        forecast = forecast_step(config, task.optimizer_factory, n_sequences, length, dtype)
        if not forecast.fits(free):
            how = f"forecast for {n_sequences} sequences of {length:,} tokens"
            section("memory", self._memory_lines(spec, forecast, free, device, how))
            section("time", ["not measured, because a step is too large for this machine"])
            return
        limit = spec.trainer["limit_val_batches"]
        trial = TrialSteps(widest, 1.0 if limit is None else limit, spec.samples)
        trainer.callbacks.append(trial)  # type: ignore[attr-defined]
        torch.set_float32_matmul_precision("high")  # as fit does
        say("a few steps ...")
        with collect_notes([]):  # the notes were shown before
            trainer.fit(task, datamodule=data)  # from trainer.ckpt_path
        section("", [trained_line(task)])
        if trial.memory is not None:
            how = f"counted on a step of {n_sequences} sequences of {length:,} tokens, the widest batch"
            section("memory", self._memory_lines(spec, trial.memory, free, device, how))
            if device.type == "cpu" and (peak := peak_process_memory()) is not None:
                section("", [f"  the whole process so far, with libraries and preparation: {size(peak)}"])
        monitor = spec.checkpoints.monitor
        if trial.metric_names and monitor not in trial.metric_names:
            names = ", ".join(sorted(name for name in trial.metric_names if name.startswith("val_")))
            self.add_problem(
                f"checkpoints.monitor is {monitor}, which this run does not log; it logs {names}"
            )
        section("time", time_lines(trial, spec, trainer, device_name(device)))

    def _memory_lines(
        self, spec: RunSpec, step: StepMemory, free: int | None, device: torch.device, how: str
    ) -> Iterator[str]:
        """Yield what a device needs, and whether this one has it; a step too large is a problem."""
        n, strategy = spec.n_devices, spec.strategy
        memory = step.per_device(strategy, n)
        devices = f"each of {n} devices ({strategy})" if n > 1 else "one device"
        yield f"{devices}: {size(memory.total)} at the peak of a step ({how})"
        yield (
            f"  weights {size(memory.weights)}, gradients {size(memory.gradients)}, optimizer state "
            f"{size(memory.optimizer)}, activations and workspace {size(memory.activations)}"
        )
        if free is None:
            yield "  the free memory of this device is unknown"
            return
        available = f"{size(free)} are free on {device_name(device)}"
        fits = memory.fits(free)
        yield f"  {'fits' if fits else 'does not fit'}: {available}"
        if not fits:
            self.add_problem(f"a step needs {size(memory.total)}, and {available}: {SMALLER_STEP}")


# ---------------------------------------------------------------------- data


def data_lines(data: Any) -> Iterator[str]:
    """Yield what was read, split by split, and where it is cached; after ``setup``."""
    if isinstance(data, CorpusDataModule):
        cache = data.cache
        yield data.corpus().title
        for split in cache.splits:
            n, n_bytes = cache.n_tokens(split), cache.n_bytes(split)
            text = f"{n_bytes / 1e6:,.1f} MB of text, {n_bytes / max(1, n):.2f} bytes a token"
            windows = f"{n // data.n_ctx:,} windows of {data.n_ctx:,} tokens"
            yield f"  {split}: {cache.n_documents(split):,} documents, {n:,} tokens ({text}), {windows}"
        yield f"  token shards: {cache.folder}"
    elif isinstance(data, SupervisedDataModule | ZeroShotDataModule):
        yield from data.summary().splitlines()
    elif isinstance(data, PromptsDataModule):
        longest = max(len(data.vocabulary.encode(prompt.text)) for prompt in data.prompts)
        yield f"{data.summary()}, the longest {longest:,} tokens"
    else:
        yield type(data).__name__


def first_examples(data: Any) -> Iterator[str]:
    """Yield the first examples as text; after ``setup``."""
    if isinstance(data, CorpusDataModule):
        window = data.train_dataloader().dataset[0]["input_ids"][0].tolist()
        yield "first training window, a bar between two tokens:"
        yield f"  {show_tokens(window, data.vocabulary)}"
        yield "  loss on every token, each predicted from those before it"
    elif isinstance(data, SupervisedDataModule):
        yield "first examples, a bar between two tokens:"
        for example in data.rows(N_EXAMPLES):
            yield from (f"  {line}" for line in example.splitlines())
        if data.n_special_tokens:
            yield "  a head reads the state of <extract>; the auxiliary loss is on every token but <start>"
    elif isinstance(data, ZeroShotDataModule):
        yield "first request of each, a bar between two tokens:"
        for name, evaluation in data.evaluations.items():
            request = next((one for requests in evaluation.request_set.requests for one in requests), None)
            if request is not None:
                yield f"  {name}: {_describe_request(request, data.vocabulary)}"
    elif isinstance(data, PromptsDataModule):
        yield "first prompts, a bar between two tokens:"
        for prompt in data.prompts[:N_EXAMPLES]:
            yield f"  {show_tokens(data.vocabulary.encode(prompt.text), data.vocabulary)}"


def _describe_request(request: Request, vocabulary: Tokenizer) -> str:
    if isinstance(request, Continuation):
        context = show_tokens(request.context, vocabulary)
        return f"after {context}  how likely is  {show_tokens(request.continuation, vocabulary)}"
    if isinstance(request, RunningText):
        windows = f"windows of {request.window:,} that move by {request.stride:,}"
        return f"{len(request.ids):,} tokens in {windows}: {show_tokens(request.ids, vocabulary)}"
    return f"generate {request.max_new_tokens:,} tokens after {show_tokens(request.ids, vocabulary)}"


# ---------------------------------------------------------------------- model and batches


def shape_lines(config: DecoderConfig) -> Iterator[str]:
    """Yield a decoder's shape, and its number of parameters with and without embeddings."""
    norm = {"pre": "norm before each sublayer (GPT-2)", "post": "norm after each sum (GPT-1)"}[config.norm]
    yield (
        f"{config.n_layer} layers of width {config.n_embd:,}, {config.n_head} heads of {config.head_width}, "
        f"context {config.n_ctx:,}, vocabulary {config.vocab_size:,}; {norm}"
    )
    embeddings = (config.vocab_size + config.n_ctx) * config.n_embd
    yield f"{config.n_params:,} parameters, {config.n_params - embeddings:,} without embeddings"


def trained_line(module: torch.nn.Module) -> str:
    """Return how many parameters are trained."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
    total, trained = sum(n for n, _ in sizes), sum(n for n, is_trained in sizes if is_trained)
    return f"{trained:,} of {total:,} parameters are trained" + (", heads included" if total else "")


def widest_batch(batches: Any, data: Any) -> Callable[[], Any]:
    """Return a function that makes the training batch that needs the most memory.

    Args:
        batches: The dataset of training batches; if all have one shape, the first is taken.
        data: The DataModule, with its limits of a batch.
    """
    if not isinstance(batches, TrainingBatches):
        return lambda: batches[0]
    candidates: list[tuple[int, Callable[[], Any]]] = []
    for builder in batches.stream.builders:
        longest_first = np.argsort(-builder.lengths, kind="stable")
        length = int(builder.lengths[longest_first[0]])
        places = longest_first[: builder.limits(data.batch_size, data.batch_tokens).size(length)]
        n_tokens = len(places) * length * builder.inputs.n_sequences
        candidates.append((n_tokens, partial(builder.batch, places, len(places))))
    return max(candidates, key=lambda candidate: candidate[0])[1]


# ---------------------------------------------------------------------- output


def section(title: str, lines: Iterable[str]) -> None:
    """Print a section of the report; one without a title continues the section before."""
    for number, line in enumerate(lines):
        print(f"{title if number == 0 else '':11} {line}".rstrip(), flush=True)


@contextmanager
def collect_notes(notes: list[str]) -> Iterator[None]:
    """Collect the package's log messages instead of printing them."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            notes.append(self.format(record))

    logger = logging.getLogger("gpt_toolkit")
    handlers, logger.handlers = logger.handlers, [Collector()]
    try:
        yield
    finally:
        logger.handlers = handlers
