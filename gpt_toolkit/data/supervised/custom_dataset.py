"""A set of one's own: CSV, TSV, JSON or parquet files with named columns; no code needed."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Final, get_args

from gpt_toolkit.batches import Kind, TaskSpec
from gpt_toolkit.data.pretraining.text_files import split_named
from gpt_toolkit.data.supervised import splits
from gpt_toolkit.data.supervised.dataset import RowSet, Source
from gpt_toolkit.data.supervised.example import Example
from gpt_toolkit.data.supervised.file_dataset import FileRows, LinePairs
from gpt_toolkit.data.supervised.infer_columns import Columns, columns_of
from gpt_toolkit.data.supervised.infer_labels import labels_of
from gpt_toolkit.data.supervised.label_maps import class_targets
from gpt_toolkit.data.supervised.record_readers import ENDINGS, Head, ending, read_head, read_table, refuse

OPTIONS: Final = (
    *("name", "kind", "train", "files", "val", "test", "text", "text_a", "text_b", "premise", "hypothesis"),
    *(
        "document",
        "question",
        "answers",
        "input",
        "target",
        "prompt",
        "label",
        "labels",
        "metric",
        "delimiter",
    ),
    "header",
)
"""What can be said of a set of one's own."""

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "classification": ("accuracy", "f1", "matthews"),
    "similarity": ("accuracy", "f1", "matthews"),
    "graded": ("pearson", "spearman"),
    "multiple_choice": ("accuracy",),
    "text": ("rouge", "bleu", "exact_match", "token_f1"),
}
"""Metrics that each kind can be judged by; the first is taken unless the set says otherwise."""

_SPLITS: Final = ("train", "val", "test")
_MAX_NEW_TOKENS = 100  # ours: GPT-2 §3.6's for summaries, since nothing is known of these answers


class OwnSet:
    """A set of one's own files.

    Args:
        options: Some of ``OPTIONS``, at least ``train`` (or ``files``), ``val`` or ``test``. A split is a
            path, a list of paths, or for text ``{input: FILE, target: FILE}``: two files
            aligned line by line.
        root: Folder to which relative paths may also refer.

    Raises:
        ValueError: If an option is unknown or makes no sense.
        FileNotFoundError: If a file is not there.
    """

    def __init__(self, options: Mapping[str, Any], root: Path | None) -> None:
        self._options = _checked(options)
        given = {split: self._options.get(split) for split in _SPLITS}
        if given["train"] is None:
            given["train"] = self._options.get("files")
        aligned = [isinstance(value, Mapping) for value in given.values() if value is not None]
        if not aligned:
            raise ValueError("A set of one's own needs files: give train, or val or test.")
        if any(aligned) != all(aligned):
            raise ValueError("Either all of train, val and test are pairs of input and target, or none is.")
        self._aligned = aligned[0]
        if self._aligned and self._options.get("kind", "text") != "text":
            raise ValueError(f"Pairs of input and target are of kind text, not {self._options['kind']}.")
        self._files = {
            split: _paths(value, split, root, aligned=self._aligned)
            for split, value in given.items()
            if value is not None
        }
        self._first = next(iter(self._files.values()))[0]
        self._name = _identifier(str(self._options.get("name") or _name_of(self._first)))
        self.prompt = str(self._options.get("prompt", ""))

    @property
    def spec(self) -> TaskSpec:
        """Kind, labels and metrics; reads the labels where they are not given."""
        return self._set.spec

    @property
    def title(self) -> str:
        """Its name and first file."""
        return f"{self._name} ({self._first})"

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of ``train``, ``val`` and ``test`` that there are; without files for it, ``val`` is made."""
        return tuple(
            split for split in _SPLITS if split in self._files or (split == "val" and "train" in self._files)
        )

    def identity(self, split: str) -> str:
        """Names the content of a split: equal for equal files wherever they lie, another for others."""
        return self._set.identity(split)

    def examples(self, split: str) -> Iterator[Example]:
        """The rows of a split, in their order, read as a stream.

        Raises:
            ValueError: If a row is not as expected, naming file, row, what was found and what to do.
        """
        return self._set.examples(split)

    def remarks(self, split: str) -> list[str]:
        """What a user should know of the rows read: what was guessed, and how they are divided."""
        return self._set.remarks(split)

    @cached_property
    def _set(self) -> RowSet:
        columns, sources = self._sources()
        first = next(iter(sources))
        kind: Kind = "text"
        labels: tuple[str, ...] = ()
        targets, found, choices = class_targets(()), "", 1
        if columns is not None:
            kind, labels, targets, found = labels_of(self._options, columns, sources[first], self.title)
            choices = columns.choices
        guessed = f"guessed: {columns.guessed}" if columns and columns.guessed else ""
        if self.prompt and kind != "text":
            raise ValueError(f"{self.title}: prompt is for kind text, but this set is of kind {kind}.")
        divided = ""
        if "train" in sources and "val" not in sources:
            sources |= splits.tenth(sources["train"], by_first=kind == "multiple_choice")
            divided = splits.TENTH
        spec = TaskSpec(
            self._name,
            kind,
            labels,
            choices,
            self._metrics(kind),
            max_new_tokens=_MAX_NEW_TOKENS if kind == "text" else 0,
        )
        notes = [f"{self._name}: {text}" for text in (guessed, found) if text]
        return RowSet(spec, self.title, sources, targets, divided=divided, notes=notes, prompt=self.prompt)

    def _sources(self) -> tuple[Columns | None, dict[str, Source]]:
        """Rows by split, and the columns of files that have some."""
        if self._aligned:
            return None, {split: LinePairs(paths[0], paths[1]) for split, paths in self._files.items()}
        columns: Columns | None = None
        sources: dict[str, Source] = {}
        for split, paths in self._files.items():
            heads = [read_head(path, self._delimiter(path)) for path in paths]
            if len({(head.layout, head.delimiter) for head in heads}) > 1:
                raise ValueError(
                    f"{split}: {', '.join(map(str, paths))} are of several formats; give files of one."
                )
            if columns is None:
                columns = columns_of(self._options, paths[0], heads[0], self._sample(paths[0], heads[0]))
            sources[split] = FileRows(tuple((path, "") for path in paths), columns.form, heads[0])
        return columns, sources

    def _delimiter(self, path: Path) -> str | None:
        given = self._options.get("delimiter")
        if given is None and ending(path).startswith(".tsv"):
            return "\t"
        return None if given is None else str(given).replace("\\t", "\t")

    def _sample(self, path: Path, head: Head) -> Mapping[str, Any]:
        """The first row of a file."""
        numbered = not self._options.get("header", True) and head.layout == "delimited"
        columns = [str(i) for i in range(1, len(head.names) + 1)] if numbered else []
        record = next(read_table(path, head, columns, "refused", refuse), None)
        if record is None:
            raise ValueError(f"{path} has a header but no rows.")
        return record.fields

    def _metrics(self, kind: str) -> tuple[str, ...]:
        given = self._options.get("metric")
        if given is None:
            return METRICS[kind] if kind == "graded" else METRICS[kind][:1]
        metrics = tuple(given) if isinstance(given, (list, tuple)) else (str(given),)
        if wrong := [name for name in metrics if name not in METRICS[kind]]:
            raise ValueError(
                f"{self.title}: metric {wrong[0]!r} does not fit kind {kind}, expected "
                f"{', '.join(METRICS[kind])}."
            )
        return metrics


def _checked(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options that are given.

    Raises:
        ValueError: If one is unknown, or its value makes no sense.
    """
    for name in options:
        if name not in OPTIONS:
            near = get_close_matches(str(name), OPTIONS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ValueError(f"A supervised set has no option {name!r}{hint} Known: {', '.join(OPTIONS)}.")
    kind = options.get("kind")
    if kind is not None and kind not in get_args(Kind):
        raise ValueError(f"kind: {kind!r} is not one of {', '.join(get_args(Kind))}.")
    if "train" in options and "files" in options:
        raise ValueError("train and files mean the same; give one of them.")
    if "delimiter" in options and len(str(options["delimiter"]).replace("\\t", "\t")) != 1:
        raise ValueError(f"delimiter: {options['delimiter']!r} is not one character.")
    if "labels" in options and not isinstance(options["labels"], (list, tuple)):
        raise ValueError(f"labels: {options['labels']!r} is not a list of labels.")
    return {name: value for name, value in options.items() if value is not None}


def _paths(value: object, split: str, root: Path | None, *, aligned: bool) -> list[Path]:
    """The files of a split.

    Raises:
        ValueError: If it is not given as files, or one has an unknown ending.
        FileNotFoundError: If one is not there.
    """
    if isinstance(value, Mapping):
        if set(value) != {"input", "target"}:
            raise ValueError(
                f"{split}: a pair of files has the keys input and target, got {', '.join(value)}."
            )
        value = [value["input"], value["target"]]
    names: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    if not names or not all(isinstance(name, (str, Path)) for name in names):
        raise ValueError(f"{split}: expected a path or a list of paths, got {value!r}.")
    paths = []
    for name in names:
        path = Path(name).expanduser()
        if not path.exists() and root is not None:
            path = root / path
        if not path.is_file():
            raise FileNotFoundError(
                f"{split}: there is no file {str(name)!r} (looked in {root or Path.cwd()})."
            )
        if not aligned and not ending(path):
            raise ValueError(
                f"{split}: {path} has a format that cannot be read. Known endings: {', '.join(ENDINGS)}."
            )
        paths.append(path)
    return paths


def _name_of(path: Path) -> str:
    """A name for a set after its file, or after its folder where the file is called train or the like."""
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    return (
        path.resolve().parent.name
        if split_named(stem) and stem.lower() == stem.split("_")[0].lower()
        else stem
    )


def _identifier(name: str) -> str:
    return re.sub(r"[^\w\-]+", "_", name)
