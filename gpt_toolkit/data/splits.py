"""Splits of data, and the names of files and folders that say one."""

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")

_SPLIT_NAMES: Final[Mapping[str, Split]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}


def split_named(name: str) -> Split | None:
    """Return the split that a name says, if any.

    Args:
        name: Name of a folder, or of a file without its ending: ``train``, ``test-00000-of-00002`` and
            ``wiki.train`` say a split.
    """
    name = name.lower()
    words = re.split(r"[.\-_]", name)
    return _SPLIT_NAMES.get(name) or _SPLIT_NAMES.get(words[0]) or _SPLIT_NAMES.get(words[-1])
