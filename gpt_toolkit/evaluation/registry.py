"""The catalogue of benchmarks, ``benchmarks.yaml``: sources of items, and the choice by name.

Items come from published files or the hub, from the built-in world, or from a supervised dataset.
"""

import fnmatch
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice, zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

from gpt_toolkit.evaluation import free_text, held_out_text, lambada, likelihood, multiple_choice
from gpt_toolkit.evaluation.benchmark import Benchmark, ItemSource
from gpt_toolkit.evaluation.benchmark_files import FORMATS, FileFormat
from gpt_toolkit.evaluation.core_suite import CoreTask
from gpt_toolkit.evaluation.custom_benchmark import read_custom
from gpt_toolkit.evaluation.items import HUB, SUPERVISED, WORLD, Items
from gpt_toolkit.evaluation.perplexity import Corpus, perplexity_protocols
from gpt_toolkit.evaluation.protocol import EvaluationProtocol
from gpt_toolkit.evaluation.supervised_prompts import PREFIX, supervised_benchmark
from gpt_toolkit.io import open_bytes
from gpt_toolkit.suggestions import did_you_mean
from gpt_toolkit.yaml_files import read_yaml

_HEAD_BYTES = 20_000  # tuned here: enough to recognize every format
ALL_CONFIGURATIONS = "*"
_CONVERTED = "refs/convert/parquet"  # the hub's own branch of datasets whose owners placed a script
_PROTOCOLS: Final = {
    "lambada": lambada.PROTOCOLS,
    **likelihood.PROTOCOLS,
    **free_text.PROTOCOLS,
    **multiple_choice.PROTOCOLS,
}


class Variant(NamedTuple):
    """A published file of a benchmark.

    Attributes:
        name: Description.
        size: Published size.
        sha256: Checksum of its unpacked bytes; "" if unknown.
        warning: What a user of it should know.
    """

    name: str
    size: int
    sha256: str = ""
    warning: str = ""


class Hub(NamedTuple):
    """A dataset of the Hugging Face hub.

    Attributes:
        path: Name of the dataset.
        split: Split to read.
        convert: Converter of its records in :data:`~gpt_toolkit.evaluation.items.HUB`.
        config: Configuration; "" for the only one, "*" for all.
        converted: Read the files that the hub has converted, because its owner placed a script there.
    """

    path: str
    split: str
    convert: str
    config: str = ""
    converted: bool = False


@dataclass(frozen=True)
class Files:
    """Files in a folder of the benchmark below the root, or in the root itself; without a root the hub.

    Args:
        name: Name of the benchmark.
        folders: Names of the folder.
        formats: Patterns of file names without ``.gz`` by format, the preferred first.
        variants: Published files, the paper's first; empty: any file is accepted.
        expected: File to place, for messages.
        unit: Unit of the sizes.
        all_files: The benchmark is all files of the pattern together, not the first.
        hub: Dataset to read without files, if any.
    """

    name: str
    folders: Sequence[str]
    formats: Mapping[str, Sequence[str]]
    variants: Sequence[Variant]
    expected: str
    unit: str = "rows"
    hub: Hub | None = None
    all_files: bool = False

    def read(self, root: Path | None, limit: int | None, check: bool) -> Items:
        """Read the first items; see :meth:`~gpt_toolkit.evaluation.benchmark.Benchmark.read`."""
        if root is None:
            return self._from_hub(limit)
        path, file_format = self._find(root)
        paths = sorted(path.parent.glob(f"*{path.suffix}")) if self.all_files else [path]
        contents = []
        for each in paths:
            try:
                contents.append(file_format.read(each))
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{each}: invalid byte at offset {error.start}; expected UTF-8; download the published "
                    "file again"
                ) from None
        items, size = _in_turn([content.items for content in contents]), sum(c.size for c in contents)
        description, warning = self._recognize(path, size, check)
        where = f"{path.parent}, {len(paths)} files" if self.all_files else str(path)
        origin = f"{where}: {description}, {size:,} {self.unit}"
        return Items(items[:limit], origin, [warning] if warning else [])

    def exists(self, root: Path) -> bool:
        """Return whether a file of the benchmark is below a root."""
        try:
            self._find(root)
        except FileNotFoundError:
            return False
        return True

    def _find(self, root: Path) -> tuple[Path, FileFormat]:
        if not root.is_dir():
            raise FileNotFoundError(f"{self.name}: root {root} not found; expected a folder")
        folders = [root / folder for folder in self.folders if (root / folder).is_dir()]
        inside = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        files = [*inside, *sorted(path for path in root.iterdir() if path.is_file())]
        others: dict[Path, None] = {}
        for name, patterns in self.formats.items():
            for pattern in patterns:
                for path in files:
                    if not fnmatch.fnmatch(path.name.lower().removesuffix(".gz"), pattern.lower()):
                        continue
                    with open_bytes(path) as file:
                        head = file.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
                    if FORMATS[name].recognizes(head):
                        return path, FORMATS[name]
                    others[path] = None
        wrong = f"; {', '.join(map(str, others))} is of another format" if others else ""
        raise FileNotFoundError(
            f"{self.name}: no file in {root / self.folders[0]} or {root}{wrong}; expected {self.expected}; "
            "place it there"
        )

    def _recognize(self, path: Path, size: int, check: bool) -> tuple[str, str]:
        """Return the description of a file, and a warning or ""."""
        if not self.variants:
            return "no published file is described", ""
        with open_bytes(path) as file:
            checksum = hashlib.file_digest(cast(BytesIO, file), "sha256").hexdigest()
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
                f"{self.name}: {path} with {size:,} {self.unit} and checksum {checksum[:12]}...; expected a "
                f"known variant ({known}); download one, or score the file as it is with --no_check_files "
                "(in a config: check_files: false)"
            )
        warning = f"scored on a file that is not a known variant ({size:,} {self.unit}); known: {known}"
        return "not a known variant", warning

    def _from_hub(self, limit: int | None) -> Items:
        hub = self.hub
        advice = f"place {self.expected} in a folder {self.folders[0]} and give the folder above it as root"
        if hub is None:
            raise FileNotFoundError(
                f"{self.name}: no dataset on the hub that can be read without code; expected files; {advice}"
            )
        import datasets

        revision = _CONVERTED if hub.converted else None
        try:
            names = [hub.config or None]
            if hub.config == ALL_CONFIGURATIONS:
                names = datasets.get_dataset_config_names(hub.path)
            parts = [datasets.load_dataset(hub.path, n, split=hub.split, revision=revision) for n in names]
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"{self.name}: {hub.path} not loaded from the hub ({str(error).rstrip('.')}); expected a "
                f"network; without one, {advice}"
            ) from error
        items = _in_turn([HUB[hub.convert](records) for records in parts])
        return Items(items[:limit], f"the hub's {hub.path} {hub.config} {hub.split}, {len(items):,} rows")


def _in_turn(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Return the items of several files in turn, so that the first items are of all of them."""
    if len(parts) == 1:
        return parts[0]
    return [item for items in zip_longest(*parts) for item in items if item is not None]


def _read_world(name: str, convert: str, n: int, limit: int | None) -> Items:
    """Return the first items of a benchmark of the built-in world, which needs no file and has no end."""
    from gpt_toolkit.storyworld.benchmarks import benchmark

    drawn = benchmark(name, 0, "test")  # tuned here: seed 0, the same items for everyone
    items = list(map(WORLD[convert], islice(drawn, n if limit is None else limit)))
    return Items(items, f"the built-in world's {name}, test split, {len(items):,} rows")


def _read_supervised(
    dataset: str, split: str, convert: str, root: Path | None, limit: int | None, n: int | None = None
) -> Items:
    """Read the first labelled examples of a supervised dataset; of its last split if ``split`` is not one."""
    from gpt_toolkit.data.supervised import open_dataset

    opened = open_dataset(dataset, root)
    split = split if split in opened.splits else opened.splits[-1]
    items = list[Any]()
    left_out, wanted = Counter[str](), n if limit is None else limit
    for example in opened.examples(split):
        if len(items) == wanted:
            break
        if example.target is None:
            left_out["without a label"] += 1
        else:
            items.append(SUPERVISED[convert](example.texts, int(example.target)))
    origin = f"{opened.title}, {split}, {len(items):,} rows"
    return Items(items, origin, opened.notes(split), left_out=left_out)


def _benchmark(name: str, entry: Mapping[str, Any]) -> Benchmark:
    return Benchmark(name, entry["section"], _source(name, entry), _protocols(entry))


def _protocols(entry: Mapping[str, Any]) -> tuple[EvaluationProtocol, ...]:
    family = entry["protocols"]
    if core := entry.get("core"):
        return CoreTask(**core).protocols()
    if family == "perplexity":
        return perplexity_protocols(Corpus(**entry["corpus"]))
    if family == "translation":
        protocols = free_text.translation(**entry["languages"])
        return tuple(each for each in protocols if str(each) in entry.get("only", [str(each)]))
    return _PROTOCOLS[family]


def _source(name: str, entry: Mapping[str, Any]) -> ItemSource:
    if core := entry.get("core"):
        return CoreTask(**core).read
    if world := entry.get("world"):
        return lambda root, limit, check: _read_world(**world, limit=limit)
    if supervised := entry.get("supervised"):
        return lambda root, limit, check: _read_supervised(**supervised, root=root, limit=limit)
    return _files(name, entry).read


def _files(name: str, entry: Mapping[str, Any]) -> Files:
    files = dict(entry["files"])
    variants = [Variant(**variant) for variant in files.pop("variants", [])]
    return Files(name, **files, variants=variants, hub=Hub(**entry["hub"]) if "hub" in entry else None)


_CATALOGUE: Final[dict[str, dict[str, Any]]] = read_yaml(Path(__file__).with_name("benchmarks.yaml"))

BENCHMARKS: Final[Mapping[str, Benchmark]] = MappingProxyType(
    {name: _benchmark(name, entry) for group in _CATALOGUE.values() for name, entry in group.items()}
)
"""Benchmarks of the catalogue by name."""

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {name: tuple(group) for name, group in _CATALOGUE.items()}
)
"""Names of the benchmarks of each group."""


def found_in(root: Path) -> list[str]:
    """Return the names of the benchmarks whose files are in a folder, or in their folders below it."""
    entries = [item for group in _CATALOGUE.values() for item in group.items()]
    return [name for name, entry in entries if "files" in entry and _files(name, entry).exists(root)]


def find(names: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks of names, groups, your own YAML files and supervised datasets; each once.

    Raises:
        ValueError: If a name is unknown; lists the known ones.
    """
    found: dict[str, Benchmark] = {}
    for name in names:
        if name.endswith((".yaml", ".yml")):
            custom = read_custom(name)
            if custom.name in BENCHMARKS or custom.name in found:
                raise ValueError(
                    f"benchmarks: {name} with the name {custom.name!r} of another benchmark; expected a "
                    "unique one; rename it"
                )
            found[custom.name] = custom
        elif name.startswith(PREFIX):
            found[name] = supervised_benchmark(name)
        elif name.startswith(held_out_text.PREFIX):
            found[name] = held_out_text.held_out_benchmark(name)
        else:
            found |= {member: _known(member) for member in GROUPS.get(name, (name,))}
    return list(found.values())


def _known(name: str) -> Benchmark:
    if name not in BENCHMARKS:
        hint = did_you_mean(name, [*BENCHMARKS, *GROUPS], n=3)
        raise ValueError(
            f"benchmarks: {name!r}{hint}; expected one of {', '.join(BENCHMARKS)}; a group "
            f"({', '.join(GROUPS)}); {PREFIX}SET for a supervised dataset as text; {held_out_text.PREFIX}RUN "
            "for a run's held-out text; or a file of your own that ends in .yaml"
        )
    return BENCHMARKS[name]


def pairs(
    benchmarks: Sequence[Benchmark], specs: Sequence[str] | None
) -> list[tuple[Benchmark, EvaluationProtocol]]:
    """Return every benchmark with every chosen protocol that applies to it.

    Args:
        benchmarks: The benchmarks.
        specs: Names of protocols, with or without version; None: all.

    Raises:
        ValueError: If a protocol is unknown to all benchmarks, or a benchmark has none of them.
    """
    if specs is None:
        return [(benchmark, protocol) for benchmark in benchmarks for protocol in benchmark.protocols]
    found: list[tuple[Benchmark, EvaluationProtocol]] = []
    used: set[str] = set()
    for benchmark in benchmarks:
        chosen: dict[str, EvaluationProtocol] = {}
        for spec in specs:
            if (protocol := benchmark.protocol(spec)) is not None:
                chosen[str(protocol)] = protocol
                used.add(spec)
        if not chosen:
            raise ValueError(
                f"protocols: {', '.join(specs)}; expected at least one for {benchmark.name}: "
                f"{_names(benchmark)}"
            )
        found += [(benchmark, protocol) for protocol in chosen.values()]
    for spec in specs:
        if spec not in used:
            known = "; ".join(f"{benchmark.name}: {_names(benchmark)}" for benchmark in benchmarks)
            raise ValueError(f"protocols: {spec!r}; expected one of {known}")
    return found


def _names(benchmark: Benchmark) -> str:
    return ", ".join(map(str, benchmark.protocols))
