"""Opening a labeled dataset by name, path or description."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gpt_toolkit.data.supervised.custom_dataset import open_custom
from gpt_toolkit.data.supervised.dataset import SupervisedDataset
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets
from gpt_toolkit.data.supervised.hub_datasets import open_hub
from gpt_toolkit.data.supervised.local_files import open_folder
from gpt_toolkit.records import ENDINGS, ending
from gpt_toolkit.suggestions import did_you_mean

_STORYWORLD: Final = "storyworld"


def open_dataset(entry: str | Mapping[str, object], root: Path | None = None) -> SupervisedDataset:
    """Open a labeled dataset.

    Args:
        entry: Name of a known dataset (``rte``); ``storyworld:NAME`` or ``storyworld:NAME:SIZE``; path of a
            file (``reviews.csv``); or the description of a custom dataset, see ``custom_dataset.OPTIONS``.
        root: Folder of known datasets: files of ``rte`` are in ``root/rte`` or in ``root``. None: they come
            from the hub. Paths of custom files may also be relative to it.

    Raises:
        ValueError: If the name is unknown, or files are not as expected.
        FileNotFoundError: If files are missing.
    """
    if isinstance(entry, Mapping):
        return open_custom(entry, root)
    if entry.replace("/", ":").startswith(f"{_STORYWORLD}:"):
        from gpt_toolkit.data.supervised.storyworld_datasets import open_storyworld  # slow to import

        return open_storyworld(entry)
    known = known_datasets()
    if entry in known:
        return open_hub(known[entry]) if root is None else open_folder(known[entry], root.expanduser())
    if ending(Path(entry)):
        return open_custom({"train": entry}, root)
    hint = did_you_mean(entry.lower(), [*known, _STORYWORLD])
    raise ValueError(
        f"unknown dataset {entry!r}{hint}; known: {', '.join(known)}; {_STORYWORLD}:NAME; or a file "
        f"ending in {', '.join(ENDINGS)}"
    )
