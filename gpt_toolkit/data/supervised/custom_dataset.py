"""Custom datasets: CSV, TSV, JSON or parquet files with named columns, or pairs of text files."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, Final, get_args

from gpt_toolkit.batches import Kind, TaskSpec, TrainedDataset
from gpt_toolkit.data.splits import split_named
from gpt_toolkit.data.supervised.dataset import (
    TENTH_BY_DOCUMENT,
    TENTH_BY_TEXTS,
    Source,
    SupervisedDataset,
    divide,
)
from gpt_toolkit.data.supervised.infer_labels import Labels, infer_labels, trained_labels
from gpt_toolkit.data.supervised.infer_schema import LABELS, infer_columns
from gpt_toolkit.data.supervised.label_maps import LabelMap, class_labels, label_text
from gpt_toolkit.data.supervised.record_schema import (
    FileSource,
    LinePairSource,
    RecordSchema,
    column_key,
    file_checksums,
)
from gpt_toolkit.data.supervised.trained_model import score_new_files, trained_dataset, trained_options
from gpt_toolkit.records import ENDINGS, RecordFile, ending, open_records
from gpt_toolkit.suggestions import did_you_mean

OPTIONS: Final = (
    *("name", "kind", "train", "files", "val", "test", "text", "text_a", "text_b", "premise", "hypothesis"),
    *("document", "question", "answers", "input", "target", "prompt", "label", "labels", "metric"),
    *("positive", "delimiter", "header"),
)
"""Options of a custom dataset."""

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "classification": ("accuracy", "f1", "matthews"),
    "similarity": ("accuracy", "f1", "matthews"),
    "graded": ("pearson", "spearman"),
    "multiple_choice": ("accuracy",),
    "text": ("rouge", "bleu", "exact_match", "token_f1"),
}
"""Metrics of each kind; the first one is the default, for graded datasets both."""

_TEXT_OPTIONS: Final = ("text", "text_a", "text_b", "premise", "hypothesis", "label", "labels")
_COLUMN_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "classification": _TEXT_OPTIONS,
    "similarity": _TEXT_OPTIONS,
    "graded": _TEXT_OPTIONS,
    "multiple_choice": ("document", "question", "answers", "label", "labels"),
    "text": ("input", "target", "prompt"),
}
"""Options that only some kinds have."""

_SPLITS: Final = ("train", "val", "test")
_SAMPLE = 200  # records that tell whether a column holds labels; tuned here
_CLOSE = 0.8  # similarity from which on a name is a misspelling; tuned here
_MAX_NEW_TOKENS = 100  # GPT-2 §3.6: length of summaries; the length of these answers is unknown


def open_custom(
    options: Mapping[str, Any],
    root: Path | None,
    trained: Mapping[str, TrainedDataset] | None = None,
    *,
    as_text: bool = False,
) -> SupervisedDataset:
    """Open a custom dataset.

    Args:
        options: Some of ``OPTIONS``, at least ``train`` (or ``files``), ``val`` or ``test``. A split is a
            path, a list of paths, or for text ``{input: FILE, target: FILE}``: two files aligned by line.
        root: Folder that relative paths may also start from.
        trained: Datasets that the model which is evaluated was trained on, empty if they are not known yet;
            None to train. Files without labels can only be tested or predicted.
        as_text: Whether labels are scored as words, without a head.

    Raises:
        ValueError: If an option is unknown or does not fit the files.
        FileNotFoundError: If a file is missing.
    """
    options = _checked(options)
    files, are_pairs = _files_by_split(options, root)
    first_path = next(iter(files.values()))[0]
    name = re.sub(r"[^\w\-]+", "_", str(options.get("name") or _name_of(first_path)))
    title = f"{name} ({first_path})"
    is_text = as_text or are_pairs or options.get("kind") == "text" or "input" in options
    learned = trained_dataset(name, trained or {}, needs_head=not is_text)
    sources: dict[str, Source] = {}
    named: dict[str, str | list[str]] = {}
    choices, inferred = 1, ""
    if are_pairs:
        sources |= {split: LinePairSource(paths[0], paths[1]) for split, paths in files.items()}
        labels = Labels("text", (), class_labels(()))
    else:
        opened = {split: _open_files(split, paths, options) for split, paths in files.items()}
        first = next(iter(opened.values()))[0]
        if learned is not None:
            options = trained_options(options, learned, first.names)
        needs_label = trained is None and set(opened) != {"test"}
        columns = infer_columns(options, first, needs_label=needs_label)
        for split, record_files in opened.items():
            sources[split] = FileSource(tuple((file, "") for file in record_files), columns.schema)
        if learned is None or "labels" in options:
            labels = infer_labels(options, columns, next(iter(sources.values())), title)
        else:
            labels = trained_labels(learned.spec)
        if learned is None and set(sources) == {"train"} and not columns.schema.last_column:
            sources = {"test": sources["train"]}
        named = columns.schema.options
        choices, inferred = columns.choices, f"inferred: {columns.inferred}" if columns.inferred else ""
        _check_columns(opened, columns.schema, labels.targets)
    prompt = None if options.get("prompt") is None else str(options["prompt"])
    for option in options:
        kinds = [kind for kind, known in _COLUMN_OPTIONS.items() if option in known]
        if not kinds or labels.kind in kinds:
            continue
        raise ValueError(
            f"{title}: {option} for kind {labels.kind}; expected kind {' or '.join(kinds)}; leave it out, or "
            "set kind"
        )
    checksums = file_checksums(files.get("train", ()))
    facts = [f"{name}: {text}" for text in (inferred, labels.inferred) if text]
    if learned is not None:
        sources, is_new = score_new_files(sources, checksums, learned)
        if is_new:
            facts.append(f"{name}: not a file that the checkpoint was trained on, so all examples are scored")
    if "train" in sources and "val" not in sources:
        is_choice = labels.kind == "multiple_choice"
        sources |= divide(sources["train"], TENTH_BY_DOCUMENT if is_choice else TENTH_BY_TEXTS)
    spec = TaskSpec(
        name,
        labels.kind,
        labels.names,
        choices,
        _metrics(options, labels.kind, title),
        max_new_tokens=_MAX_NEW_TOKENS if labels.kind == "text" else 0,
        positive=_positive(options, labels, title),
    )
    if "f1" in spec.metrics and spec.f1_class is not None:
        facts.append(
            f"{name}: f1 is of label {spec.answer_names[spec.f1_class]}; positive: LABEL chooses another"
        )
    return SupervisedDataset(
        spec, title, sources, labels.targets, facts=facts, prompt=prompt, files=checksums, columns=named
    )


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are set."""
    for name in options:
        if name not in OPTIONS:
            hint = did_you_mean(str(name), OPTIONS)
            raise ValueError(f"custom dataset: option {name!r}{hint}; expected one of {', '.join(OPTIONS)}")
    kind = options.get("kind")
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(f"kind: {kind!r}; expected one of {', '.join(get_args(Kind))}")
    if "train" in options and "files" in options:
        raise ValueError("train, files: both given; expected one of them, because they mean the same")
    if "delimiter" in options and len(_unescaped(options["delimiter"])) != 1:
        raise ValueError(f"delimiter: {options['delimiter']!r}; expected one character")
    if not isinstance(options.get("header", True), bool):
        raise ValueError(f"header: {options['header']!r}; expected true or false")
    if "labels" in options and not isinstance(options["labels"], (list, tuple)):
        raise ValueError(f"labels: {options['labels']!r}; expected a list of labels")
    return {name: value for name, value in options.items() if value is not None}


def _files_by_split(options: Mapping[str, Any], root: Path | None) -> tuple[dict[str, list[Path]], bool]:
    """Return the files of each split, and whether they are pairs of input and target."""
    given = {split: options[split] for split in _SPLITS if split in options}
    if "files" in options:
        given = {"train": options["files"], **given}
    if not given:
        raise ValueError("custom dataset: no files; expected train, val or test")
    is_pair = [isinstance(value, Mapping) for value in given.values()]
    if any(is_pair) != all(is_pair):
        raise ValueError(
            "train, val, test: pairs of input and target for some; expected them for all or for none"
        )
    if is_pair[0] and options.get("kind", "text") != "text":
        raise ValueError(f"kind: {options['kind']}; expected text for pairs of input and target")
    return {split: _paths(value, split, root) for split, value in given.items()}, is_pair[0]


def _paths(value: object, split: str, root: Path | None) -> list[Path]:
    """Return the files of a split."""
    is_pair = isinstance(value, Mapping)
    if isinstance(value, Mapping):
        if set(value) != {"input", "target"}:
            keys = ", ".join(value)
            raise ValueError(f"{split}: keys {keys}; expected input and target for a pair of files")
        value = [value["input"], value["target"]]
    names: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    if not names or not all(isinstance(name, (str, Path)) for name in names):
        raise ValueError(f"{split}: {value!r}; expected a path or a list of paths")
    paths = []
    for name in names:
        path = Path(name).expanduser()
        if not path.exists() and root is not None:
            path = root / path
        if not path.is_file():
            raise FileNotFoundError(
                f"{split}: {str(name)!r} not found in {root or Path.cwd()}; expected a file"
            )
        if not is_pair and not ending(path):
            raise ValueError(
                f"{split}: unknown format of {path}; expected a name ending in {', '.join(ENDINGS)}"
            )
        paths.append(path)
    return paths


def _open_files(split: str, paths: list[Path], options: Mapping[str, Any]) -> list[RecordFile]:
    delimiter = _unescaped(options["delimiter"]) if "delimiter" in options else None
    files = [open_records(path, delimiter, detect_quotes=True) for path in paths]
    if len({(file.format, file.dialect and file.dialect.delimiter) for file in files}) > 1:
        raise ValueError(
            f"{split}: several formats ({', '.join(map(str, paths))}); expected files of one format"
        )
    return files


def _check_columns(files: Mapping[str, list[RecordFile]], schema: RecordSchema, labels: LabelMap) -> None:
    """Raise if a file lacks a column, or a test file has the column of labels under another name."""
    first = next(iter(files.values()))[0]
    for split, file in ((split, file) for split, given in files.items() for file in given):
        spellings = schema.spellings(file)
        names = {spellings.get(name, name) for name in file.names}
        for column in schema.all_columns if not schema.columns else ():
            if column in names:
                continue
            if split != "test" or column != schema.last_column:
                raise ValueError(
                    f"{file.path}: columns {', '.join(file.names)}; expected {column!r}, as in {first.path}; "
                    "rename one of them"
                )
            new = [name for name in file.names if column_key(name) not in map(column_key, first.names)]
            for name in new:
                key = column_key(name)
                is_close = bool(get_close_matches(key, [column_key(column)], cutoff=_CLOSE))
                if key in LABELS or is_close or _holds_labels(file, name, labels):
                    raise ValueError(
                        f"{file.path}: column {name!r}; expected {column!r}, as in {first.path}; rename it, "
                        "or remove it if it does not contain the labels"
                    )


def _holds_labels(file: RecordFile, name: str, labels: LabelMap) -> bool:
    """Return whether a column holds labels that are not numbers."""
    values = [label_text(record.fields.get(name)) for record in islice(file.records(), _SAMPLE)]
    found = {value for value in values if value is not None}
    return bool(found) and all(value in labels.classes and not value.isdecimal() for value in found)


def _metrics(options: Mapping[str, Any], kind: str, title: str) -> tuple[str, ...]:
    given = options.get("metric")
    if given is None:
        return METRICS[kind] if kind == "graded" else METRICS[kind][:1]
    metrics = tuple(given) if isinstance(given, (list, tuple)) else (str(given),)
    if unknown := [name for name in metrics if name not in METRICS[kind]]:
        raise ValueError(
            f"{title}: metric {unknown[0]!r} for kind {kind}; expected {', '.join(METRICS[kind])}"
        )
    return metrics


def _positive(options: Mapping[str, Any], labels: Labels, title: str) -> str:
    """Return the label whose F1 is computed; "" for the default."""
    if "positive" not in options:
        return ""
    given = str(label_text(options["positive"]))
    if given not in labels.names:
        known = ", ".join(labels.names) or f"none, for kind {labels.kind}"
        raise ValueError(f"{title}: positive: {given!r}; expected one of its labels: {known}")
    return given


def _name_of(path: Path) -> str:
    """Name a dataset after its file, or after its folder if the file is called train, dev or test."""
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    is_only_split = split_named(stem) and stem.lower() == stem.split("_")[0].lower()
    return path.resolve().parent.name if is_only_split else stem


def _unescaped(delimiter: object) -> str:
    return str(delimiter).replace("\\t", "\t")
