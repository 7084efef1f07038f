"""A known set in a folder: which files are there, which split each is of, and in which form it is."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gpt_toolkit.data.pretraining.text_files import split_named
from gpt_toolkit.data.pretraining.token_shards import Split
from gpt_toolkit.data.supervised import splits
from gpt_toolkit.data.supervised.dataset import RowSet, Source
from gpt_toolkit.data.supervised.file_dataset import FileRows, LinePairs
from gpt_toolkit.data.supervised.gpt1_datasets import KnownSet
from gpt_toolkit.data.supervised.record_readers import Head, ending, read_head, shown
from gpt_toolkit.data.supervised.schemas import level_of, recognized

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_FOLDERS: Final[Mapping[str, Split]] = {"train": "train", "dev": "val", "test": "test"}  # RACE's


def open_folder(known: KnownSet, root: Path) -> RowSet:
    """A known set whose files lie in ``root`` or in a folder of its name below it.

    Raises:
        FileNotFoundError: If none of its files is there.
        ValueError: If a file is in none of its forms, or it is not clear which is meant.
    """
    name = known.spec.name
    places = [root / folder for folder in (name, *known.folders, f"{name}/data")] + [root]
    for place in places:
        if place.is_dir() and (sources := _sources(known, place)):
            break
    else:
        raise FileNotFoundError(
            f"{name}: no files in {root / name} nor in {root}. Place there {known.files}"
            + (
                "."
                if known.hub is None
                else f"; or leave root out to download {known.hub.path} from the hub."
            )
        )
    divided = ""
    if "train" not in sources and "val" in sources and name == "story_cloze":
        sources |= splits.story_cloze(sources["val"])
        divided = splits.STORY_CLOZE
    elif "train" in sources and "val" not in sources:
        sources |= splits.tenth(sources["train"], by_first=known.spec.kind == "multiple_choice")
        divided = splits.TENTH
    return RowSet(
        known.spec,
        f"{name} in {place}",
        sources,
        known.targets,
        published=known.published,
        variants=known.variants,
        divided=divided,
        tolerant=known.tolerant,
    )


def _sources(known: KnownSet, folder: Path) -> dict[str, Source]:
    if known.languages:
        return _pairs(known, folder)
    if known.passages and (sources := _passages(known, folder)):
        return sources
    groups: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        stem = _stem(path)
        if path.is_file() and ending(path) and (split := _split_of(stem)):
            groups[split].append((path, _part_of(known, stem)))
    return {split: _chosen(known, split, files) for split, files in groups.items() if files}


def _split_of(stem: str) -> Split | None:
    """The split that a file's name speaks of; Story Cloze's names have it in their middle."""
    if story := re.match(r"cloze_test_(val|test)", stem):
        return "val" if story[1] == "val" else "test"
    return split_named(stem)


def _part_of(known: KnownSet, stem: str) -> str:
    if "mismatched" in known.spec.parts:
        return next((part for part in ("mismatched", "matched") if part in stem), "")
    return level_of(stem) if "middle" in known.spec.parts else ""


def _chosen(known: KnownSet, split: str, files: list[tuple[Path, str]]) -> Source:
    """The files of a split that are read: of the first form that there is, and of that one copy.

    Raises:
        ValueError: If none is in a known form, or several could be meant.
    """
    by_form: dict[tuple[int, str], list[tuple[Path, str]]] = defaultdict(list)
    heads: dict[tuple[int, str], Head] = {}
    unknown: list[tuple[Path, Head]] = []
    for path, part in files:
        head = read_head(path)
        number = recognized(known.forms, head, known.targets.known)
        if number is None:
            unknown.append((path, head))
            continue
        kind = (number, ending(path) + head.layout)
        by_form[kind].append((path, part))
        heads.setdefault(kind, head)
    if not by_form:
        path, head = unknown[0]
        forms = "; ".join(form.described() for form in known.forms)
        labels = f" Labels: {known.targets.expected}." if known.targets.expected else ""
        raise ValueError(
            f"{path} is in none of the known forms of {known.spec.name}: it begins with "
            f"{shown(', '.join(head.names))}. Expected {forms}.{labels}"
        )
    kind = min(by_form)
    chosen = by_form[kind]
    for piece in known.prefer:
        if preferred := [item for item in chosen if piece in item[0].name]:
            chosen = preferred
            break
    several = len({_SHARD.sub("", _stem(path)) for path, _ in chosen}) > 1
    together = any(all(piece in path.name for path, _ in chosen) for piece in known.join)
    parts = {part for items in by_form.values() for _, part in items}
    if (several and not together) or parts != {part for _, part in chosen}:
        raise ValueError(
            f"{known.spec.name}: it is not clear which files are the {split} split: "
            f"{', '.join(str(path) for items in by_form.values() for path, _ in items)}. Leave one in the "
            "folder, or "
            "one a part, all in one format."
        )
    return FileRows(tuple(chosen), known.forms[kind[0]], heads[kind])


def _stem(path: Path) -> str:
    return path.name[: len(path.name) - len(ending(path))]


def _passages(known: KnownSet, folder: Path) -> dict[str, Source]:
    """RACE's folders: train, dev and test, in each a folder a part, in that a file a passage."""
    sources: dict[str, Source] = {}
    for own, split in _FOLDERS.items():
        files = [
            (path, part) for part in known.spec.parts for path in sorted((folder / own / part).glob("*.txt"))
        ]
        if files:
            sources[split] = FileRows(tuple(files), known.forms[0], Head("json", known.forms[0].needs))
    return sources


def _pairs(known: KnownSet, folder: Path) -> dict[str, Source]:
    assert known.languages is not None
    source, target = known.languages
    groups: dict[str, list[tuple[Path, Path]]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(rf"(.+)\.{source}(\.gz)?", path.name)
        if match and (split := split_named(match[1])):
            other = next(
                (p for p in (folder / f"{match[1]}.{target}{end}" for end in ("", ".gz")) if p.exists()), None
            )
            if other is None:
                raise ValueError(f"{path} has no file of answers beside it: expected {match[1]}.{target}.")
            groups[split].append((path, other))
    sources: dict[str, Source] = {}
    for name, pairs in groups.items():
        preferred = [pair for pair in pairs if any(piece in pair[0].name for piece in known.prefer)]
        if len(pairs) > 1 and len(preferred) != 1:
            raise ValueError(
                f"{known.spec.name}: several files could be the {name} split: "
                f"{', '.join(pair[0].name for pair in pairs)}. Leave one of them in the folder."
            )
        sources[name] = LinePairs(*(preferred or pairs)[0])
    return sources
