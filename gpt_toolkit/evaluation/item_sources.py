"""Sources of a benchmark's items: published files, the hub, a supervised dataset, or the built-in world."""

import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from gpt_toolkit.io import open_bytes

_HEAD_CHARACTERS = 20_000  # tuned here: enough to recognize every format
_CONVERTED = "refs/convert/parquet"  # the hub's own branch of datasets whose owners placed a script


class Items(NamedTuple):
    """Items of a benchmark.

    Attributes:
        items: Items, of one of the types of :mod:`~gpt_toolkit.evaluation.items`.
        origin: Their origin, such as the file and its variant.
        warnings: What a user should know of them.
        read_examples: Reads other items to draw examples in context from; empty: the items themselves.
    """

    items: Sequence[Any]
    origin: str
    warnings: Sequence[str] = ()
    read_examples: Callable[[], Sequence[Any]] = tuple


class ItemSource(Protocol):
    """A source of items. Nothing is read before :meth:`read` is called."""

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Items:
        """Read the first items.

        Args:
            root: Folder of files; None: the hub, or nothing if none is needed.
            limit: Largest number of items.
            check: Raise if a file is not a known one.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the content of a file is not as expected.
        """


class Content(NamedTuple):
    """Content of a file.

    Attributes:
        items: All its items.
        size: Its size in the unit of the published size: items, or lines of running text.
    """

    items: Sequence[Any]
    size: int


class FileFormat(NamedTuple):
    """A format of files: a regular expression for the beginning, and a reader."""

    beginning: str
    read: Callable[[Path], Content]

    def recognizes(self, head: str) -> bool:
        """Return True if the beginning of a file is of this format."""
        return re.search(self.beginning, head) is not None


@dataclass(frozen=True)
class Variant:
    """A published file of a benchmark.

    Args:
        name: Description.
        size: Published size.
        sha256: Checksum of its unpacked bytes; "" if unknown.
        warning: What a user of it should know.
    """

    name: str
    size: int
    sha256: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Hub:
    """A dataset of the Hugging Face hub.

    Args:
        path: Name of the dataset.
        split: Split to read.
        convert: Turns all its records into items.
        config: Configuration; "" for the only one.
        converted: Read the files that the hub has converted, because its owner placed a script there.
    """

    path: str
    split: str
    convert: Callable[[Iterable[Mapping[str, Any]]], Sequence[Any]]
    config: str = ""
    converted: bool = False


@dataclass(frozen=True)
class Files:
    """Files in a folder of the benchmark below the root, or in the root itself; without a root the hub.

    Args:
        name: Name of the benchmark.
        folders: Names of the folder.
        formats: Formats with patterns of file names without ``.gz``, the preferred first.
        variants: Published files, the paper's first.
        expected: File to place, for messages.
        unit: Unit of the sizes.
        hub: Dataset to read without files, if any.
    """

    name: str
    folders: Sequence[str]
    formats: Sequence[tuple[Sequence[str], FileFormat]]
    variants: Sequence[Variant]
    expected: str
    unit: str = "rows"
    hub: Hub | None = None

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Items:
        """Read the first items; see :class:`ItemSource`."""
        if root is None:
            return self._from_hub(limit)
        path, file_format = self._find(root)
        try:
            content = file_format.read(path)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not UTF-8 from byte {error.start} on; get the published file again"
            ) from None
        description, warning = self._recognize(path, content.size, check=check)
        origin = f"{path}: {description}, {content.size:,} {self.unit}"
        return Items(content.items[:limit], origin, [warning] if warning else [])

    def _find(self, root: Path) -> tuple[Path, FileFormat]:
        if not root.is_dir():
            raise FileNotFoundError(f"{self.name}: the folder {root} (root) does not exist")
        folders = [root / folder for folder in self.folders if (root / folder).is_dir()]
        inside = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        files = [*inside, *sorted(path for path in root.iterdir() if path.is_file())]
        others: dict[Path, None] = {}
        for patterns, file_format in self.formats:
            for pattern in patterns:
                for path in files:
                    if not fnmatch.fnmatch(path.name.lower().removesuffix(".gz"), pattern.lower()):
                        continue
                    if file_format.recognizes(head_of(path)):
                        return path, file_format
                    others[path] = None
        wrong = f"; {', '.join(map(str, others))} is of another format" if others else ""
        raise FileNotFoundError(
            f"{self.name}: no file of it in {root / self.folders[0]} or {root}{wrong}; place {self.expected} "
            "there"
        )

    def _recognize(self, path: Path, size: int, *, check: bool) -> tuple[str, str]:
        """Return the description of a file, and a warning or ""."""
        checksum = _sha256(path)
        for variant in self.variants:
            if variant.sha256 == checksum:
                return f"{variant.name} (checksum known)", variant.warning
        for variant in self.variants:
            if variant.size == size:
                why = "differs from the known one" if variant.sha256 else "unknown"
                return f"{variant.name} (by its size; checksum {why})", variant.warning
        known = "; ".join(f"{variant.name}: {variant.size:,} {self.unit}" for variant in self.variants)
        if check:
            raise ValueError(
                f"{self.name}: {path} has {size:,} {self.unit} and the checksum {checksum[:12]}..., which is "
                f"not a known variant; expected {known}; get one of these, or set check_files to "
                "false to score it as it is"
            )
        warning = f"scored on a file that is not a known variant ({size:,} {self.unit}); known: {known}"
        return "not a known variant", warning

    def _from_hub(self, limit: int | None) -> Items:
        hub = self.hub
        advice = f"place {self.expected} in a folder {self.folders[0]} and give the folder above it as root"
        if hub is None:
            raise FileNotFoundError(
                f"{self.name} has no dataset on the hub that can be read without code: {advice}"
            )
        import datasets

        revision = _CONVERTED if hub.converted else None
        try:
            records = datasets.load_dataset(hub.path, hub.config or None, split=hub.split, revision=revision)
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"{self.name}: the hub's {hub.path} could not be loaded ({str(error).rstrip('.')}); without "
                f"a network, {advice}"
            ) from error
        items = hub.convert(records)
        return Items(items[:limit], f"the hub's {hub.path} {hub.config} {hub.split}, {len(items):,} rows")


@dataclass(frozen=True)
class World:
    """Items of the built-in world, which need no file and have no end.

    Args:
        name: Name of the world's benchmark.
        n: Number of items, unless a limit is given.
        convert: Turns an item of the world into one of a benchmark.
    """

    name: str
    n: int
    convert: Callable[[Any], Any]

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Items:
        """Read the first items; see :class:`ItemSource`."""
        from gpt_toolkit.storyworld.benchmarks import benchmark

        drawn = benchmark(self.name, 0, "test")  # tuned here: seed 0, the same items for everyone
        items = list(map(self.convert, islice(drawn, self.n if limit is None else limit)))
        return Items(items, f"the built-in world's {self.name}, test split, {len(items):,} rows")


@dataclass(frozen=True)
class Supervised:
    """Labelled examples of a supervised dataset.

    Args:
        dataset: Name of the dataset.
        split: Split to read.
        convert: Turns the texts and the label of an example into an item.
        n: Number of items, unless a limit is given; None: all.
    """

    dataset: str
    split: str
    convert: Callable[[tuple[str, ...], int], Any]
    n: int | None = None

    def read(self, root: Path | None, limit: int | None, *, check: bool) -> Items:
        """Read the first items; see :class:`ItemSource`."""
        from gpt_toolkit.data.supervised import open_dataset

        dataset = open_dataset(self.dataset, root)
        split = self.split if self.split in dataset.splits else dataset.splits[-1]
        labelled = (example for example in dataset.examples(split) if example.target is not None)
        taken = islice(labelled, self.n if limit is None else limit)
        items = [self.convert(example.texts, int(example.target or 0)) for example in taken]
        return Items(items, f"{dataset.title}, {split}, {len(items):,} rows", dataset.notes(split))


def head_of(path: Path) -> str:
    """Return the beginning of a file as text, whatever its bytes."""
    with open_bytes(path) as file:
        return file.read(_HEAD_CHARACTERS).decode("utf-8-sig", errors="replace")


def text_of(path: Path) -> str:
    """Return the text of a file, unpacked, with LF line ends."""
    with open_bytes(path) as file:
        return file.read().decode("utf-8-sig").replace("\r\n", "\n")


def _sha256(path: Path) -> str:
    with open_bytes(path) as file:
        return hashlib.file_digest(cast(BytesIO, file), "sha256").hexdigest()
