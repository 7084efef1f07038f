"""Report of ``gpt-toolkit doctor --ckpt``: what a checkpoint is, and what its run has read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gpt_toolkit.callbacks import CheckpointWriter, Spikes
from gpt_toolkit.checkpoints.torch_pickle import safe_load, verify_archive
from gpt_toolkit.checkpoints.training_checkpoint import (
    CHECKPOINT_KEY,
    SHARD_EXTRA,
    is_sharded,
    read_description,
)

Lines = list[str]


def describe_checkpoint(place: Path) -> Iterator[tuple[str, Lines]]:
    """Yield the sections of the report, as titles and lines.

    Args:
        place: A checkpoint, or the folder of a run, which stands for its last checkpoint.

    Raises:
        FileNotFoundError: If no checkpoint is found.
        ValueError: If it is damaged or from another program.
    """
    path = _find(place)
    if path.is_file():
        verify_archive(path)
    content = safe_load(path / SHARD_EXTRA if path.is_dir() else path)
    config, _ = read_description(content, str(path))
    record = content[CHECKPOINT_KEY]
    try:
        n_params = f"{config.n_params:,} parameters"
        yield (
            "checkpoint",
            [
                str(path),
                f"{record['task']}, step {content['global_step']:,}",
                f"written by gpt_toolkit {record['version']}, torch {record.get('torch', 'unknown')}, "
                f"Lightning {content['pytorch-lightning_version']}",
                f"trained in {record['precision']}; initial weights: {record.get('init_from') or 'random'}",
            ],
        )
        fields = ", ".join(f"{name} {value}" for name, value in config.to_fields().items())
        yield "decoder", [f"{n_params}: {fields}"]
        yield "tokenizer", [f"fingerprint {record['fingerprint']}"]
        yield "read", list(_ledger_lines(record.get("ledger", [])))
        if events := content["callbacks"].get(Spikes.__qualname__, {}).get("events"):
            yield "bad steps", list(map(_describe_event, events))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its record of the run is damaged: {error!r}") from None


def _find(place: Path) -> Path:
    """Return the checkpoint itself, or the last one of a run."""
    if place.is_file() or (place.is_dir() and is_sharded(place)):
        return place
    path = CheckpointWriter.folder_of(place) / "last.ckpt"
    if not path.exists():
        raise FileNotFoundError(
            f"--ckpt: {place}; expected a checkpoint, or the folder of a run, which has checkpoints/last.ckpt"
        )
    return path


def _ledger_lines(entries: list[Mapping[str, Any]]) -> Iterator[str]:
    if not entries:
        yield "nothing: no step was trained, or an older version wrote the checkpoint"
    for entry in entries:
        n_steps = entry["last_step"] - entry["first_step"] + 1
        yield f"steps {entry['first_step']:,} to {entry['last_step']:,}: {entry['plan'] or 'no plan'}"
        for source in entry["sources"]:
            yield f"  {_describe_source(source, n_steps)}"


def _describe_source(source: Mapping[str, Any], n_steps: int) -> str:
    """Describe how much of a source some steps have read; ``about`` if a step reads an average."""
    if "size" not in source:
        return str(source["name"])
    n_read, size = source["per_step"] * n_steps, source["size"]
    about = "about " if isinstance(source["per_step"], float) else ""
    what = f"{about}{n_read:,.0f} {source['unit']}, {n_read / size:.2f} epochs of {size:,}"
    return f"{source['name']}, fingerprint {source['fingerprint']}: {what}"


def _describe_event(event: Mapping[str, Any]) -> str:
    """Describe a bad step; the steps that a rewind undid were read, but are not in the weights."""
    line = f"step {event['step']:,}: {event['reason']}; its update was left out"
    if (restored := event.get("restored_step")) is not None and restored < event["step"] - 1:
        line += f", and those of steps {restored + 1:,} to {event['step'] - 1:,} were undone"
    return line
