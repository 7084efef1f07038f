"""The work of ``gpt-toolkit zero-shot``: answer the requests, compute the scores, write the results."""

from __future__ import annotations

import argparse
import json
import os
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from gpt_toolkit.callbacks.console import EvaluationProgress, quiet_lightning, say
from gpt_toolkit.callbacks.interrupts import EvaluationSignals, interruptible
from gpt_toolkit.callbacks.rank_watch import watched_ranks
from gpt_toolkit.checkpoints import StoredModel, open_model
from gpt_toolkit.evaluation.benchmark_metrics import Score
from gpt_toolkit.evaluation.choose_benchmarks import choose_benchmarks
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.score_report import (
    ScoredModel,
    draw,
    footnotes,
    read_scored,
    score_table,
    scores_as_json,
    versions,
)
from gpt_toolkit.evaluation.supervised_prompts import PREFIX
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.hardware import default_device, emulation_warning, limit_threads
from gpt_toolkit.io import write_json, write_text
from gpt_toolkit.progress import output_console
from gpt_toolkit.tokenizers.loading import tokenizer_name

_FIGURES = (".png", ".svg", ".pdf")
_PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-true", "float16": "16-true", "int8": "32-true"}
_SETTINGS = (
    *("benchmarks", "protocols", "root", "no_check_files", "limit", "n_examples"),
    *("dtype", "devices", "batch_tokens", "seed"),
)
"""Options that are written to the report."""


def run_benchmarks(args: argparse.Namespace) -> list[Score]:
    """Run the benchmarks of the command line, print the table and write the files."""
    _check_options(args)
    quiet_lightning()
    limit_threads(args.devices)
    if message := emulation_warning(getattr(torch, args.dtype), default_device(), "--dtype"):
        say(f"warning: {message}")
    model = open_model(args.model)
    is_first = os.environ.get("LOCAL_RANK", "0") == "0"  # the processes of the other devices print nothing
    if args.benchmarks is None:
        names, reason = choose_benchmarks(args.model, model, args.root)
        args.benchmarks = ",".join(names)
        if is_first:
            say(f"benchmarks: {args.benchmarks} ({reason}); change them by --benchmarks")
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
    n_requests = sum(evaluation.n_requests for evaluation in data.evaluations.values())
    if is_first:
        say(f"{args.model}: {model.config.n_params / 1e6:,.1f} M parameters; {n_requests:,} requests")
        for note in model.notes:
            say(note)
        for evaluation in data.evaluations.values():
            for warning in evaluation.warnings:
                say(f"{evaluation.name}: {warning}")
    if args.explain:
        _explain(args, data)
        return []
    int8 = args.dtype == "int8"
    task = ZeroShotTask(
        init_from=args.model, batch_tokens=args.batch_tokens, int8=int8, store=not args.no_store
    )
    trainer = evaluation_trainer(
        accelerator="cpu" if int8 else "auto",
        devices=args.devices,
        precision=_PRECISIONS[args.dtype],
        callbacks=[EvaluationProgress(n_requests), EvaluationSignals()],
    )
    try:
        with interruptible(), watched_ranks():
            trainer.test(task, data, verbose=False)
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"--batch_tokens: {args.batch_tokens} ({str(error).partition('.')[0]}); expected less; lower it"
        ) from error
    except SystemExit as stop:  # Lightning's answer to Ctrl-C
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    if trainer.is_global_zero:
        _report(args, model, data, task)
    return task.scores


def evaluation_trainer(**settings: Any) -> Trainer:
    """Return a Trainer that only evaluates: it writes nothing, and the DataModule divides the requests."""
    return Trainer(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **settings,
    )


def _names(text: str) -> list[str]:
    """Split a list at its commas, but not within the name of a file that exists."""
    names, parts = [], text.split(",")
    while parts:
        ends = [n for n in range(len(parts), 1, -1) if _is_file(",".join(parts[:n]))]
        end = ends[0] if ends else 1
        names.append(",".join(parts[:end]).strip())
        parts = parts[end:]
    return [name for name in names if name]


def _is_file(name: str) -> bool:
    return Path(name.strip().removeprefix(PREFIX)).expanduser().is_file()


def _check_options(args: argparse.Namespace) -> None:
    """Raise before the work, not after an hour, if a result cannot be written."""
    for path in (args.output, args.rows, args.figure):
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"{path}: folder {folder} not found; expected an existing one; create it")
        if path.is_dir():
            raise IsADirectoryError(f"{path}: a folder; expected a file's name")
        if not os.access(folder, os.W_OK):
            raise PermissionError(
                f"{path}: folder {folder} cannot be written to; expected write permission; choose another "
                "folder"
            )
    if args.explain and (args.rows or args.figure or args.devices != 1):
        raise ValueError(
            "--explain: given with --rows, --figure or several --devices; expected --output at most"
        )
    if args.figure is not None:
        if args.figure.suffix not in _FIGURES:
            raise ValueError(f"--figure: {args.figure}; expected a name ending in {', '.join(_FIGURES)}")
        if find_spec("matplotlib") is None:
            raise ValueError("--figure: matplotlib is not installed; expected it; run pip install matplotlib")
        for path in args.beside:
            read_scored(path)
    elif args.beside:
        raise ValueError("--beside: given without --figure; expected both; add --figure FILE")


def _explain(args: argparse.Namespace, data: ZeroShotDataModule) -> None:
    """Print and write why protocols give several perplexities or accuracies; on one device."""
    from gpt_toolkit.backbone.packed_linear import pack
    from gpt_toolkit.evaluation.explain_accuracy import (
        Explained,
        accuracies_as_fields,
        accuracy_tables,
        explain_accuracies,
    )
    from gpt_toolkit.evaluation.explain_perplexity import explain, explanation_tables, explanations_as_fields
    from gpt_toolkit.evaluation.protocol import EvaluationContext
    from gpt_toolkit.generation.language_model import load
    from gpt_toolkit.generation.scorer import Scorer

    model = load(args.model, dtype=getattr(torch, args.dtype))
    scorer = Scorer(pack(model.decoder), model.tokenizer, batch_tokens=args.batch_tokens)
    context = EvaluationContext(model.tokenizer, model.decoder.config.n_ctx)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, group in groupby(data.evaluations.values(), key=lambda each: each.benchmark.name):
        evaluations = list(group)
        items = evaluations[0].items.items
        protocols = [evaluation.protocol for evaluation in evaluations]
        with_fields = [protocol for protocol in protocols if isinstance(protocol, Explained)]
        if len(with_fields) == len(protocols):
            accuracies = explain_accuracies(scorer, with_fields, items, context)
            tables, found[name] = accuracy_tables(name, accuracies), accuracies_as_fields(accuracies)
        else:
            perplexities = explain(scorer, name, protocols, items, context)
            tables, found[name] = explanation_tables(name, perplexities), explanations_as_fields(perplexities)
        for table in tables:
            output_console().print(table)
    if args.output is not None:
        report = {"model": args.model, "versions": versions(), "benchmarks": found}
        write_json(args.output, report)
        say(f"{args.output}: written")


def _report(
    args: argparse.Namespace, model: StoredModel, data: ZeroShotDataModule, task: ZeroShotTask
) -> None:
    """Print the table, and write the files that the options name."""
    console = output_console()
    console.print(score_table(task.scores))
    for note in footnotes(task.scores, data.evaluations):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if args.output is not None:
        settings = {name: getattr(args, name) for name in _SETTINGS}
        fingerprint = data.vocabulary.fingerprint
        report = scores_as_json(args.model, settings, model, fingerprint, data.evaluations, task.scores)
        write_json(args.output, report)
        say(f"{args.output}: written")
    if args.rows is not None:
        lines = [
            json.dumps(record, ensure_ascii=False) + "\n"
            for name, result in task.results.items()
            for record in data.evaluations[name].records(result)
        ]
        write_text(args.rows, "".join(lines))
        say(f"{args.rows}: written")
    if args.figure is not None:
        others = [read_scored(path) for path in args.beside]
        draw(ScoredModel(model.config.n_params, task.scores), others, args.model, args.figure)
        say(f"{args.figure}: scores over the number of parameters")
