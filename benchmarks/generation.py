"""Tokens per second compared with transformers: same weights and prompts, greedy decoding, in turns.

    python benchmarks/generation.py --output generation.json

Both load GPT-2 124M with random weights from one model folder. The prompt has 16 tokens, 128 are generated,
and reading the prompt is included. Generation is memory-bandwidth bound, because all weights are read once
per token. The bound is therefore the memory bandwidth, measured in the same run, divided by the size of the
weights. litgpt is not included: it has no learned position embeddings and cannot load these weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.side_by_side import (
    DTYPES,
    add_dtypes,
    argument_parser,
    in_turns,
    keep,
    parse,
    print_machine,
    print_table,
    read_bandwidth,
    stamp,
)
from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.generation import generate
from gpt_toolkit.generation.language_model import LanguageModel, load

OURS, THEIRS, PLAIN = "gpt_toolkit", "transformers", "gpt_toolkit, not packed"


@dataclass(frozen=True)
class Plan:
    """Sizes of the measurement.

    Args:
        config: Shape of the decoder.
        prompt: Tokens of a prompt.
        new: Tokens to generate.
        batches: Batch sizes.
        rounds: Rounds of each measurement.
        dtypes: Names of the types to measure.
    """

    config: DecoderConfig
    prompt: int = 16
    new: int = 128
    batches: tuple[int, ...] = (1, 8)
    rounds: int = 7
    dtypes: tuple[str, ...] = ("float32",)


def full_plan(rounds: int, dtypes: tuple[str, ...]) -> Plan:
    return Plan(DecoderConfig.from_preset("gpt2"), rounds=rounds, dtypes=dtypes)


def quick_plan(dtypes: tuple[str, ...]) -> Plan:
    """Return a plan of a few seconds that checks that everything runs; its figures mean nothing."""
    config = DecoderConfig(vocab_size=300, n_ctx=32, n_layer=2, n_head=2, n_embd=256)
    return Plan(config, prompt=4, new=12, batches=(1, 2), rounds=1, dtypes=dtypes)


def write_weights(config: DecoderConfig, folder: Path) -> None:
    """Write random weights with a large spread, so that greedy decoding does not repeat one token."""
    torch.manual_seed(0)
    decoder = Decoder(config)
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            if name.startswith("h.") and parameter.ndim == 2:
                parameter.normal_(std=3.0 * config.n_embd**-0.5)
    LanguageModel(decoder).save(folder)


def measure(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Measure all contestants in each type and with each batch size.

    Raises:
        RuntimeError: If tokens differ from transformers' in fp32.
    """
    results = []
    for dtype_name in plan.dtypes:
        dtype = DTYPES[dtype_name]
        ours, theirs = load(folder, device="cpu", dtype=dtype), _transformers(folder, dtype)
        for batch in plan.batches:
            result = _measure_batch(plan, ours, theirs, batch)
            results.append({"dtype": dtype_name, "batch": batch, **result})
            if dtype_name == "float32" and result["equal_tokens"] < batch * plan.new:
                raise RuntimeError(
                    f"fp32, batch {batch}: {result['equal_tokens']} equal tokens; expected all to be equal"
                )
    return results


def _measure_batch(plan: Plan, ours: LanguageModel, theirs: Any, batch: int) -> dict[str, Any]:
    config, new = plan.config, plan.new
    decoder = pack(ours.decoder)
    generator = torch.Generator().manual_seed(batch)
    prompts = torch.randint(config.vocab_size, (batch, plan.prompt), generator=generator)
    contestants: dict[str, Callable[[], list[list[int]]]] = {
        OURS: lambda: generate(decoder, prompts, max_new_tokens=new, temperature=0.0),
        THEIRS: lambda: _their_tokens(theirs, prompts, new),
        PLAIN: lambda: generate(ours.decoder, prompts, max_new_tokens=new, temperature=0.0),
    }
    tokens = {name: run() for name, run in contestants.items()}
    pairs = zip(tokens[OURS], tokens[THEIRS], strict=True)
    equal = sum(a == b for x, y in pairs for a, b in zip(x, y, strict=True))
    n_bytes = (config.n_params - config.n_ctx * config.n_embd) * ours.decoder.wte.weight.itemsize
    before = read_bandwidth(n_bytes)
    seconds = in_turns(contestants, plan.rounds)
    bandwidth = (before + read_bandwidth(n_bytes)) / 2
    speed = {name: batch * new / median(times) for name, times in seconds.items()}
    bound = batch * bandwidth / n_bytes
    return {
        "tokens_per_second": speed,
        "ratio_to_transformers": speed[OURS] / speed[THEIRS],
        "read_gb_per_second": bandwidth / 1e9,
        "weights_mb": n_bytes / 1e6,
        "bound_tokens_per_second": bound,
        "share_of_bound": speed[OURS] / bound,
        "equal_tokens": equal,
        "where_time_goes": where_time_goes(contestants[OURS]),
        "seconds": seconds,
    }


def where_time_goes(run: Callable[[], object]) -> dict[str, float]:
    """Profile a run: return each operator group's fraction of the time."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run()
    groups = {"matrix products": 0.0, "attention": 0.0, "the rest": 0.0}
    for event in profiler.key_averages():
        name = event.key
        product = "linear" in name or "mm" in name or "mkldnn" in name
        group = "attention" if "attention" in name else "matrix products" if product else "the rest"
        groups[group] += event.self_cpu_time_total
    total = sum(groups.values())
    return {name: round(time / total, 3) for name, time in groups.items()}


def _transformers(folder: Path, dtype: torch.dtype) -> Any:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    model.generation_config.eos_token_id = None  # no answer ends early
    return model


def _their_tokens(model: Any, prompts: torch.Tensor, n_new: int) -> list[list[int]]:
    with torch.inference_mode():
        rows = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            max_new_tokens=n_new,
            do_sample=False,
            pad_token_id=0,
        )
    tokens: list[list[int]] = rows[:, prompts.shape[1] :].tolist()
    return tokens


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=7)
    add_dtypes(parser)
    args = parse(parser, argv)
    dtypes = tuple(args.dtypes)
    plan = quick_plan(dtypes) if args.quick else full_plan(args.rounds, dtypes)
    about = stamp(["transformers"])
    with tempfile.TemporaryDirectory() as scratch:
        write_weights(plan.config, Path(scratch) / "model")
        results = measure(plan, Path(scratch) / "model")
    _show(plan, about, results)
    measured = {"decoder": plan.config.to_fields(), "prompt": plan.prompt, "new": plan.new}
    keep(args, {"machine": about, "dtypes": args.dtypes, "plan": measured, "results": results})
    return 0


def _show(plan: Plan, about: dict[str, Any], results: list[dict[str, Any]]) -> None:
    millions = plan.config.n_params / 1e6
    print_machine(about)
    print(f"{millions:,.0f}M parameters, prompt {plan.prompt}, {plan.new} new; tokens a second\n")
    heads = ["", OURS, THEIRS, "ratio", PLAIN, "bound", "share", "GB/s", "equal tokens"]
    rows = []
    for each in results:
        speed = each["tokens_per_second"]
        rows.append(
            [
                f"{each['dtype']}, batch {each['batch']}",
                *(speed[name] for name in (OURS, THEIRS)),
                each["ratio_to_transformers"],
                speed[PLAIN],
                each["bound_tokens_per_second"],
                each["share_of_bound"],
                each["read_gb_per_second"],
                f"{each['equal_tokens']} of {each['batch'] * plan.new}",
            ]
        )
    print_table(heads, rows)
    print("\nwhere our time goes")
    groups = list(results[0]["where_time_goes"])
    shares = [[f"{share:.0%}" for share in each["where_time_goes"].values()] for each in results]
    print_table(["", *groups], [[row[0], *share] for row, share in zip(rows, shares, strict=True)])


if __name__ == "__main__":
    raise SystemExit(main())
