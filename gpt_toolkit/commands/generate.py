"""``gpt-toolkit generate``: text from a model, once or in conversation."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpt_toolkit.model import LanguageModel

_AT_ONCE = 8
"""Samples that are made side by side when nobody watches; ours: the weights are read once for all of them."""


@dataclass(frozen=True)
class Sampling:
    """How text is drawn; the names are those of the options.

    Args:
        max_new_tokens: Tokens to add at most.
        temperature: Divides the logits; 0 is greedy.
        top_k: Sample among so many; 0 is off.
        top_p: Sample among so much probability; 1 is off.
        seed: Of the draws; another each time unless given.
    """

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int = 40  # of the samples in GPT-2, Table 13
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        from gpt_toolkit.generation import check_sampling

        check_sampling(
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
        )
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}, expected at least 0 and less than 2**63")


_SETTINGS: dict[str, type[int] | type[float]] = {
    "max_new_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "seed": int,
}
_HELP = """\
Type a text and the model continues it.
  /temperature 0.7   /top_k 40   /top_p 0.95   /max_new_tokens 200   /seed 1   change how it is drawn
  /seed              draw anew each time
  /help   /quit      Ctrl-C stops an answer, Ctrl-D leaves"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    usual = Sampling  # its fields' defaults; an instance would import torch
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
        help="tokens to add at most (%(default)s)",
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
        help="sample among the N likeliest tokens; 0 is off (%(default)s, as in GPT-2 Table 13)",
    )
    parser.add_argument(
        "--top_p",
        type=float,
        default=usual.top_p,
        metavar="F",
        help="sample among the likeliest tokens that together reach this probability; 1 is off (%(default)s)",
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
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="what to compute in; auto is bfloat16 on a GPU that has it, else as stored (%(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: If a value is out of range, or the model is damaged or not implemented.
        FileNotFoundError: If there is no such model.
    """
    sampling = Sampling(**{name: getattr(args, name) for name in _SETTINGS})
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
        _converse(model, sampling)
    else:
        _print_samples(model, prompt, sampling, args.num_samples, as_json=args.json)
    return 0


def _loaded(args: argparse.Namespace) -> LanguageModel:
    import torch

    from gpt_toolkit.model import load

    dtype = None if args.dtype == "auto" else getattr(torch, args.dtype)
    on_gpu = args.device.startswith("cuda") or (args.device == "auto" and torch.cuda.is_available())
    if args.dtype == "auto" and on_gpu and torch.cuda.is_bf16_supported(including_emulation=False):
        dtype = torch.bfloat16
    return load(args.model, device=args.device, dtype=dtype)


def _print_samples(
    model: LanguageModel, prompt: str, sampling: Sampling, num_samples: int, *, as_json: bool
) -> None:
    if sampling.seed is None:
        sampling = replace(sampling, seed=secrets.randbelow(2**31))
    first_seed = sampling.seed or 0
    if sys.stdout.isatty() and not as_json:
        for sample in range(num_samples):
            if sample:
                print("---")
            print(prompt, end="", flush=True)
            _show(model, prompt, replace(sampling, seed=first_seed + sample))
        return
    for sample in range(0, num_samples, _AT_ONCE):
        settings = replace(sampling, seed=first_seed + sample)
        texts = model.generate(prompt, **asdict(settings), num_samples=min(_AT_ONCE, num_samples - sample))
        for number, text in enumerate(texts, start=sample):
            if as_json:
                record = {"prompt": prompt, "text": text, **asdict(sampling), "seed": first_seed + number}
                print(json.dumps(record), flush=True)
            else:
                print(("---\n" if number else "") + prompt + text, flush=True)


def _show(model: LanguageModel, prompt: str, sampling: Sampling) -> None:
    for piece in model.stream(prompt, **asdict(sampling)):
        print(piece, end="", flush=True)
    print()


def _converse(model: LanguageModel, sampling: Sampling) -> None:
    with contextlib.suppress(ImportError):  # Windows has none; the lines are then typed without history
        import readline  # noqa: F401 gives input() its history
    print(_HELP)
    while True:
        try:
            line = input("> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            continue
        try:
            if line.startswith("/"):
                if line.strip() == "/quit":
                    return
                sampling = _changed(sampling, line)
            elif line:
                _show(model, line, sampling)
        except ValueError as error:
            print(error)
        except KeyboardInterrupt:
            print()


def _changed(sampling: Sampling, line: str) -> Sampling:
    """The settings after a line such as ``/top_k 40``."""
    name, *values = line[1:].split() or ["help"]
    if name == "help":
        print(_HELP)
        return sampling
    if name not in _SETTINGS:
        known = ", ".join(f"/{known}" for known in (*_SETTINGS, "help", "quit"))
        raise ValueError(f"/{name} is not known; there are {known}")
    if name == "seed" and not values:
        return replace(sampling, seed=None)
    kind = _SETTINGS[name]
    try:
        (value,) = values
        changed: dict[str, Any] = {name: kind(value)}
    except ValueError:
        what = "whole number" if kind is int else "number"
        raise ValueError(f"/{name} takes one {what}; it is {getattr(sampling, name)}") from None
    return replace(sampling, **changed)
