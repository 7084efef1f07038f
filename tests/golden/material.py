"""Shared parts of the golden tests: a small text, seeded models, a Trainer, and files of recorded values."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger

from gpt_toolkit import Decoder, DecoderConfig

NAMES = ("Mira", "Otto", "Ana", "Ben", "Clara")
NOUNS = ("boat", "house", "garden", "river", "letter", "lamp", "bridge", "horse")
VERBS = ("found", "painted", "carried", "watched", "sold", "wanted")
KINDS = ("old", "red", "small", "quiet", "broken")
PLACES = ("by the sea", "in the town", "at night", "near the well")
WORDS = (
    *NAMES,
    *NOUNS,
    *VERBS,
    *KINDS,
    "the",
    "The",
    "by",
    "in",
    "at",
    "near",
    "sea",
    "town",
    "night",
    "well",
)


def sentences(n: int, seed: int) -> list[str]:
    """Make sentences of few words, always the same."""
    draw = Random(seed).choice
    return [f"{draw(NAMES)} {draw(VERBS)} the {draw(KINDS)} {draw(NOUNS)} {draw(PLACES)}." for _ in range(n)]


def corpus_files(folder: Path, n: int) -> dict[str, Any]:
    """Write sentences into a file for training and one for validation, the last tenth of the bytes."""
    text = "\n".join(sentences(n, seed=0)).encode()
    cut = int(len(text) * 0.9)
    parts = {"files": ("corpus.txt", text[:cut]), "val_files": ("held_out.txt", text[cut:])}
    for name, part in parts.values():
        (folder / name).write_bytes(part)
    return {argument: str(folder / name) for argument, (name, _) in parts.items()}


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def decoder_of(seed: int, std: float = 0.2, **fields: Any) -> Decoder:
    """Build a decoder whose every number is drawn by numpy, biases and gains too."""
    decoder = Decoder(DecoderConfig.from_fields({"n_layer": 2, "n_head": 2, "n_embd": 16, **fields}))
    random = np.random.default_rng(seed)
    state = decoder.state_dict()
    for name, tensor in state.items():
        values = random.standard_normal(tuple(tensor.shape)) * (std if tensor.ndim == 2 else 0.1)
        gain = 1.0 if "ln_" in name and name.endswith("weight") else 0.0
        state[name] = torch.from_numpy((values + gain).astype(np.float32))
    decoder.load_state_dict(state)
    return decoder.eval()


class Logged(Logger):
    """Logger that stores the metrics of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Ignore hyperparameters."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.rows.append(dict(metrics))

    def column(self, name: str) -> list[float]:
        """Return the values of one name in order."""
        return [rounded(row[name]) for row in self.rows if name in row]


def trainer(folder: Path, **options: Any) -> Trainer:
    """Make a Trainer of one CPU that shows nothing and saves nothing."""
    quiet = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "log_every_n_steps": 1,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "default_root_dir": folder,
    }
    return Trainer(**{**quiet, **options})


# Values


def rounded(value: float) -> float:
    """Round to eight digits, more than float32 has."""
    return float(f"{value:.8g}")


def digest(*parts: bytes | str) -> str:
    """Hash parts in their order, to 16 hexadecimal digits."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()[:16]


def path_of(name: str) -> Path:
    """Name the file of a test module's values."""
    return Path(__file__).with_name(f"{name}.json")


def kept(name: str) -> dict[str, Any]:
    """Read the values of a test module."""
    content: dict[str, Any] = json.loads(path_of(name).read_text(encoding="utf-8"))
    return content


def assert_same(found: Any, expected: Any, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Compare values: floats within the tolerance, others exactly; name every difference."""
    faults = list(_differences(json.loads(json.dumps(found)), expected, rtol, atol, ""))
    assert not faults, f"{len(faults)} values differ (found, expected):\n" + "\n".join(faults[:40])


def _differences(found: Any, expected: Any, rtol: float, atol: float, place: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in {**expected, **found}:
            if key not in found or key not in expected:
                yield f"{place}/{key}: only {'expected' if key in expected else 'found'}"
            else:
                yield from _differences(found[key], expected[key], rtol, atol, f"{place}/{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from _differences(one, other, rtol, atol, f"{place}[{number}]")
    elif isinstance(found, float) and isinstance(expected, float):
        if not math.isclose(found, expected, rel_tol=rtol, abs_tol=atol):
            yield f"{place}: {found!r}, {expected!r}"
    elif found != expected:
        yield f"{place}: {found!r}, {expected!r}"
