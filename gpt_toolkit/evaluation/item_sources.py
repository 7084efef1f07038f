"""Where the rows of a benchmark come from: files in published formats, the hub, or the built-in world."""

import fnmatch
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gpt_toolkit.io import open_bytes

_HEAD_CHARACTERS = 20_000
_CONVERTED = "refs/convert/parquet"  # the hub's own branch of data sets whose owners placed a script


class Rows(NamedTuple):
    """Rows of a benchmark.

    Attributes:
        rows: The rows, of one of the types of :mod:`~gpt_toolkit.evaluation.items`.
        origin: Where they come from and which variant that is.
        remarks: What a user should know of them.
        examples: Reads other rows to draw examples in context from; none: from the rows themselves.
    """

    rows: Sequence[Any]
    origin: str
    remarks: list[str]
    examples: Callable[[], Sequence[Any]] = tuple


class RowSource(Protocol):
    """What gives the rows of a benchmark. Nothing is read before it is asked for."""

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Rows:
        """The first rows.

        Args:
            root: Folder of files; None: the hub, or nothing is needed.
            limit: Rows at most.
            check: Whether a file must be one of the known ones.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If a file is not what is expected.
        """


class Content(NamedTuple):
    """What a file holds.

    Attributes:
        rows: All its rows.
        n: Its size as published sizes are told: rows, or lines of running text.
    """

    rows: Sequence[Any]
    n: int


@dataclass(frozen=True)
class Variant:
    """A published file of a benchmark.

    Args:
        name: What it is.
        n: Its published size.
        sha256: Of its bytes, unpacked; "" where it is not known.
        remark: What a user of it should know.
    """

    name: str
    n: int
    sha256: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Format:
    """A format that files of a benchmark come in.

    Args:
        names: Patterns of file names without ``.gz``, the best first.
        recognizes: Whether the beginning of a file is of this format.
        read: Reads a file.
    """

    names: tuple[str, ...]
    recognizes: Callable[[str], bool]
    read: Callable[[Path], Content]


@dataclass(frozen=True)
class Hub:
    """A data set of the Hugging Face hub.

    Args:
        path: Its name.
        config: Its configuration; "" for its only one.
        split: The split to read.
        convert: Makes all rows of its records.
        converted: Whether its files are read as the hub itself has converted them, because what its owner
            placed there is a script.
    """

    path: str
    config: str
    split: str
    convert: Callable[[Iterable[Mapping[str, Any]]], Sequence[Any]]
    converted: bool = False


@dataclass(frozen=True)
class Files:
    """Files under the root, in a folder called as the benchmark or in the root itself; else the hub.

    Args:
        name: The benchmark.
        folders: Names of the folder.
        formats: Formats, the best first.
        variants: Published files, the paper's first.
        unit: What sizes count.
        expected: The file to place, for messages.
        hub: Where to find the rows without files; None: nowhere.
    """

    name: str
    folders: tuple[str, ...]
    formats: tuple[Format, ...]
    variants: tuple[Variant, ...]
    expected: str
    unit: str = "rows"
    hub: Hub | None = None

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Rows:
        """See :class:`RowSource`."""
        if root is None:
            return self._from_hub(limit)
        path, form = self._find(root)
        try:
            content = form.read(path)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not UTF-8 from byte {error.start} on. Get the published file again."
            ) from None
        variant, remarks = self._recognize(path, content.n, check=check)
        rows = content.rows if limit is None else content.rows[:limit]
        return Rows(rows, f"{path}: {variant}, {content.n:,} {self.unit}", remarks)

    def _find(self, root: Path) -> tuple[Path, Format]:
        if not root.is_dir():
            raise FileNotFoundError(f"{self.name}: the folder {root} (root) does not exist.")
        folders = [root / folder for folder in self.folders if (root / folder).is_dir()]
        inside = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        files = [*inside, *sorted(path for path in root.iterdir() if path.is_file())]
        strangers = []
        for form in self.formats:
            for pattern in form.names:
                for path in files:
                    if not fnmatch.fnmatch(path.name.lower().removesuffix(".gz"), pattern.lower()):
                        continue
                    if form.recognizes(head_of(path)):
                        return path, form
                    strangers.append(path)
        wrong = f" {', '.join(map(str, dict.fromkeys(strangers)))} is of another format." if strangers else ""
        raise FileNotFoundError(
            f"{self.name}: no file of it in {root / self.folders[0]} or {root}.{wrong} Place {self.expected} "
            "there."
        )

    def _recognize(self, path: Path, n: int, *, check: bool) -> tuple[str, list[str]]:
        checksum = _sha256(path)
        for variant in self.variants:
            if variant.sha256 == checksum:
                return f"{variant.name} (checksum known)", [variant.remark] if variant.remark else []
        for variant in self.variants:
            if variant.n == n:
                why = "differs from the known one" if variant.sha256 else "unknown"
                return f"{variant.name} (by its size; checksum {why})", [
                    variant.remark
                ] if variant.remark else []
        known = "; ".join(f"{variant.name}: {variant.n:,} {self.unit}" for variant in self.variants)
        if check:
            raise ValueError(
                f"{self.name}: {path} has {n:,} {self.unit} and the checksum {checksum[:12]}..., which is no "
                f"known variant. Known: {known}. Get one of these, or set check_files to false to score it "
                "as it is."
            )
        return "no known variant", [
            f"scored on a file that is no known variant ({n:,} {self.unit}); known: {known}"
        ]

    def _from_hub(self, limit: int | None) -> Rows:
        if self.hub is None:
            raise FileNotFoundError(
                f"{self.name} has no data set on the hub that can be read without code: place "
                f"{self.expected} in a folder {self.folders[0]} and give the folder above it as root."
            )
        import datasets

        hub = self.hub
        with _loading(self):
            revision = _CONVERTED if hub.converted else None
            table = datasets.load_dataset(hub.path, hub.config or None, split=hub.split, revision=revision)
        rows = hub.convert(table)
        return Rows(rows[:limit], f"the hub's {hub.path} {hub.config} {hub.split}, {len(rows):,} rows", [])


@contextmanager
def _loading(files: Files) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{files.name}: the hub's {files.hub.path if files.hub else ''} could not be loaded "
            f"({str(error).rstrip('.')}). Without a network, place {files.expected} in a folder "
            f"{files.folders[0]} and give the folder above it as root."
        ) from error


@dataclass(frozen=True)
class World:
    """Rows of the built-in world; they need no file and do not end.

    Args:
        name: What the world calls them.
        n: Rows, unless a limit says otherwise.
        draw: Rows from the first on.
    """

    name: str
    n: int
    draw: Callable[[], Iterator[Any]] = field(repr=False)

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Rows:
        """See :class:`RowSource`."""
        rows = list(islice(self.draw(), self.n if limit is None else limit))
        return Rows(rows, f"the built-in world's {self.name}, test split, {len(rows):,} rows", [])


@dataclass(frozen=True)
class LabelledSet:
    """Rows of a supervised set.

    Args:
        entry: Its name.
        split: The split to read.
        n: Rows, unless a limit says otherwise; None: all.
        convert: Makes a row of the texts and the target.
    """

    entry: str
    split: str
    n: int | None
    convert: Callable[[tuple[str, ...], int], Any]

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Rows:
        """See :class:`RowSource`."""
        from gpt_toolkit.data.supervised import open_dataset

        found = open_dataset(self.entry, root)
        split = self.split if self.split in found.splits else found.splits[-1]
        examples = (row for row in found.examples(split) if row.target is not None)
        taken = islice(examples, self.n if limit is None else limit)
        rows = [self.convert(row.texts, int(row.target or 0)) for row in taken]
        return Rows(rows, f"{found.title}, {split}, {len(rows):,} rows", found.notes(split))


def head_of(path: Path) -> str:
    """The beginning of a file as text, whatever its bytes."""
    with open_bytes(path) as file:
        return file.read(_HEAD_CHARACTERS).decode("utf-8-sig", errors="replace")


def text_of(path: Path) -> str:
    """A text file, unpacked, with its line ends made LF."""
    with open_bytes(path) as file:
        return file.read().decode("utf-8-sig").replace("\r\n", "\n")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
