"""Suggestions for misspelled names."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def close_names(name: str, names: Iterable[str], n: int = 1, cutoff: float = 0.5) -> list[str]:
    """Return at most ``n`` names that are spelled almost like ``name``, the closest first.

    Args:
        name: Name.
        names: Names to choose from.
        n: Largest number of results.
        cutoff: Smallest similarity, from 0 to 1.
    """
    return get_close_matches(name, sorted(set(names)), n=n, cutoff=cutoff)


def did_you_mean(name: str, names: Iterable[str], n: int = 1) -> str:
    """Return the closest names as `` (did you mean fit?)``; empty if none is close."""
    close = close_names(name, names, n)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a message: the closest name, else all of them if they are few."""
    known = sorted(set(names))
    if close := close_names(name, known):
        return f": did you mean {close[0]}?"
    return f"; there are {', '.join(known)}" if known and len(known) < 30 else ""


def did_you_mean_file(path: str | Path) -> str:
    """Return the existing path that is spelled almost like one that does not exist; empty if none is close.

    The search begins at the first part of the path that does not exist, in the folder before it.
    """
    wanted = Path(path).expanduser()
    folder, rest = wanted.parent, Path()
    while not folder.is_dir() and folder != folder.parent:
        wanted, folder, rest = folder, folder.parent, Path(wanted.name, rest)
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return ""
    close = get_close_matches(wanted.name, names, n=1, cutoff=0.6)
    if not close or not (folder / close[0] / rest).exists():
        return ""
    return f" (did you mean {folder / close[0] / rest}?)"
