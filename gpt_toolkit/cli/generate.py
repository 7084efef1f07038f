"""``gpt-toolkit generate``: text from a model, for one prompt or in a conversation.

For a file of prompts on any number of devices: ``gpt-toolkit predict --config text/generate``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gpt_toolkit.hardware import DTYPES, device_named, dtype_named, emulation_warning, limit_threads

if TYPE_CHECKING:
    from gpt_toolkit.generation import Sampling
    from gpt_toolkit.generation.language_model import LanguageModel

_BATCH_SIZE = 8
"""Samples generated together without a terminal; tuned here: the weights are read once for all of them."""


@dataclass(frozen=True)
class GenerationSettings:
    """Settings of generation, named like the options and arguments of :meth:`LanguageModel.generate`.

    Args:
        max_new_tokens: Maximum number of new tokens.
        temperature: Divides the logits; 0 is greedy.
        top_k: Draw among the N likeliest tokens; 0 is off.
        top_p: Draw among the likeliest tokens with this total probability; 1 is off.
        top_p_rule: Whether to keep or drop the token that crosses ``top_p``.
        repetition_penalty: Makes tokens of the text so far less likely; 1 is off.
        stop: Strings before which the answer ends.
        seed: Seed of the draws; by default another each time.

    Raises:
        ValueError: If a value is out of range.
    """

    max_new_tokens: int = 100
    temperature: float = 1.0
    top_k: int = 40  # of the samples in GPT-2, Table 13
    top_p: float = 1.0
    top_p_rule: Literal["keep", "drop"] = "keep"
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        _ = self.sampling
        if self.max_new_tokens < 0:
            raise ValueError(f"max_new_tokens: {self.max_new_tokens}; expected at least 0")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ValueError(f"seed: {self.seed}; expected at least 0 and less than 2**63")
        if "" in self.stop:
            raise ValueError("stop string: empty; expected at least one character")

    @property
    def sampling(self) -> Sampling:
        """Sampling of a token."""
        from gpt_toolkit.generation import Sampling

        return Sampling(self.temperature, self.top_k, self.top_p, self.top_p_rule, self.repetition_penalty)

    def as_arguments(self) -> dict[str, Any]:
        """Return the fields by name."""
        return dict(vars(self))


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
        help="compute in this type; auto is the fastest without loss that the device has, int8 quantizes the "
        "matrices (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    given = {name: getattr(args, name) for name in GenerationSettings.__dataclass_fields__}
    settings = GenerationSettings(**{**given, "stop": tuple(text.replace("\\n", "\n") for text in args.stop)})
    if args.num_samples < 1:
        raise ValueError(f"num_samples: {args.num_samples}; expected at least 1")
    interactive = args.prompt is None and sys.stdin.isatty()
    if interactive and args.json:
        raise ValueError("--json: no prompt; expected --prompt, or a text on stdin")
    prompt = args.prompt
    if prompt is None and not interactive:
        prompt = sys.stdin.read().removesuffix("\n")
    model = _load(args)
    if interactive:
        converse(model, settings)
    else:
        _print_samples(model, prompt, settings, args.num_samples, as_json=args.json)
    return 0


def _load(args: argparse.Namespace) -> LanguageModel:
    from gpt_toolkit.generation.language_model import load

    device = device_named(args.device)
    limit_threads()
    dtype = dtype_named(args.dtype, device)
    if args.dtype == "int8" and args.device == "auto":
        device = device_named("cpu")
    if message := emulation_warning(dtype, device, "--dtype"):
        print(f"warning: {message}", file=sys.stderr)
    model = load(args.model, device=device, dtype=dtype)
    for note in model.notes:
        print(f"note: {note}", file=sys.stderr)
    return model


def _stream(model: LanguageModel, prompt: str, settings: GenerationSettings) -> None:
    for piece in model.stream(prompt, **settings.as_arguments()):
        print(piece, end="", flush=True)
    print()


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
            _stream(model, prompt, replace(settings, seed=first_seed + sample))
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


# ------------------------------------------------------------------ conversation

_TYPES: Mapping[str, type[int] | type[float] | type[str]] = {
    **dict.fromkeys(("max_new_tokens", "top_k", "seed"), int),
    **dict.fromkeys(("temperature", "top_p", "repetition_penalty"), float),
    **dict.fromkeys(("top_p_rule", "stop"), str),
}
_EMPTY_VALUES: Mapping[str, object] = {"stop": (), "seed": None}
_COMMANDS = (*GenerationSettings.__dataclass_fields__, "settings", "reset", "help", "quit")
HELP = """\
Type a text and the model continues it.
  /temperature 0.7   /top_k 40   /top_p 0.95   /max_new_tokens 200   /seed 1   change how it is drawn
  /repetition_penalty 1.2   /stop TEXT ends an answer before TEXT (\\n is a line break); /stop alone: nowhere
  /seed              another seed each time
  /settings   show them   /reset   restore the first ones   /help   /quit
Ctrl-C stops an answer; Ctrl-C twice or Ctrl-D leaves"""


def converse(model: LanguageModel, settings: GenerationSettings) -> None:
    """Ask for texts and continue them until the user leaves."""
    with contextlib.suppress(ImportError):  # Windows has none and does without a history
        import readline  # noqa: F401 gives input() its history
    print(HELP)
    initial, has_noted, interrupted = settings, False, False
    while True:
        try:
            line = input("> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            if interrupted:
                return
            interrupted = True
            print("Ctrl-C again leaves")
            continue
        interrupted = False
        try:
            if line.strip() == "/quit":
                return
            if line.startswith("/"):
                settings = _change(settings, line[1:], initial)
            elif line:
                _stream(model, line, settings)
                if not has_noted and (note := sliding_note(model, line, settings.max_new_tokens)):
                    has_noted = True
                    print(note)
        except ValueError as error:
            print(error)
        except KeyboardInterrupt:  # the text so far stays
            print()


def _change(settings: GenerationSettings, command: str, initial: GenerationSettings) -> GenerationSettings:
    """Return the settings after a command such as ``top_k 40``."""
    name, _, value = command.partition(" ")
    value = value.strip()
    if name in ("help", ""):
        print(HELP)
        return settings
    if name == "reset":
        settings = initial
    elif name in _TYPES:
        return replace(settings, **{name: _value(name, value, settings)})
    elif name != "settings":
        known = ", ".join(f"/{known}" for known in _COMMANDS)
        raise ValueError(f"/{name}: unknown; expected one of {known}")
    print("  ".join(f"{key} {_format(each)}" for key, each in settings.as_arguments().items()))
    return settings


def _value(name: str, value: str, settings: GenerationSettings) -> Any:
    if not value and name in _EMPTY_VALUES:
        return _EMPTY_VALUES[name]
    if name == "stop":
        return (value.replace("\\n", "\n"),)
    kind = _TYPES[name]
    try:
        if not value:
            raise ValueError
        return kind(value)
    except ValueError:
        what = {int: "whole number", float: "number", str: "word"}[kind]
        raise ValueError(
            f"/{name}: no valid value; expected one {what}; it remains {getattr(settings, name)}"
        ) from None


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(repr(each) for each in value) or "-"
    return "-" if value is None else str(value)


def sliding_note(model: LanguageModel, prompt: str, max_new_tokens: int) -> str:
    """Return a note about an answer longer than the context; empty if it cannot become so long."""
    n_ctx = model.decoder.config.n_ctx
    if len(model.tokenizer.encode(prompt)) + max_new_tokens - 1 <= n_ctx:
        return ""
    return (
        f"note: past the context length of {n_ctx:,} tokens the window slides: the model sees the last "
        f"{max(1, n_ctx // 2):,} to {n_ctx:,} tokens only"
    )
