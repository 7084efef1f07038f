"""The work of ``gpt-toolkit zero-shot``: answer, judge, and keep what came out."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from rich.console import Console

from gpt_toolkit.batches import Score
from gpt_toolkit.callbacks.console import quiet_lightning, say
from gpt_toolkit.callbacks.evaluation_progress import Answering
from gpt_toolkit.checkpoints import StoredModel, open_model
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.score_table import (
    as_json,
    explanation_json,
    explanation_tables,
    footnotes,
    table,
)
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.hardware import default_device, emulation_warning, limit_threads
from gpt_toolkit.tokenizers.cached_tokenizer import tokenizer_name

_FIGURES = (".png", ".svg", ".pdf")
_PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-true", "float16": "16-true"}


def evaluate(args: argparse.Namespace) -> list[Score]:
    """Run the benchmarks that the command line names; print the table, write the files asked for."""
    _check_places(args)
    quiet_lightning()
    limit_threads(args.devices)
    if message := emulation_warning(getattr(torch, args.dtype), default_device(), "--dtype"):
        say(f"warning: {message}")
    model = open_model(args.model)
    data = ZeroShotDataModule(
        benchmarks=_names(args.benchmarks),
        protocols=_names(args.protocols) if args.protocols else None,
        root=args.root,
        tokenizer=tokenizer_name(model.tokenizer, args.model),
        n_ctx=model.config.n_ctx,
        limit=args.limit,
        n_examples=args.n_examples,
        seed=args.seed,
        check_files=not args.no_check_files,
    )
    data.setup("test")
    total = sum(evaluation.n_requests for evaluation in data.evaluations.values())
    if os.environ.get("LOCAL_RANK", "0") == "0":  # the processes of the other devices are silent
        say(f"{args.model}: {model.config.n_params / 1e6:,.1f} M parameters; {total:,} requests")
        for note in model.notes:
            say(note)
        for evaluation in data.evaluations.values():
            for remark in evaluation.remarks():
                say(f"{evaluation.name}: {remark}")
    if args.explain:
        _explain(args, data)
        return []
    task = ZeroShotTask(init_from=args.model, batch_tokens=args.batch_tokens)
    trainer = evaluating_trainer(
        devices=args.devices,
        precision=_PRECISIONS[args.dtype],
        callbacks=[Answering(total)],
    )
    try:
        trainer.test(task, data, verbose=False)
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"{str(error).partition('.')[0]}: lower --batch_tokens, which is {args.batch_tokens}"
        ) from error
    except SystemExit as stop:  # Lightning's answer to Ctrl-C
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    if trainer.is_global_zero:
        _report(args, model, data, task)
    return task.scores


def evaluating_trainer(**settings: Any) -> Trainer:
    """A Trainer that only evaluates: it writes nothing, and the DataModule divides the requests."""
    return Trainer(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **settings,
    )


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _check_places(args: argparse.Namespace) -> None:
    """Find out beforehand, not after an hour, that a result cannot be written."""
    for path in (args.output, args.rows, args.figure):
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"{path}: there is no folder {folder}")
        if path.is_dir():
            raise IsADirectoryError(f"{path}: is a folder, expected a file's name")
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{path}: the folder {folder} cannot be written to")
    if args.explain and (args.rows or args.figure or args.devices != 1):
        raise ValueError("--explain goes with --output, not with --rows, --figure or several --devices")
    if args.figure is not None:
        if args.figure.suffix not in _FIGURES:
            raise ValueError(f"--figure {args.figure}: expected a name ending in {', '.join(_FIGURES)}")
        if find_spec("matplotlib") is None:
            raise ValueError("--figure needs matplotlib: pip install matplotlib")
        from gpt_toolkit.evaluation.score_figure import read_scored

        for path in args.beside:
            read_scored(path)
    elif args.beside:
        raise ValueError("--beside goes with --figure: say where to draw")


def _explain(args: argparse.Namespace, data: ZeroShotDataModule) -> None:
    """Compare the protocols of running text one difference at a time, on one device."""
    from gpt_toolkit.backbone.packed_linear import pack
    from gpt_toolkit.evaluation.build_requests import Setting
    from gpt_toolkit.evaluation.explain_perplexity import explain
    from gpt_toolkit.generation.language_model import load
    from gpt_toolkit.generation.scorer import Scorer

    model = load(args.model, dtype=getattr(torch, args.dtype))
    scorer = Scorer(pack(model.decoder), model.tokenizer, batch_tokens=args.batch_tokens)
    setting = Setting(model.tokenizer, model.decoder.config.n_ctx)
    found = {}
    for benchmark in dict.fromkeys(evaluation.benchmark for evaluation in data.evaluations.values()):
        own = [each for each in data.evaluations.values() if each.benchmark == benchmark]
        found[benchmark.name] = explain(
            scorer, benchmark, [each.protocol for each in own], own[0].rows.rows, setting
        )
        for shown in explanation_tables(benchmark.name, found[benchmark.name]):
            _console().print(shown)
    if args.output is not None:
        _write(args.output, json.dumps(explanation_json(args.model, found), indent=2) + "\n")


def _report(
    args: argparse.Namespace, model: StoredModel, data: ZeroShotDataModule, task: ZeroShotTask
) -> None:
    console = _console()
    console.print(table(task.scores))
    for note in footnotes(task.scores, data):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if args.output is not None:
        settings = {name: getattr(args, name) for name in _SETTINGS}
        content = as_json(args.model, settings, model, data, task.scores)
        _write(args.output, json.dumps(content, indent=2) + "\n")
    if args.rows is not None:
        lines = [line for name, answers in task.answers.items() for line in data.records(name, answers)]
        _write(args.rows, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    if args.figure is not None:
        from gpt_toolkit.evaluation.score_figure import Scored, draw, read_scored

        others = [read_scored(path) for path in args.beside]
        draw(Scored(model.config.n_params, task.scores), others, args.model, args.figure)
        say(f"{args.figure}: scores over the number of parameters")


_SETTINGS: Sequence[str] = (
    *("benchmarks", "protocols", "root", "no_check_files", "limit", "n_examples", "dtype", "devices"),
    *("batch_tokens", "seed"),
)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=160)  # a file or a pipe has no edge


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    say(f"{path}: written")
