"""``gpt-toolkit generate``: text from a model, for one prompt or in a conversation.

For a file of prompts on any number of devices: ``gpt-toolkit predict --config text/generate``.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from gpt_toolkit.cli.conversation import GenerationSettings, sliding_note
from gpt_toolkit.hardware import DTYPES, device_named, dtype_named, emulation_warning, limit_threads

if TYPE_CHECKING:
    from gpt_toolkit.generation.language_model import LanguageModel

_BATCH_SIZE = 8
"""Samples generated together without a terminal; tuned here: the weights are read once for all of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add, defaults = parser.add_argument, GenerationSettings  # the class: an instance would import torch

    def add_number(name: str, kind: type, text: str) -> None:
        metavar = "N" if kind is int else "F"
        default = getattr(defaults, name)
        add(f"--{name}", type=kind, default=default, metavar=metavar, help=f"{text} (default: %(default)s)")

    add("model", metavar="MODEL", help="model folder, .ckpt, or hub id such as gpt2")
    add("--prompt", help="continue this text; '' starts from end-of-text (default: read stdin or a terminal)")
    add_number("max_new_tokens", int, "add at most N tokens; a full context drops its first half")
    add_number("temperature", float, "divide the logits by F; 0 takes the likeliest token each time")
    add_number("top_k", int, "draw among the N likeliest tokens, as in GPT-2 Table 13; 0 is off")
    add_number("top_p", float, "draw among the likeliest tokens that together reach probability F; 1 is off")
    add(
        "--top_p_rule",
        choices=("keep", "drop"),
        default=defaults.top_p_rule,
        help="keep or drop the token that crosses top_p; OpenAI's code drops it (default: %(default)s)",
    )
    add_number("repetition_penalty", float, "make earlier tokens less likely if above 1 (CTRL); 1 is off")
    add(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help=r"end before this text, in which \n is a line break; can be given several times",
    )
    add("--num_samples", type=int, default=1, metavar="N", help="write N texts (default: %(default)s)")
    add("--seed", type=int, metavar="N", help="draw sample i with seed N + i (default: another each time)")
    add("--json", action="store_true", help="print one JSON object a sample and line")
    add("--device", default="auto", help="compute on auto, cpu, cuda, cuda:1, ... (default: %(default)s)")
    add(
        "--dtype",
        choices=DTYPES,
        default="auto",
        help="compute in this type; auto is the fastest that the device has (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If a value is out of range, or the model is damaged or not supported.
        FileNotFoundError: If the model does not exist.
    """
    given = {name: getattr(args, name) for name in GenerationSettings.__dataclass_fields__}
    settings = GenerationSettings(**{**given, "stop": tuple(text.replace("\\n", "\n") for text in args.stop)})
    if args.num_samples < 1:
        raise ValueError(f"num_samples is {args.num_samples}, expected at least 1")
    interactive = args.prompt is None and sys.stdin.isatty()
    if interactive and args.json:
        raise ValueError("--json needs a prompt; give --prompt, or a text on stdin")
    prompt = args.prompt
    if prompt is None and not interactive:
        prompt = sys.stdin.read().removesuffix("\n")
    model = _load(args)
    if interactive:
        from gpt_toolkit.cli.conversation import converse

        converse(model, settings)
    else:
        _print_samples(model, prompt, settings, args.num_samples, as_json=args.json)
    return 0


def _load(args: argparse.Namespace) -> LanguageModel:
    from gpt_toolkit.generation.language_model import load

    device = device_named(args.device)
    limit_threads()
    dtype = dtype_named(args.dtype, device)
    if message := emulation_warning(dtype, device, "--dtype"):
        print(f"warning: {message}", file=sys.stderr)
    return load(args.model, device=device, dtype=dtype)


def _print_samples(
    model: LanguageModel, prompt: str, settings: GenerationSettings, num_samples: int, *, as_json: bool
) -> None:
    if settings.seed is None:
        settings = replace(settings, seed=secrets.randbelow(2**31))
    first_seed = settings.seed or 0
    if sys.stdout.isatty() and not as_json:
        for sample in range(num_samples):
            if sample:
                print("---")
            print(prompt, end="", flush=True)
            for piece in model.stream(prompt, **replace(settings, seed=first_seed + sample).as_arguments()):
                print(piece, end="", flush=True)
            print()
        if note := sliding_note(model, prompt, settings.max_new_tokens):
            print(note, file=sys.stderr)
        return
    slid = False
    for first in range(0, num_samples, _BATCH_SIZE):
        seeds = [first_seed + sample for sample in range(first, min(first + _BATCH_SIZE, num_samples))]
        answers = model.write(
            [prompt] * len(seeds),
            max_new_tokens=settings.max_new_tokens,
            sampling=settings.sampling,
            seeds=seeds,
            stop=settings.stop,
        )
        for seed, answer in zip(seeds, answers, strict=True):
            slid = slid or answer.slid
            if as_json:
                record = {"prompt": prompt, "text": answer.text, **settings.as_arguments(), "seed": seed}
                how = {"n_tokens": answer.n_tokens, "ended": answer.ended, "slid": answer.slid}
                print(json.dumps(record | how), flush=True)
            else:
                print(("" if seed == first_seed else "---\n") + prompt + answer.text, flush=True)
    if slid:
        print(sliding_note(model, prompt, settings.max_new_tokens), file=sys.stderr)
