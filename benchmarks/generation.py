"""Tokens per second compared with other programs: same weights and prompts, greedy decoding, in turns.

    python benchmarks/generation.py --output generation.json

All load GPT-2 124M with random weights from one model folder. The prompt has 16 tokens, 128 are generated,
and reading the prompt is included. transformers computes in our type. Where they are installed, CTranslate2
(fp32, int8) and llama.cpp (f16 next to our bf16, q8_0 next to our int8) take part. Generation is
memory-bandwidth bound, because all weights are read once per token. The bound is therefore the memory
bandwidth, measured in the same run, divided by the size of the weights. litgpt is not included: it has no
learned position embeddings and cannot load these weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import other_engines
from benchmarks.other_engines import Generate, Rows
from benchmarks.side_by_side import (
    CPU,
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
from gpt_toolkit.hardware import has_int8_products
from gpt_toolkit.tokenizers import load_tokenizer

OURS, THEIRS, PLAIN = "gpt_toolkit", "transformers", "gpt_toolkit, not packed"
INT8 = "int8"
CTRANSLATE2 = {"float32": ("CTranslate2, fp32", "float32"), INT8: ("CTranslate2, int8", "int8")}
LLAMA_CPP = {"bfloat16": ("llama.cpp, f16", "f16"), INT8: ("llama.cpp, q8_0", "q8_0")}
"""Names and types of other programs' weights that are compared with a type of ours."""


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
    config = DecoderConfig(vocab_size=4096, n_ctx=32, n_layer=2, n_head=2, n_embd=256)
    return Plan(config, prompt=4, new=12, batches=(1, 2), rounds=1, dtypes=dtypes)


def write_weights(config: DecoderConfig, folder: Path) -> None:
    """Write random weights with a large spread, so that greedy decoding does not repeat one token."""
    torch.manual_seed(0)
    decoder = Decoder(config)
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            if name.startswith("h.") and parameter.ndim == 2:
                parameter.normal_(std=3.0 * config.n_embd**-0.5)
    LanguageModel(decoder, load_tokenizer("storyworld")).save(folder)  # other converters need one


def measure(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Measure all contestants in each type and with each batch size.

    Raises:
        RuntimeError: If tokens differ from transformers' in fp32.
    """
    results = []
    dtypes = [*plan.dtypes, *([INT8] if has_int8_products(CPU) else [])]
    for dtype in dtypes:
        for batch in plan.batches:
            result = _measure_batch(plan, folder, dtype, batch)
            results.append({"dtype": dtype, "batch": batch, **result})
            if dtype == "float32" and result["equal_tokens"][THEIRS] < batch * plan.new:
                raise RuntimeError(
                    f"fp32, batch {batch}: {result['equal_tokens'][THEIRS]} equal tokens; expected all to be "
                    "equal"
                )
    return results


def _contestants(plan: Plan, folder: Path, dtype: str, batch: int) -> dict[str, Generate]:
    model = load(folder, device="cpu", dtype=torch.int8 if dtype == INT8 else DTYPES[dtype])
    decoder = pack(model.decoder)

    def with_decoder(decoder: Decoder) -> Generate:
        return lambda prompts, n_new: generate(decoder, prompts, max_new_tokens=n_new, temperature=0.0)

    contestants = {OURS: with_decoder(decoder)}
    if dtype != INT8:
        contestants |= {THEIRS: _transformers(folder, DTYPES[dtype]), PLAIN: with_decoder(model.decoder)}
    if dtype in CTRANSLATE2 and other_engines.has_ctranslate2():
        name, kind = CTRANSLATE2[dtype]
        contestants[name] = other_engines.ctranslate2(folder, kind)
    if dtype in LLAMA_CPP and other_engines.has_llama_cpp():
        name, kind = LLAMA_CPP[dtype]
        contestants[name] = other_engines.llama_cpp(folder, kind, batch, plan.prompt + plan.new)
    return contestants


def _measure_batch(plan: Plan, folder: Path, dtype: str, batch: int) -> dict[str, Any]:
    config, new = plan.config, plan.new
    generator = torch.Generator().manual_seed(batch)
    prompts = torch.randint(min(4096, config.vocab_size), (batch, plan.prompt), generator=generator).tolist()
    programs = _contestants(plan, folder, dtype, batch)
    contestants = {name: partial(program, prompts, new) for name, program in programs.items()}
    tokens = {name: run() for name, run in contestants.items()}
    equal = {name: _n_equal(tokens[OURS], rows) for name, rows in tokens.items()}
    n_weights = config.n_params - config.n_ctx * config.n_embd
    n_bytes = n_weights * (1 if dtype == INT8 else DTYPES[dtype].itemsize)
    before = read_bandwidth(n_bytes)
    seconds = in_turns(contestants, plan.rounds)
    bandwidth = (before + read_bandwidth(n_bytes)) / 2
    speed = {name: batch * new / median(times) for name, times in seconds.items()}
    bound = batch * bandwidth / n_bytes
    return {
        "tokens_per_second": speed,
        "ratio": {name: speed[OURS] / other for name, other in speed.items() if name != OURS},
        "read_gb_per_second": bandwidth / 1e9,
        "weights_mb": n_bytes / 1e6,
        "bound_tokens_per_second": bound,
        "share_of_bound": speed[OURS] / bound,
        "equal_tokens": equal,
        "where_time_goes": where_time_goes(contestants[OURS]),
        "seconds": seconds,
    }


def _n_equal(ours: Rows, theirs: Rows) -> int | None:
    """Return the number of equal tokens; None if the other program returns text only."""
    if not all(theirs):
        return None
    return sum(a == b for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True))


def where_time_goes(run: Callable[[], object]) -> dict[str, float]:
    """Profile a run: return each operator group's fraction of the time."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run()
    groups = {"matrix products": 0.0, "attention": 0.0, "the rest": 0.0}
    for event in profiler.key_averages():
        name = event.key
        product = any(part in name for part in ("linear", "mm", "mkldnn", "onednn"))
        group = "attention" if "attention" in name else "matrix products" if product else "the rest"
        groups[group] += event.self_cpu_time_total
    total = sum(groups.values())
    return {name: round(time / total, 3) for name, time in groups.items()}


def _transformers(folder: Path, dtype: torch.dtype) -> Generate:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    model.generation_config.eos_token_id = None  # no answer ends early

    @torch.inference_mode()
    def generate(prompts: Rows, n_new: int) -> Rows:
        ids = torch.tensor(prompts)
        options = {"max_new_tokens": n_new, "do_sample": False, "pad_token_id": 0}
        rows = model.generate(ids, attention_mask=torch.ones_like(ids), **options)
        return rows[:, ids.shape[1] :].tolist()  # type: ignore[no-any-return]

    return generate


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit code."""
    parser = argument_parser(__doc__, rounds=7)
    add_dtypes(parser)
    args = parse(parser, argv)
    dtypes = tuple(args.dtypes)
    plan = quick_plan(dtypes) if args.quick else full_plan(args.rounds, dtypes)
    about = stamp(["transformers", "ctranslate2", "xllamacpp"])
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
    heads = ["", "tokens/s", "ours to it", "equal tokens", "fraction of bound", "GB/s"]
    rows: list[list[object]] = []
    for each in results:
        n_tokens = each["batch"] * plan.new
        for name, speed in each["tokens_per_second"].items():
            ours = [each["share_of_bound"], each["read_gb_per_second"]] if name == OURS else ["", ""]
            n_equal = each["equal_tokens"][name]
            equal = "" if n_equal is None else f"{n_equal} of {n_tokens}"
            ratio = each["ratio"].get(name, 1.0)
            rows.append([f"{each['dtype']}, batch {each['batch']}, {name}", speed, ratio, equal, *ours])
    print_table(heads, rows)
    print("\nwhere our time goes")
    groups = list(results[0]["where_time_goes"])
    shares = [[f"{share:.0%}" for share in each["where_time_goes"].values()] for each in results]
    names = [f"{each['dtype']}, batch {each['batch']}" for each in results]
    print_table(["", *groups], [[name, *share] for name, share in zip(names, shares, strict=True)])


if __name__ == "__main__":
    raise SystemExit(main())
