"""Model cards: ``README.md`` of a model folder in the hub's format, made of what is recorded of the model."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gpt_toolkit.backbone.config import DecoderConfig
from gpt_toolkit.checkpoints.hf_config import OLD_HUB_IDS
from gpt_toolkit.io import read_json

CARD, TRAINING = "README.md", "training.json"
"""Names of the card, and of the record of training, from which later folders make theirs."""

AGREEMENT = "agreement.json"
"""Name of the report of ``gpt-toolkit agree`` beside the weights."""

Fields = Mapping[str, Any]

_USE = """\
```python
import gpt_toolkit as gt

model = gt.load({name})
{call}
```
"""
_TRANSFORMERS = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained({name})
tokenizer = AutoTokenizer.from_pretrained({name})
```
"""


def read_training(folder: Path) -> dict[str, Any]:
    """Return the record of training in a model folder; empty if this toolkit has written none.

    Raises:
        ValueError: If the file is damaged.
    """
    path = folder / TRAINING
    if not path.is_file():
        return {}
    fields = read_json(path, "delete it")
    return fields["training"] if isinstance(fields, dict) and isinstance(fields.get("training"), dict) else {}


def card_files(
    name: str, config: DecoderConfig, training: Fields, *, classes: Sequence[str] = (), **more: Any
) -> dict[str, str]:
    """Return names and contents of the card and, if the training is known, of its record.

    Arguments are those of :func:`model_card`.
    """
    public = without_folders(training)
    files = {CARD: model_card(name, config, public, classes=classes, **more)}
    if public:
        files[TRAINING] = json.dumps({"training": public}, indent=2) + "\n"
    return files


def model_card(
    name: str,
    config: DecoderConfig,
    training: Fields,
    *,
    classes: Sequence[str] = (),
    conversion: Fields | None = None,
    agreement: Fields | None = None,
    reports: Sequence[Fields] = (),
) -> str:
    """Return the text of a card.

    Args:
        name: Hub id or name of the folder.
        config: Shape of the decoder.
        training: Record of training; empty if unknown.
        classes: Names of the datasets that the model has heads for.
        conversion: Record of ``gpt-toolkit convert``.
        agreement: Report of ``gpt-toolkit agree``.
        reports: Reports of ``gpt-toolkit zero-shot --output``.

    Raises:
        ValueError: If a record lacks a field or has one of another type.
    """
    try:
        parts = [
            _header(name, config, training, bool(classes), conversion, reports),
            f"# {escape(name)}\n",
            f"{_shape(config)}\n",
            *_use(name, classes),
            *_training(training),
            *_scores(training, reports),
            *_differences(conversion, agreement),
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"model card: a record is damaged ({error!r}); expected what this toolkit writes; delete "
            f"{TRAINING}, or measure again"
        ) from None
    return "\n".join(parts)


def escape(text: object) -> str:
    """Return a text as one line of Markdown without formatting, links and HTML."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]<>()#!|~&$])", r"\\\1", line)


def without_folders(value: Any) -> Any:
    """Return a record in which absolute paths have no folders, which may name people."""
    if isinstance(value, Mapping):
        return {key: without_folders(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(part) for part in value]
    if isinstance(value, str):
        return re.sub(r"(?<![\w.:~-])(?:[A-Za-z]:)?[/\\](?:[^/\\,]+[/\\])*(?=[^/\\])", "", value)
    return value


def _header(
    name: str,
    config: DecoderConfig,
    training: Fields,
    is_classifier: bool,
    conversion: Fields | None,
    reports: Sequence[Fields],
) -> str:
    """Return the YAML header, which the hub reads."""
    from huggingface_hub import EvalResult, ModelCardData  # 0.3 seconds

    base = training.get("init_from") or (conversion or {}).get("source")  # maybe a file of this machine
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=score["benchmark"],
            dataset_name=score["benchmark"],
            dataset_config=score["protocol"],
            metric_type=score["metric"],
            metric_value=score["value"],
        )
        for report in reports
        for score in report["scores"]
        if score["value"] is not None
    ]
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="text-classification" if is_classifier else "text-generation",
        tags=["gpt2" if config.norm == "pre" else "openai-gpt", "gpt-toolkit"],
        base_model=base if base in OLD_HUB_IDS else None,
        model_name=name.rpartition("/")[2] if results else None,
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _shape(config: DecoderConfig) -> str:
    whose = "GPT-2" if config.norm == "pre" else "GPT-1"
    return (
        f"A language model with the architecture of {whose}: {config.n_layer} layers, {config.n_head} heads, "
        f"width {config.n_embd}, context {config.n_ctx:,}, {config.vocab_size:,} tokens; {config.n_params:,} "
        "parameters."
    )


def _use(name: str, classes: Sequence[str]) -> Iterator[str]:
    yield "## How to load\n"
    literal = json.dumps(name)
    call = 'print(model.generate("Once upon a time"))'
    if classes:
        call = f'print(model.predict("a text", head={json.dumps(classes[0])}))'
    yield _USE.format(name=literal, call=call)
    yield _TRANSFORMERS.format(name=literal)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *([escape(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _training(training: Fields) -> Iterator[str]:
    """Yield the sections on data and recipe."""
    if not training:
        return
    rows = [
        (
            f"{entry['first_step']:,} to {entry['last_step']:,}",
            source["name"],
            source.get("fingerprint") or "",
            f"{source['size']:,} {source['unit']}" if "size" in source else "",
            f"{_n_epochs(entry, source):.2f}" if "size" in source else "",
        )
        for entry in training.get("ledger") or []
        for source in entry["sources"]
    ]
    if rows:
        yield "## Training data\n"
        yield _table(("steps", "source", "fingerprint", "size", "epochs"), rows)
    yield "## Recipe\n"
    start = training.get("init_from") or "random weights"
    yield (
        f"{escape(training['task'])}, {training['step']:,} steps from {escape(start)}, precision "
        f"{escape(training.get('precision'))}, gpt_toolkit {escape(training.get('version'))}, torch "
        f"{escape(training.get('torch'))}.\n"
    )
    if settings := training.get("settings"):
        text = yaml.safe_dump(dict(settings), sort_keys=False)
        yield "".join(f"    {line}\n" for line in text.splitlines())  # indented code, which nothing can end


def _n_epochs(entry: Fields, source: Fields) -> float:
    n_steps = entry["last_step"] - entry["first_step"] + 1
    return float(source["per_step"] * n_steps / source["size"]) if source["size"] else 0.0


def _scores(training: Fields, reports: Sequence[Fields]) -> Iterator[str]:
    metrics = training.get("best_validation") or {}
    rows = [
        (
            score["benchmark"],
            score["protocol"],
            score["metric"],
            _number(score["value"]),
            _number(score["interval"]),
            score["n"],
        )
        for report in reports
        for score in report["scores"]
    ]
    if metrics or rows:
        yield "## Scores\n"
    if metrics:
        values = ", ".join(f"{escape(name)} {_number(value)}" for name, value in metrics.items())
        yield f"Best validation of the run: {values}.\n"
    if rows:
        yield _table(("benchmark", "protocol", "metric", "value", "95% interval", "n"), rows)
        yield "Protocols:\n"
        protocols = [one for report in reports for one in report["protocols"].items()]
        statements = {name: protocol["statement"] for name, protocol in protocols}
        yield "".join(f"- {escape(name)}: {escape(text)}\n" for name, text in statements.items())


def _differences(conversion: Fields | None, agreement: Fields | None) -> Iterator[str]:
    """Yield the section on differences to the source and to other programs."""
    lines = []
    if conversion:
        logits = conversion["logits"]
        lines.append(
            f"Converted from {escape(without_folders(conversion['source']))} "
            f"({escape(conversion['layout'])}): largest difference of logits "
            f"{_number(logits['largest_difference'])}, largest logit {_number(logits['largest_logit'])}."
        )
        lines += [escape(note) for note in conversion["notes"]]
    for engine in (agreement or {}).get("engines", []):
        if "skipped" not in engine:
            lines.append(
                f"Log-probabilities by {escape(engine['engine'])} {escape(engine['version'])} "
                f"({escape(engine['measured'])}, {engine['n']:,} in float32): largest difference "
                f"{_number(engine['largest'])}, mean {_number(engine['mean'])}."
            )
    if lines:
        yield "## Differences measured\n"
        yield "".join(f"- {line}\n" for line in lines)


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.4g}"
