"""``gpt-toolkit generate``: text from a model, once or in conversation.

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

_AT_ONCE = 8
"""Samples that are made side by side when nobody watches; ours: the weights are read once for all of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    usual = GenerationSettings  # its fields' defaults; an instance would import torch
    parser.add_argument("model", metavar="MODEL", help="model folder, .ckpt, or hub id such as gpt2")
    parser.add_argument(
        "--prompt",
        help="text to continue ('' starts from end-of-text); else from stdin, or asked for on a terminal",
    )
    parser.add_argument(
        "--max_new_tokens",
        type=int,
        default=usual.max_new_tokens,
        metavar="N",
        help="tokens to add at most (%(default)s); past the context length the window slides: whenever the "
        "context is full, its first half is forgotten",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=usual.temperature,
        metavar="F",
        help="divides the logits; 0 takes the likeliest token each time (%(default)s)",
    )
    parser.add_argument(
        "--top_k",
        type=int,
        default=usual.top_k,
        metavar="N",
        help="draw among the N likeliest tokens; 0 is off (%(default)s, as in GPT-2 Table 13)",
    )
    parser.add_argument(
        "--top_p",
        type=float,
        default=usual.top_p,
        metavar="F",
        help="draw among the likeliest tokens that together reach this probability; 1 is off (%(default)s)",
    )
    parser.add_argument(
        "--top_p_rule",
        choices=("keep", "drop"),
        default=usual.top_p_rule,
        help="what becomes of the token that crosses top_p; GPT-2's released code drops it (%(default)s)",
    )
    parser.add_argument(
        "--repetition_penalty",
        type=float,
        default=usual.repetition_penalty,
        metavar="F",
        help="above 1, tokens that are in the text already are less likely (CTRL); 1 is off (%(default)s)",
    )
    parser.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help=r"end the answer before this text, in which \n is a line break; may be given several times",
    )
    parser.add_argument(
        "--num_samples", type=int, default=1, metavar="N", help="continuations of the prompt (%(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="of the draws; sample i is drawn with seed + i (another each time unless given)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a sample and line")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (%(default)s)")
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="auto",
        help="type to compute in; auto is the fastest that this device has (%(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If a value is out of range, or the model is damaged or not implemented.
        FileNotFoundError: If there is no such model.
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
    model = _loaded(args)
    if interactive:
        from gpt_toolkit.cli.conversation import converse

        converse(model, settings)
    else:
        _print_samples(model, prompt, settings, args.num_samples, as_json=args.json)
    return 0


def _loaded(args: argparse.Namespace) -> LanguageModel:
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
    for first in range(0, num_samples, _AT_ONCE):
        seeds = [first_seed + sample for sample in range(first, min(first + _AT_ONCE, num_samples))]
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
