"""Agreement of programs on one model: the same texts, and the log-probability of every token in float32."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gpt_toolkit.analysis.engines import ENGINES, EngineError, Measured
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.model_card import AGREEMENT
from gpt_toolkit.evaluation.score_report import finite, versions
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.records import read_records
from gpt_toolkit.storyworld.documents import documents
from gpt_toolkit.text_lines import text_lines


class Agreement(NamedTuple):
    """Differences between one program and this toolkit.

    Attributes:
        engine: Name of the program.
        version: Its version; "" if it was skipped.
        measured: What is compared: every token, the mean of each text's tokens, or each text's last token.
        n: Number of these.
        largest: Largest difference, in nats.
        mean: Mean difference.
        tolerance: Largest difference that is not an error.
        note: Why the program did not run, or why it has another tolerance.
    """

    engine: str
    version: str = ""
    measured: str = ""
    n: int = 0
    largest: float = 0.0
    mean: float = 0.0
    tolerance: float = math.inf
    note: str = ""

    @property
    def was_skipped(self) -> bool:
        """True if the program did not run."""
        return not self.n

    @property
    def agrees(self) -> bool:
        """True if the largest difference is within the tolerance, or the program was skipped."""
        return self.largest <= self.tolerance  # false for NaN


def read_texts(path: Path | None, n: int) -> tuple[list[str], str]:
    """Return texts and where they are from: lines or records of a file, else documents of Storyworld.

    Raises:
        ValueError: If the file holds no text.
    """
    if path is None:
        return list(islice(documents(0, "test"), n)), "documents of Storyworld"
    if path.suffix == ".txt":
        texts = [line.strip() for _, line in text_lines(path) if line.strip()]
    else:
        texts = [str(record.fields["text"]) for record in read_records(path) if record.fields.get("text")]
    if not texts:
        raise ValueError(f"{path}: no texts; expected lines (.txt), or records with the field text")
    return texts[:n], str(path)


def measure(
    model: str, texts: Sequence[str], n_tokens: int, engines: Sequence[str] | None = None
) -> list[Agreement]:
    """Score texts by this toolkit and by every other program, one after the other.

    Args:
        model: A MODEL.
        texts: The texts; each is truncated.
        n_tokens: Largest number of scored tokens of a text.
        engines: Names of the programs; None: all.
    """
    ours = load(model, device="cpu", dtype=torch.float32)
    longest = min(n_tokens, ours.decoder.config.n_ctx - 1)  # some programs also read the last token
    end = ours.tokenizer.end_of_text
    rows = [ids for text in texts if len(ids := [end, *ours.tokenizer.encode(text)[:longest]]) > 1]
    expected = [_log_probabilities(ours, ids) for ids in rows]
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(model).expanduser()
        if not (folder / "model.safetensors").is_file() or not (folder / "tokenizer.json").is_file():
            folder = Path(temporary) / "model"
            ours.save(folder)
        for name in engines or ENGINES:
            try:
                measured = ENGINES[name](folder, rows, Path(temporary))
            except EngineError as error:
                found.append(Agreement(name, note=str(error)))
            else:
                found.append(_compare(name, measured, expected))
    return found


@torch.inference_mode()
def _log_probabilities(model: LanguageModel, ids: Sequence[int]) -> list[float]:
    """Return the log-probability of each token but the first."""
    logits = model.logits(torch.tensor([ids]))[0, :-1]
    values: list[float] = logits.log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()
    return values


def _compare(name: str, measured: Measured, expected: Sequence[Sequence[float]]) -> Agreement:
    if measured.of == "token":
        ours = [value for row in expected for value in row]
    elif measured.of == "mean of a text":
        ours = [sum(row) / len(row) for row in expected]
    else:
        ours = [row[-1] for row in expected]
    differences = [abs(a - b) for a, b in zip(measured.values, ours, strict=True)]
    return Agreement(
        name,
        measured.version,
        measured.of,
        len(differences),
        largest=float(np.max(differences)),  # NaN if any is
        mean=float(np.mean(differences)),
        tolerance=measured.tolerance,
        note=measured.note,
    )


def report_path(model: str) -> Path | None:
    """Return the file beside the weights; None for a model of the hub."""
    path = Path(model).expanduser()
    if path.is_dir():
        source = open_model(path).source
        return (source if source.is_dir() else source.parent) / AGREEMENT
    return path.with_name(f"{path.name}.{AGREEMENT}") if path.is_file() else None


def as_json(model: str, origin: str, n_texts: int, found: Sequence[Agreement]) -> dict[str, Any]:
    """Return the report as JSON values."""
    engines = [
        {"engine": each.engine, "skipped": each.note} if each.was_skipped else finite(each._asdict())
        for each in found
    ]
    return {
        "model": model,
        "computed_in": "float32",
        "texts": {"origin": origin, "n": n_texts},
        "versions": versions(),
        "engines": engines,
    }
