"""LAMBADA examples per second compared with lm-eval's Hugging Face backend, in turns.

    python benchmarks/lambada.py --output lambada.json

Both load GPT-2 124M with random weights from one model folder. The examples are token ids with the lengths
of LAMBADA under GPT-2's tokenizer, and last words of one to three tokens. In every second example the last
word is the model's own prediction, so that some answers are right. Both return the last word's
log-probability and whether greedy decoding gives it. These must agree in fp32.

If lm-eval is not installed, transformers computes what its backend does (lm-eval 0.4.13:
models/huggingface.py): the longest examples first, in batches, with logits and log-softmax at every
position.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks.side_by_side import (
    DTYPES,
    add_dtypes,
    argument_parser,
    in_turns,
    keep,
    parse,
    print_machine,
    print_table,
    stamp,
)
from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.generation.requests import Continuation
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tokenizers import load_tokenizer

OURS, THEIRS = "gpt_toolkit", "lm-eval hf"
LENGTHS = (56, 66, 68, 70, 72, 73, 75, 76, 78, 79, 81, 82, 84, 85, 87, 89, 92, 95, 99, 106, 223)
"""Inputs of LAMBADA's items (OpenAI's file, GPT-2's tokenizer): from the 0th percentile to the 100th in
steps of 5."""
WORDS = (4010, 913, 230)
"""Of its 5,153 last words, how many have one token, two, three or more."""

Answers = list[tuple[float, bool]]


@dataclass(frozen=True)
class Plan:
    """Sizes of the measurement.

    Args:
        config: Shape of the decoder.
        items: Number of passages.
        batch: Batch size of lm-eval; the toolkit chooses its own.
        rounds: Rounds of each contestant.
        scale: Divisor of the passages' lengths.
        dtypes: Names of the types to measure; float32, the reference, is always among them.
    """

    config: DecoderConfig
    items: int = 96
    batch: int = 16
    rounds: int = 5
    scale: int = 1
    dtypes: tuple[str, ...] = ("float32",)


def quick_plan(dtypes: tuple[str, ...]) -> Plan:
    """Return a plan of a few seconds that checks that everything runs; its figures mean nothing."""
    config = DecoderConfig(vocab_size=300, n_ctx=32, n_layer=2, n_head=2, n_embd=128)
    return Plan(config, items=8, batch=4, rounds=1, scale=8, dtypes=dtypes)


def made_items(plan: Plan) -> list[Continuation]:
    """Return passages of random tokens with LAMBADA's lengths."""
    draw, vocab_size = random.Random(0), plan.config.vocab_size
    items = []
    for i in range(plan.items):
        place = (i + 0.5) / plan.items * (len(LENGTHS) - 1)
        low, high = LENGTHS[int(place)], LENGTHS[int(place) + 1]
        length = round(low + (high - low) * (place - int(place))) // plan.scale + 1
        n_word = draw.choices((1, 2, 3), WORDS)[0]
        ids = tuple(draw.randrange(vocab_size) for _ in range(length))
        items.append(Continuation(ids[:-n_word], ids[-n_word:]))
    draw.shuffle(items)
    return items


def write_weights(config: DecoderConfig, folder: Path) -> None:
    """Write weights as initialized for training, with a tokenizer, which lm-eval requires."""
    torch.manual_seed(0)
    LanguageModel(Decoder(config), load_tokenizer("bytes")).save(folder)


@torch.inference_mode()
def with_own_words(items: Sequence[Continuation], model: Any) -> list[Continuation]:
    """Return the items; every second one ends with the token that transformers' model predicts."""
    items = list(items)
    for i in range(0, len(items), 2):
        logits = model(torch.tensor([items[i].context])).logits[0, -1]
        items[i] = items[i]._replace(continuation=(int(logits.argmax()),))
    return items


@torch.no_grad()
def as_lm_eval(model: Any, items: Sequence[Continuation], batch: int) -> Answers:
    """Compute what lm-eval's backend does, with transformers only."""
    answers: Answers = [(0.0, False)] * len(items)
    order = sorted(range(len(items)), key=lambda i: -len(items[i].context) - len(items[i].continuation))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        texts = [torch.tensor([*items[i].context, *items[i].continuation[:-1]]) for i in part]
        ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        log_p = F.log_softmax(model(ids).logits, dim=-1)
        for i, text, row in zip(part, texts, log_p, strict=True):
            word = torch.tensor(items[i].continuation)
            own = row[len(text) - len(word) : len(text)]
            total = own.gather(1, word[:, None]).sum()
            answers[i] = float(total), bool((own.argmax(dim=1) == word).all())
    return answers


def their_answers(
    folder: Path, dtype: str, items: Sequence[Continuation], batch: int
) -> Callable[[], Answers]:
    """Return the answers of lm-eval's backend, or of its replacement."""
    import transformers

    if find_spec("lm_eval") is None:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=DTYPES[dtype]).eval()
        return lambda: as_lm_eval(model, items, batch)
    from lm_eval.models.huggingface import HFLM

    backend = HFLM(pretrained=str(folder), dtype=dtype, device="cpu", batch_size=batch)
    asked = [(None, list(item.context), list(item.continuation)) for item in items]
    return lambda: backend._loglikelihood_tokens(asked, disable_tqdm=True)


def our_answers(folder: Path, dtype: str, items: Sequence[Continuation]) -> Callable[[], Answers]:
    model = load(folder, device="cpu", dtype=DTYPES[dtype])
    ids: Any = SimpleNamespace(vocab_size=model.decoder.config.vocab_size)  # the items hold ids of all tokens
    scorer = Scorer(pack(model.decoder), ids)
    return lambda: [(a.log_probability, a.is_greedy) for a in scorer.continuations(items)]


def measure(plan: Plan, folder: Path) -> dict[str, Any]:
    """Measure the examples per second of all contestants.

    Raises:
        RuntimeError: If the toolkit's answers differ in fp32.
    """
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    items = with_own_words(made_items(plan), model)
    del model
    contestants: dict[str, Callable[[], Answers]] = {}
    for dtype in plan.dtypes:
        contestants[f"{OURS}, {dtype}"] = our_answers(folder, dtype, items)
        contestants[f"{THEIRS}, {dtype}"] = their_answers(folder, dtype, items, plan.batch)
    reference = contestants[f"{THEIRS}, float32"]()
    agreement = {}
    for name, run in contestants.items():
        answers = run()
        same = sum(a[1] == b[1] for a, b in zip(answers, reference, strict=True))
        furthest = max(abs(a[0] - b[0]) for a, b in zip(answers, reference, strict=True))
        agreement[name] = {"same_decisions": same, "largest_difference_nats": furthest}
    ours = agreement[f"{OURS}, float32"]
    if ours["same_decisions"] != len(items) or ours["largest_difference_nats"] > 1e-3:
        raise RuntimeError(
            f"fp32: {ours} for {len(items)} examples; expected equal decisions within 1e-3 nats"
        )
    seconds = in_turns(contestants, plan.rounds)
    n_tokens = sum(len(item.context) + len(item.continuation) - 1 for item in items)
    speed = {name: len(items) / median(times) for name, times in seconds.items()}
    baseline = speed[f"{THEIRS}, float32"]
    blocks = plan.config.n_params - (plan.config.vocab_size + plan.config.n_ctx) * plan.config.n_embd
    their_flops = 2 * (blocks + plan.config.vocab_size * plan.config.n_embd) * n_tokens / len(items)
    return {
        "plan": {**vars(plan), "config": plan.config.to_fields(), "mean_tokens": n_tokens / len(items)},
        "by": "lm-eval" if find_spec("lm_eval") else "transformers, as lm-eval's backend does it",
        "right": sum(greedy for _, greedy in reference),
        "agreement": agreement,
        "items_per_second": speed,
        "ratio_to_float32": {name: value / baseline for name, value in speed.items()},
        "ratio_to_same_dtype": {
            dtype: speed[f"{OURS}, {dtype}"] / speed[f"{THEIRS}, {dtype}"] for dtype in plan.dtypes
        },
        "their_gflops_float32": baseline * their_flops / 1e9,
        "seconds": seconds,
    }


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=5)
    parser.add_argument(
        "--items", type=int, default=96, metavar="N", help="measure N passages (default: %(default)s)"
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=16,
        metavar="N",
        help="use batches of N in lm-eval (default: %(default)s)",
    )
    add_dtypes(parser)
    args = parse(parser, argv)
    dtypes = tuple(name for name in DTYPES if name == "float32" or name in args.dtypes)
    plan = quick_plan(dtypes)
    if not args.quick:
        plan = Plan(DecoderConfig.from_preset("gpt2"), args.items, args.batch, args.rounds, dtypes=dtypes)
    about = stamp(["transformers", "lm_eval"])
    with tempfile.TemporaryDirectory() as scratch:
        write_weights(plan.config, Path(scratch) / "model")
        report = {"machine": about, "dtypes": dtypes, **measure(plan, Path(scratch) / "model")}
    print_machine(about)
    print(
        f"{plan.config.n_params / 1e6:,.0f}M parameters; {plan.items} items of "
        f"{report['plan']['mean_tokens']:.0f} tokens, {report['right']} with the model's own word; {THEIRS} "
        f"is {report['by']}, batch {plan.batch}, {report['their_gflops_float32']:.0f} GFLOP/s in fp32\n"
    )
    heads = ["", "items/s", f"to {THEIRS}, fp32", "same decisions", "furthest, nats"]
    rows = []
    for name, value in report["items_per_second"].items():
        found = report["agreement"][name]
        same = f"{found['same_decisions']} of {plan.items}"
        furthest = f"{found['largest_difference_nats']:.1e}"
        rows.append([name, value, report["ratio_to_float32"][name], same, furthest])
    print_table(heads, rows)
    ratios = {dtype: round(ratio, 2) for dtype, ratio in report["ratio_to_same_dtype"].items()}
    print(f"\nours to theirs in the same type: {ratios}")
    keep(args, report)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
