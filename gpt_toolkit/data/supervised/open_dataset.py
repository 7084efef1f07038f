"""Opening a supervised set by what the user wrote."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from gpt_toolkit.data.supervised.custom_dataset import OwnSet
from gpt_toolkit.data.supervised.example import SupervisedSet
from gpt_toolkit.data.supervised.gpt1_datasets import KNOWN
from gpt_toolkit.data.supervised.hub_datasets import open_hub
from gpt_toolkit.data.supervised.local_files import open_folder
from gpt_toolkit.data.supervised.record_readers import ENDINGS, ending

STORYWORLD: Final = "storyworld"


def open_set(entry: str | Mapping[str, object], root: Path | None = None) -> SupervisedSet:
    """A supervised set.

    Args:
        entry: Name of a known set (``rte``); ``storyworld:TASK`` or ``storyworld:TASK:ROWS``, a built-in
            one; path of a file (``reviews.csv``); or a set of one's own as a mapping: see ``own.OPTIONS``.
        root: Folder of known sets: files of ``rte`` lie in ``root/rte`` or in ``root`` itself. None: they
            come from the hub. Paths of one's own files may also be relative to it.

    Raises:
        ValueError: If there is no such set, or its files are not as expected.
        FileNotFoundError: If its files are not there.
    """
    if isinstance(entry, Mapping):
        return OwnSet(entry, root)
    if entry.replace("/", ":").startswith(f"{STORYWORLD}:"):
        from gpt_toolkit.data.supervised.storyworld_datasets import (
            open_world,  # the world is not read where it is not used
        )

        return open_world(entry)
    if entry in KNOWN:
        return open_hub(KNOWN[entry]) if root is None else open_folder(KNOWN[entry], root.expanduser())
    if ending(Path(entry)):
        return OwnSet({"train": entry}, root)
    near = get_close_matches(entry.lower(), [*KNOWN, STORYWORLD], 1)
    raise ValueError(
        f"There is no supervised set {entry!r}{f'; did you mean {near[0]!r}?' if near else '.'} Known: "
        f"{', '.join(KNOWN)}; {STORYWORLD}:TASK; or a file ending in {', '.join(ENDINGS)}."
    )
