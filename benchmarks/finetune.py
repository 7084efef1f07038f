"""Fine-tuning compared with transformers: speed, cost of the auxiliary loss, effect of length buckets.

    python benchmarks/finetune.py --output finetune.json
    python benchmarks/finetune.py --accuracy 5

Speed is in examples per second at RTE's lengths: 4 layers of width 256, GPT-1's vocabulary, dropout and
batch of 32. Precision, clipping and fused AdamW are the same. Ours is the whole toolkit: FinetuneTask in
the Trainer with batches of a SupervisedDataModule. transformers gets the same examples, in random batches
and in batches sorted by length; for the auxiliary loss it has a language-model head with all logits. The
text is random letters, one token each, because the ids do not change the work.

The auxiliary loss is measured in time and memory at GPT-1's size, with lm_coef 0.5 and with 0, on the same
batches. The bucket test compares the logits of every example in buckets and in random order. ``--accuracy N``
instead compares the accuracies of N seeds with and without buckets on a Storyworld dataset.
"""

from __future__ import annotations

import math
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.side_by_side import (
    add_precision,
    argument_parser,
    autocast,
    keep,
    parse,
    print_machine,
    print_table,
    stamp,
)
from benchmarks.trainers import TakesTurns, trainer_of
from benchmarks.workers import Turns, Worker, choose_start_method, compare
from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.data.supervised.datamodule import SupervisedDataModule
from gpt_toolkit.optim import AdamW
from gpt_toolkit.tasks import FinetuneTask

OURS, OURS_L3 = "gpt_toolkit", "gpt_toolkit, with L1"
RANDOM, SORTED = "transformers, random batches", "transformers, sorted by length"
SORTED_L3 = "transformers, sorted, with L1"
PREMISES = (5, 17, 20, 23, 26, 29, 31, 33, 35, 37, 40, 42, 46, 50, 57, 71, 91, 108, 122, 144, 279)
HYPOTHESES = (3, 6, 7, 8, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 16, 19, 23, 53)
"""Tokens of RTE's 2,490 training rows (GPT-1's tokenizer), 0th percentile to 100th in steps of 5.
The two lengths do not go together (correlation -0.06)."""
MARKS = 257, 258, 259  # start, delimiter, extract: after the ids of bytes
LR = 6.25e-5  # GPT-1 §4.1

Row = tuple[str, str, int]


@dataclass(frozen=True)
class Plan:
    """Sizes of the measurement.

    Args:
        config: Shape of the decoder.
        large: Shape of the decoder for the auxiliary loss.
        rows: Examples per round.
        batch: Most examples of a batch.
        batch_tokens: Most tokens of a batch, with padding.
        large_tokens: Most tokens of a batch of the large decoder.
        rounds: Rounds of each contestant.
        scale: Divisor of the lengths.
        precision: Precision of all contestants; a value of ``--precision``.
    """

    config: DecoderConfig
    large: DecoderConfig
    rows: int = 256
    batch: int = 32
    batch_tokens: int = 4096
    large_tokens: int = 1024
    rounds: int = 5
    scale: int = 1
    precision: str = "32-true"


def full_plan(rounds: int, precision: str) -> Plan:
    gpt1 = DecoderConfig.from_preset("gpt1", vocab_size=40_478 + 3)
    rates = {name: getattr(gpt1, name) for name in ("embd_pdrop", "attn_pdrop", "resid_pdrop")}
    config = DecoderConfig(vocab_size=gpt1.vocab_size, n_ctx=512, n_layer=4, n_head=4, n_embd=256, **rates)
    return Plan(config, gpt1, rounds=rounds, precision=precision)


def quick_plan(precision: str) -> Plan:
    """Return a plan of a few seconds that checks that everything runs; its figures mean nothing."""
    config = DecoderConfig(vocab_size=300, n_ctx=64, n_layer=2, n_head=2, n_embd=32)
    large = replace(config, n_layer=3)
    return Plan(
        config,
        large,
        rows=16,
        batch=4,
        batch_tokens=128,
        large_tokens=128,
        rounds=1,
        scale=8,
        precision=precision,
    )


# ---------------------------------------------------------------------- rows


def made_rows(n: int, scale: int) -> list[Row]:
    """Return pairs of random letters with RTE's lengths and a random class."""
    draw = random.Random(0)

    def lengths(percentiles: tuple[int, ...]) -> list[int]:
        found = []
        for i in range(n):
            place = (i + 0.5) / n * (len(percentiles) - 1)
            low, high = percentiles[int(place)], percentiles[int(place) + 1]
            found.append(max(1, round((low + (high - low) * (place % 1)) / scale)))
        draw.shuffle(found)
        return found

    def text(length: int) -> str:
        return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=length))

    pairs = zip(lengths(PREMISES), lengths(HYPOTHESES), strict=True)
    return [(text(min(a, 254)), text(b), draw.randrange(2)) for a, b in pairs]  # 254: GPT-1's cut at 512


def write_rows(rows: list[Row], path: Path) -> None:
    lines = ["premise,hypothesis,label", *(f"{a},{b},{('no', 'yes')[label]}" for a, b, label in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def data_of(path: Path, plan: Plan, *, batch_tokens: int | None, bucket: int = 16) -> SupervisedDataModule:
    texts = {"premise": "premise", "hypothesis": "hypothesis", "label": "label"}
    return SupervisedDataModule(
        {"name": "rte", "kind": "classification", "train": str(path), "val": str(path), **texts},
        tokenizer="bytes",
        n_ctx=plan.config.n_ctx,
        batch_size=plan.batch,
        batch_tokens=batch_tokens,
        bucket=bucket,
    )


# ---------------------------------------------------------------------- ours


def ours(
    turns: Turns, config: DecoderConfig, plan: Plan, path: Path, lm_coef: float, batch_tokens: int
) -> dict[str, Any]:
    """Train with the toolkit; a round is an epoch."""
    os.environ["GPT_TOOLKIT_CACHE"] = str(path.parent / "cache")
    warnings.filterwarnings("ignore", module="lightning")
    seen = 0

    def round_ends(batch: Any) -> bool:
        nonlocal seen
        seen += int(batch["step_examples"])
        return seen % plan.rows == 0

    torch.manual_seed(0)
    turn = TakesTurns(turns, round_ends)
    trainer = trainer_of(precision=plan.precision, max_steps=1_000_000, limit_val_batches=0, callbacks=[turn])
    task = FinetuneTask(config.to_fields(), AdamW(lr=LR), lm_coef=lm_coef)
    data = data_of(path, plan, batch_tokens=batch_tokens)
    trainer.fit(task, datamodule=data)
    batches = list(_epoch(data))
    tokens = sum(batch["input_ids"].numel() for batch in batches)
    real = sum(int(batch["lengths"].sum()) for batch in batches)
    return {"batches": len(batches), "padding": 1 - real / tokens, "longest_batch": _most_tokens(batches)}


def _epoch(data: LightningDataModule) -> Iterator[Any]:
    batches = iter(data.train_dataloader())
    for _ in range(data.steps_per_epoch):  # type: ignore[attr-defined]
        yield next(batches)


def _most_tokens(batches: list[Any]) -> int:
    return max(int(batch["input_ids"].numel()) for batch in batches)


# ---------------------------------------------------------------------- transformers


class WithLanguageModel(nn.Module):
    """transformers' GPT-2 with a classifier on the last token and L1 with all logits (GPT-1 eq. 5)."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        import transformers

        self.transformer, self.score = transformers.GPT2Model(config), nn.Linear(config.n_embd, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        hidden = self.transformer(input_ids, attention_mask=attention_mask).last_hidden_state
        last = attention_mask.sum(dim=1) - 1
        classes = F.cross_entropy(self.score(hidden[torch.arange(len(last)), last]), labels)
        logits = F.linear(hidden[:, :-1], self.transformer.wte.weight)
        targets = input_ids[:, 1:].masked_fill(attention_mask[:, 1:] == 0, -100)
        each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        return classes + 0.5 * (each.sum(dim=1) / (targets >= 0).sum(dim=1)).mean()


def theirs(turns: Turns, plan: Plan, rows: list[Row], *, in_order: bool, with_l1: bool) -> None:
    """Train transformers' model in a loop; a round is one pass over all examples."""
    import transformers

    torch.manual_seed(0)
    fields = plan.config
    config = transformers.GPT2Config(
        vocab_size=fields.vocab_size,
        n_positions=fields.n_ctx,
        n_embd=fields.n_embd,
        n_layer=fields.n_layer,
        n_head=fields.n_head,
        embd_pdrop=fields.embd_pdrop,
        attn_pdrop=fields.attn_pdrop,
        resid_pdrop=fields.resid_pdrop,
        num_labels=2,
        pad_token_id=0,
        use_cache=False,
    )
    model = WithLanguageModel(config) if with_l1 else transformers.GPT2ForSequenceClassification(config)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.01, fused=True)
    start, delimiter, extract = MARKS
    texts = [torch.tensor([start, *a.encode(), delimiter, *b.encode(), extract]) for a, b, _ in rows]
    draw = random.Random(0)

    def epoch() -> None:
        order = list(range(len(rows)))
        draw.shuffle(order)
        if in_order:
            order.sort(key=lambda i: len(texts[i]))
        batches = [order[i : i + plan.batch] for i in range(0, len(order), plan.batch)]
        draw.shuffle(batches)
        for batch in batches:
            ids = nn.utils.rnn.pad_sequence([texts[i] for i in batch], batch_first=True)
            labels = torch.tensor([rows[i][2] for i in batch])
            with autocast(plan.precision):
                found = model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels)
            optimizer.zero_grad(set_to_none=True)
            (found if with_l1 else found.loss).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    epoch()
    while turns.wait():
        epoch()


# ---------------------------------------------------------------------- what is measured


def speed(plan: Plan, folder: Path) -> dict[str, Any]:
    """Measure the examples per second of all contestants."""
    rows = made_rows(plan.rows, plan.scale)
    write_rows(rows, path := folder / "rows.csv")

    def our_worker(lm_coef: float) -> Callable[[], Worker]:
        return lambda: Worker(ours, plan.config, plan, path, lm_coef, plan.batch_tokens)

    def their_worker(*, in_order: bool, with_l1: bool) -> Callable[[], Worker]:
        return lambda: Worker(theirs, plan, rows, in_order=in_order, with_l1=with_l1)

    seconds, said = compare(
        {
            OURS: our_worker(0.0),
            RANDOM: their_worker(in_order=False, with_l1=False),
            SORTED: their_worker(in_order=True, with_l1=False),
            OURS_L3: our_worker(0.5),
            SORTED_L3: their_worker(in_order=True, with_l1=True),
        },
        plan.rounds,
    )
    found = {name: plan.rows / median(times) for name, times in seconds.items()}
    return {
        "mean_tokens": mean(len(a) + len(b) + 3 for a, b, _ in rows),
        "examples_per_second": found,
        "peak_mb": {name: each["peak_mb"] for name, each in said.items()},
        "ratio_to_random": found[OURS] / found[RANDOM],
        "ratio_to_sorted": found[OURS] / found[SORTED],
        "ratio_with_l1": found[OURS_L3] / found[SORTED_L3],
        "padding": said[OURS]["padding"],
        "seconds": seconds,
    }


def auxiliary(plan: Plan, folder: Path) -> dict[str, Any]:
    """Measure the cost of L1 in time and memory on the large decoder."""
    part = replace(plan, rows=max(plan.rows // 8, plan.batch))
    write_rows(made_rows(part.rows, part.scale), path := folder / "rows.csv")
    seconds, said = compare(
        {
            f"lm_coef {lm_coef}": lambda lm_coef=lm_coef: Worker(  # type: ignore[misc]
                ours, plan.large, part, path, lm_coef, plan.large_tokens
            )
            for lm_coef in (0.0, 0.5)
        },
        plan.rounds,
    )
    without, with_l1 = (median(times) for times in seconds.values())
    before, after = (each["peak_mb"] for each in said.values())
    shape = next(iter(said.values()))
    return {
        "rows": part.rows,
        "batches": shape["batches"],
        "examples_per_second": {name: part.rows / median(times) for name, times in seconds.items()},
        "time_ratio": with_l1 / without,
        "more_mb": after - before,
        "all_logits_mb": shape["longest_batch"] * plan.large.vocab_size * 4 / 1e6,
        "gradient_of_the_matrix_mb": plan.large.vocab_size * plan.large.n_embd * 4 / 1e6,
        "seconds": seconds,
    }


def buckets(plan: Plan, folder: Path) -> dict[str, Any]:
    """Measure the distance of an example's logits in buckets and in random order, in fp32."""
    os.environ["GPT_TOOLKIT_CACHE"] = str(folder / "cache")
    write_rows(made_rows(plan.rows, plan.scale), path := folder / "rows.csv")
    torch.manual_seed(0)
    task = FinetuneTask(plan.config.to_fields(), AdamW(lr=LR))
    data = data_of(path, plan, batch_tokens=plan.batch_tokens)
    trainer_of(precision="32-true", max_steps=1, limit_val_batches=0).fit(task, datamodule=data)
    backbone, head = task.built_backbone.eval(), task.heads["dataset_rte"].eval()

    @torch.no_grad()
    def logits(bucket: int, batch_tokens: int | None) -> tuple[Tensor, float]:
        other = data_of(path, plan, batch_tokens=batch_tokens, bucket=bucket)
        other.prepare_data()
        other.setup("fit")
        found, tokens = torch.empty(plan.rows, 2), 0
        for batch in _epoch(other):
            ids = batch["input_ids"][:, 0]
            found[batch["examples"]] = head(backbone(ids, positions=batch["lengths"] - 1))
            tokens += ids.numel()
        return found, tokens / plan.rows

    in_buckets, tokens = logits(16, plan.batch_tokens)
    at_random, tokens_at_random = logits(1, None)
    return {
        "rows": plan.rows,
        "furthest": float((in_buckets - at_random).abs().max()),
        "largest_logit": float(at_random.abs().max()),
        "tokens_a_row": {"in buckets": tokens, "at random": tokens_at_random},
    }


class Accuracy(Callback):
    """Callback that stores the accuracy of the last validation."""

    value = math.nan

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.value = float(trainer.callback_metrics["val_score"])


def accuracies(
    folder: Path, seeds: int, *, train_rows: int = 2000, val_rows: int = 500, epochs: int = 4
) -> dict[str, Any]:
    """Measure the accuracies of a small decoder from scratch with and without buckets, for each seed."""
    os.environ["GPT_TOOLKIT_CACHE"] = str(folder / "cache")
    warnings.filterwarnings("ignore", module="lightning")
    found: dict[str, list[float]] = {"in buckets": [], "at random": []}
    for seed in range(seeds):
        for name, bucket in (("in buckets", 16), ("at random", 1)):
            torch.manual_seed(seed)
            data = SupervisedDataModule(
                "storyworld:sentiment",
                tokenizer="bytes",
                n_ctx=256,
                batch_size=32,
                bucket=bucket,
                train_rows=train_rows,
                val_rows=val_rows,
                seed=seed,
            )
            kept = Accuracy()
            task = FinetuneTask({"n_layer": 2, "n_head": 4, "n_embd": 64}, AdamW(lr=2e-3), lm_coef=0.0)
            trainer_of(precision="32-true", max_epochs=epochs, callbacks=[kept]).fit(task, datamodule=data)
            found[name].append(kept.value)
    differences = [a - b for a, b in zip(*found.values(), strict=True)]
    spread = stdev(differences) if seeds > 1 else math.nan
    return {
        "accuracies": found,
        "means": {name: mean(values) for name, values in found.items()},
        "difference": mean(differences),
        "interval": student_t(seeds - 1) * spread / math.sqrt(seeds),
    }


def student_t(freedom: int) -> float:
    """Return the 97.5th percentile of Student's t distribution."""
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
    return table.get(freedom, 2.0)


# ---------------------------------------------------------------------- the report


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=5)
    parser.add_argument("--part", choices=("speed", "auxiliary", "buckets"), help="measure only this part")
    parser.add_argument(
        "--accuracy", type=int, metavar="SEEDS", help="instead, train SEEDS times with and without buckets"
    )
    add_precision(parser)
    args = parse(parser, argv)
    choose_start_method("gpt_toolkit.tasks", "gpt_toolkit.data.supervised.datamodule", quick=args.quick)
    plan = quick_plan(args.precision) if args.quick else full_plan(args.rounds, args.precision)
    about = stamp(["lightning", "transformers"])
    print_machine(about)
    report: dict[str, Any] = {"machine": about, "precision": plan.precision, "rounds": plan.rounds}
    parts: dict[str, Callable[[Plan, Path], dict[str, Any]]] = {
        "speed": speed,
        "auxiliary": auxiliary,
        "buckets": buckets,
    }
    with tempfile.TemporaryDirectory() as scratch:
        if args.accuracy:
            smaller = {"train_rows": 64, "val_rows": 50, "epochs": 1} if args.quick else {}
            report["accuracy"] = accuracies(Path(scratch), args.accuracy, **smaller)
        else:
            for name, measure in parts.items():
                if args.part in (None, name):
                    (folder := Path(scratch) / name).mkdir()
                    report[name] = measure(plan, folder)
    _show(report)
    keep(args, report)
    return 0


def _show(report: dict[str, Any]) -> None:
    if found := report.get("speed"):
        rates = found["examples_per_second"]
        base = {OURS_L3: SORTED_L3, SORTED_L3: SORTED_L3}
        rows = [
            [name, rate, rate / rates[base.get(name, RANDOM)], found["peak_mb"][name]]
            for name, rate in rates.items()
        ]
        print(f"{report['precision']}; rows of {found['mean_tokens']:.0f} tokens", end="; ")
        print(f"{found['padding']:.0%} of ours is padding")
        print_table(["", "examples/s", "to transformers, random or with L1", "MB"], rows)
        print(f"ours to sorted by length: {found['ratio_to_sorted']:.2f}\n")
    if found := report.get("auxiliary"):
        print(f"the auxiliary loss at GPT-1's size: {found['time_ratio']:.2f} times as long", end=", ")
        print(f"{found['more_mb']:,.0f} MB more; all logits of the largest batch would be", end=" ")
        print(f"{found['all_logits_mb']:,.0f} MB, the matrix' gradient is", end=" ")
        print(f"{found['gradient_of_the_matrix_mb']:,.0f} MB\n")
    if found := report.get("buckets"):
        print(
            f"logits of {found['rows']} rows in buckets and at random: {found['furthest']:.1e} apart", end=""
        )
        print(f" at most, the largest is {found['largest_logit']:.2f}; tokens a row {found['tokens_a_row']}")
    if found := report.get("accuracy"):
        rows = [
            [name, *(f"{value:.3f}" for value in values), f"{found['means'][name]:.4f}"]
            for name, values in found["accuracies"].items()
        ]
        n_seeds = len(rows[0]) - 2
        print_table(["accuracy", *(f"seed {i}" for i in range(n_seeds)), "mean"], rows)
        print(f"in buckets - at random: {found['difference']:+.4f} ± {found['interval']:.4f} (95%, paired)")


if __name__ == "__main__":
    raise SystemExit(main())
