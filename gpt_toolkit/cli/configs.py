"""``gpt-toolkit configs``: the configs that come with the package, and the presets of decoders.

Without a name, each config is listed with what it reproduces, its data, number of parameters, time and
memory. The presets follow. With a name, that config is printed, with the source of each number.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gpt_toolkit.cli.shipped_configs import config_names, find_config, shipped_configs
from gpt_toolkit.yaml_files import read_yaml

EPILOG = """\
examples:
  gpt-toolkit configs
  gpt-toolkit configs text/own > mine.yaml
  gpt-toolkit fit --config mine.yaml --data.files letters.txt
"""

FOLDERS = ("text", "storyworld", "gpt1", "gpt2", "strategy")
"""Folders of the configs, in the order of the list."""

_HUB_PRESETS = {"openai-gpt": "gpt1"}
"""Presets of the hub's models that configs start from."""

_EXAMPLE_VOCABULARY, _EXAMPLE_CONTEXT = 4096, 256
"""Size of the small presets in the list; their own size comes from the data."""


class Recipe(NamedTuple):
    """A shipped config as its header describes it.

    Attributes:
        name: Name for ``--config``.
        what: What it trains or reproduces.
        command: Command that runs it.
        size: Parameters of its model; "" if the user gives the model.
        data: Data that it reads.
        time: Duration and machine, with ``measured``, ``estimated`` or ``published``.
        memory: Memory of a device, with the same words.
    """

    name: str
    what: str
    command: str
    size: str
    data: str
    time: str
    memory: str


class Preset(NamedTuple):
    """A preset of :mod:`gpt_toolkit.backbone.presets`, with its number of parameters."""

    name: str
    n_layer: int
    n_head: int
    n_embd: int
    n_ctx: int
    vocab_size: int
    n_params: int
    is_example: bool
    """True if context and vocabulary are examples, because the data decides them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="print this config, such as text/own, or list one folder, such as text",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return the exit code, 0."""
    if args.name not in (None, *FOLDERS):
        print(find_config(args.name).read_text(encoding="utf-8"), end="")
        return 0
    for recipe in recipes():
        folder = recipe.name.partition("/")[0]
        if args.name in (None, folder):
            print(f"{recipe.name:34} {recipe.what}")
            for title in ("data", "size", "time", "memory"):
                if text := getattr(recipe, title):
                    print(f"    {title:8}{text}")
    if args.name is None:
        print("\npresets for --model.decoder, with their number of parameters:")
        for preset in presets():
            print(f"  {describe_preset(preset)}")
    print(
        "\nnext: gpt-toolkit configs NAME prints one with its sources; gpt-toolkit fit --config NAME runs it"
    )
    return 0


def recipes() -> Iterator[Recipe]:
    """Yield the shipped configs, those for a first try first."""
    for name in sorted(config_names(), key=lambda name: FOLDERS.index(name.partition("/")[0])):
        path = shipped_configs() / f"{name}.yaml"
        header = _header(path)
        facts = dict(re.findall(r"^(Data|Time|Memory): (.+)\.$", header, flags=re.M))
        command = re.search(r"^ +(gpt-toolkit .+)$", header, flags=re.M)
        yield Recipe(
            name,
            header.partition("\n")[0],
            command[1] if command else "",
            _size(name),
            *(facts.get(key, "") for key in ("Data", "Time", "Memory")),
        )


def presets() -> Iterator[Preset]:
    """Yield the presets, the papers' first."""
    from gpt_toolkit.backbone import PRESETS, DecoderConfig

    for name, fields in PRESETS.items():
        example = {"vocab_size": _EXAMPLE_VOCABULARY, "n_ctx": _EXAMPLE_CONTEXT}
        config = DecoderConfig.from_fields(example | fields)
        yield Preset(
            name,
            *(config.n_layer, config.n_head, config.n_embd, config.n_ctx, config.vocab_size),
            n_params=config.n_params,
            is_example="vocab_size" not in fields,
        )


def describe_preset(preset: Preset) -> str:
    """Return a line about a preset: shape, context, vocabulary and parameters."""
    shape = f"{preset.n_layer} layers, {preset.n_head} heads, width {preset.n_embd:,}"
    size = f"{preset.n_params / 1e6:,.1f} M"
    example = "for example " if preset.is_example else ""
    where = f"{example}with context {preset.n_ctx:,} and vocabulary {preset.vocab_size:,}"
    return f"{preset.name:12} {shape:34} {size:>9}  {where}"


def _header(path: Path) -> str:
    """Return the comment at the beginning of a config, without number signs."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("# ").removeprefix("#") for line in lines[:end])


def _size(name: str) -> str:
    """Return the number of parameters of a config's model; "" if the user gives the model."""
    from gpt_toolkit.backbone import DecoderConfig

    fields = _decoder(name)
    if "n_layer" not in fields:
        return ""
    known = DecoderConfig.from_fields({"vocab_size": 1, "n_ctx": 1} | fields)
    if "vocab_size" in fields:
        return f"{known.n_params / 1e6:,.2f} M parameters"
    blocks = known.n_params - (known.vocab_size + known.n_ctx) * known.n_embd
    return f"{blocks / 1e6:,.2f} M parameters, and {known.n_embd} more for each entry of the vocabulary"


def _decoder(name: str) -> dict[str, Any]:
    """Return the fields of a config's decoder, as far as config, preset and tokenizer give them."""
    from gpt_toolkit.backbone import decoder_fields
    from gpt_toolkit.tokenizers.loading import load_tokenizer

    config = read_yaml(shipped_configs() / f"{name}.yaml")
    if "model" not in config or "data" not in config:  # an overlay
        return {}
    model, data = config["model"]["init_args"], config["data"]["init_args"]
    source, tokenizer = model.get("init_from"), data.get("tokenizer") or ""
    fields: dict[str, Any] = {}
    if source in _HUB_PRESETS:
        fields = decoder_fields(_HUB_PRESETS[source])
    elif run := re.fullmatch(r"runs/(\w+)/model", source or ""):
        fields = _decoder(f"{name.partition('/')[0]}/{run[1]}")
    fields |= {"n_ctx": data["n_ctx"]} if data.get("n_ctx") else {}
    if tokenizer.startswith("train:"):
        fields["vocab_size"] = int(tokenizer.partition(":")[2])
    elif tokenizer == "storyworld":
        fields["vocab_size"] = load_tokenizer(tokenizer).vocab_size
    return fields | decoder_fields(model.get("decoder") or {})
