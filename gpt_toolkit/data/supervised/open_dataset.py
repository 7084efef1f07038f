"""Opening a labeled dataset by name, path or description; finding the files of a known dataset."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.data.splits import split_named
from gpt_toolkit.data.supervised.custom_dataset import open_custom
from gpt_toolkit.data.supervised.dataset import (
    STORY_CLOZE,
    TENTH_BY_DOCUMENT,
    TENTH_BY_TEXTS,
    Source,
    SupervisedDataset,
    divide,
)
from gpt_toolkit.data.supervised.gpt1_datasets import KnownDataset, known_datasets, open_hub
from gpt_toolkit.data.supervised.record_schema import FileSource, LinePairSource
from gpt_toolkit.data.supervised.trained_model import trained_dataset
from gpt_toolkit.records import ENDINGS, RecordFile, ending, excerpt, open_records
from gpt_toolkit.suggestions import did_you_mean

_STORYWORLD: Final = "storyworld"
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_PASSAGE_FOLDERS: Final = {"train": "train", "dev": "val", "test": "test"}  # RACE's


def open_dataset(
    entry: str | Mapping[str, object],
    root: Path | None = None,
    trained: Mapping[str, TrainedDataset] | None = None,
    *,
    as_text: bool = False,
) -> SupervisedDataset:
    """Open a labeled dataset.

    Args:
        entry: Name of a known dataset (``rte``); ``storyworld:NAME`` or ``storyworld:NAME:SIZE``; path of a
            file (``reviews.csv``); or the description of a custom dataset, see ``custom_dataset.OPTIONS``.
        root: Folder of known datasets: files of ``rte`` are in ``root/rte`` or in ``root``. None: they come
            from the hub. Paths of custom files may also be relative to it.
        trained: Datasets that the model which is evaluated was trained on. Labels then mean, by their names,
            the outputs of its heads.
        as_text: Whether labels are scored as words, without a head.

    Raises:
        ValueError: If the name is unknown, files are not as expected, or the model has no head for the
            dataset.
        FileNotFoundError: If files are missing.
    """
    dataset = _open(entry, root, trained, as_text=as_text)
    spec = dataset.spec
    learned = trained_dataset(spec.name, trained or {}, needs_head=spec.has_head and not as_text)
    return dataset if learned is None else dataset.of_head(learned)


def _open(
    entry: str | Mapping[str, object],
    root: Path | None,
    trained: Mapping[str, TrainedDataset] | None,
    *,
    as_text: bool,
) -> SupervisedDataset:
    if isinstance(entry, Mapping):
        return open_custom(entry, root, trained, as_text=as_text)
    if ending(Path(entry)) and Path(entry).expanduser().is_file():
        return open_custom({"train": entry}, root, trained, as_text=as_text)
    if entry.replace("/", ":").startswith(f"{_STORYWORLD}:"):
        from gpt_toolkit.data.supervised.storyworld_datasets import open_storyworld  # slow to import

        return open_storyworld(entry)
    known = known_datasets()
    if entry in known:
        return open_hub(known[entry]) if root is None else _open_folder(known[entry], root.expanduser())
    if ending(Path(entry)):
        return open_custom({"train": entry}, root, trained, as_text=as_text)
    hint = did_you_mean(entry.lower(), [*known, _STORYWORLD])
    raise ValueError(
        f"dataset: {entry!r}{hint}; expected one of {', '.join(known)}; {_STORYWORLD}:NAME; or a file ending "
        f"in {', '.join(ENDINGS)}"
    )


def _open_folder(known: KnownDataset, root: Path) -> SupervisedDataset:
    """Open a known dataset whose files are in ``root`` or in a folder with its name in ``root``."""
    name = known.spec.name
    places = [root / folder for folder in (name, *known.folders, f"{name}/data")] + [root]
    sources: dict[str, Source] = {}
    for place in places:
        if place.is_dir() and (sources := _find_sources(known, place)):
            break
    else:
        download = f", or leave root out to download {known.hub.path} from the hub" if known.hub else ""
        raise FileNotFoundError(
            f"{name}: no files in {root / name} or {root}; expected {known.files}; place them there{download}"
        )
    if known.train_from_val and "val" in sources and "train" not in sources:
        sources |= divide(sources["val"], STORY_CLOZE)
    elif "train" in sources and "val" not in sources:
        is_choice = known.spec.kind == "multiple_choice"
        sources |= divide(sources["train"], TENTH_BY_DOCUMENT if is_choice else TENTH_BY_TEXTS)
    return known.dataset(f"{name} in {place}", sources)


def _find_sources(known: KnownDataset, folder: Path) -> dict[str, Source]:
    if known.line_pairs:
        return _find_line_pairs(known, folder)
    if known.passage_folders and (passages := _find_passages(known, folder)):
        return passages
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if not path.is_file() or not ending(path):
            continue
        story = re.match(r"cloze_test_(val|test)", path.name)  # the split is in the middle of the name
        if split := story[1] if story else split_named(_stem(path)):
            groups[split].append(path)
    return {split: _choose_files(known, split, paths) for split, paths in groups.items()}


def _choose_files(known: KnownDataset, split: str, paths: list[Path]) -> Source:
    """Choose the files of a split: those of the preferred schema, and one copy of them."""
    groups: dict[tuple[int, str], list[tuple[RecordFile, str]]] = defaultdict(list)
    unknown: list[RecordFile] = []
    for path in paths:
        file = open_records(path)
        number = known.matching_schema(file.names, delimited=file.format == "delimited")
        if number is None:
            unknown.append(file)
        else:
            subset = next((name for name in known.file_subsets if name in _stem(path)), "")
            groups[number, ending(path) + file.format].append((file, subset))
    if not groups:
        labels = f". Labels: {known.labels.expected}" if known.labels.expected else ""
        raise ValueError(
            f"{unknown[0].path}: columns {excerpt(', '.join(unknown[0].names))}; expected "
            f"{known.expected_columns}{labels}, as {known.spec.name} has them"
        )
    best = min(groups)
    chosen = groups[best]
    for piece in known.prefer:
        if preferred := [item for item in chosen if piece in item[0].path.name]:
            chosen = preferred
            break
    has_several = len({_SHARD.sub("", _stem(file.path)) for file, _ in chosen}) > 1
    belong_together = any(all(piece in file.path.name for file, _ in chosen) for piece in known.join)
    subsets = {subset for files in groups.values() for _, subset in files}
    if (has_several and not belong_together) or subsets != {subset for _, subset in chosen}:
        found = ", ".join(str(file.path) for files in groups.values() for file, _ in files)
        raise ValueError(
            f"{known.spec.name}: files {found}; expected one for the {split} split, or one for each subset, "
            "all in one format; remove the others"
        )
    return FileSource(tuple(chosen), known.schemas[best[0]])


def _find_passages(known: KnownDataset, folder: Path) -> dict[str, Source]:
    """Find RACE's files: folders for train, dev and test, in each a folder for each subset."""
    schema = known.schemas[0]
    sources: dict[str, Source] = {}
    for name, split in _PASSAGE_FOLDERS.items():
        files = tuple(
            (RecordFile(path, "json", schema.needs), subset)
            for subset in known.spec.subsets
            for path in sorted((folder / name / subset).glob("*.txt"))
        )
        if files:
            sources[split] = FileSource(files, schema)
    return sources


def _find_line_pairs(known: KnownDataset, folder: Path) -> dict[str, Source]:
    source, target = known.line_pairs
    groups: dict[str, list[LinePairSource]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(rf"(.+)\.{source}(\.gz)?", path.name)
        if match and (split := split_named(match[1])):
            candidates = [folder / f"{match[1]}.{target}{end}" for end in ("", ".gz")]
            other = next((candidate for candidate in candidates if candidate.exists()), None)
            if other is None:
                raise ValueError(f"{path}: no file of answers; expected {match[1]}.{target} next to it")
            groups[split].append(LinePairSource(path, other))
    sources: dict[str, Source] = {}
    for split_name, pairs in groups.items():
        preferred = [pair for pair in pairs if any(piece in pair.inputs.name for piece in known.prefer)]
        if len(pairs) > 1 and len(preferred) != 1:
            found = ", ".join(pair.inputs.name for pair in pairs)
            raise ValueError(
                f"{known.spec.name}: files {found}; expected one for the {split_name} split; remove the "
                "others"
            )
        sources[split_name] = (preferred or pairs)[0]
    return sources


def _stem(path: Path) -> str:
    return path.name[: len(path.name) - len(ending(path))]
