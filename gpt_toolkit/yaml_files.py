"""YAML files: read as UTF-8 on every system, with bounds on size, depth and aliases.

PyYAML has no bounds. A kilobyte of aliases of aliases can stand for more values than fit into memory, and
deeply nested lists exhaust the stack. Here such a text is refused before anything is built from it.
"""

from pathlib import Path
from typing import Any, Final

import yaml

MAX_SIZE: Final = 1 << 20
"""Bytes of a file, and characters and values with all aliases written out; tuned here: 50 times the longest
config."""

MAX_DEPTH: Final = 64
"""Levels of nested lists and mappings, and the shortest text that can exceed a bound; tuned here."""

_MAX_TEXTS = 8  # YAML in a text in YAML ..., which jsonargparse reads; tuned here
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster


class BoundError(yaml.MarkedYAMLError):
    """Error of a YAML text that exceeds a bound."""


def read_yaml(path: Path, loader: Any = _LOADER) -> Any:
    """Read a YAML file of plain values.

    Args:
        path: The file.
        loader: Class of PyYAML that builds the values, such as ``yaml.SafeLoader``.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not YAML or exceeds a bound; names the file and the line.
    """
    text = read_text(path)
    try:
        check_yaml(text)
        return yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{path}{line}: invalid YAML: {error.problem}") from None
    except Exception as error:  # PyYAML raises errors of any kind for a value that does not fit its tag
        raise ValueError(f"{path}: invalid YAML: {' '.join(str(error).split())}") from None


def read_text(path: Path) -> str:
    """Read the text of a YAML file.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not UTF-8, or longer than :data:`MAX_SIZE`.
    """
    with path.open("rb") as file:
        content = file.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise ValueError(f"{path}: longer than {MAX_SIZE:,} bytes; expected YAML settings; check the path")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}:{line}: invalid YAML: byte {content[error.start]:#04x}; expected UTF-8; save it as UTF-8"
        ) from None


def check_yaml(text: str, n_texts: int = 0) -> None:
    """Raise if a YAML text, or a text in it that may be read as YAML again, exceeds a bound.

    Args:
        text: The text.
        n_texts: Number of texts that it lies in.

    Raises:
        BoundError: If it exceeds a bound.
        yaml.YAMLError: If it is not YAML.
    """
    complete: dict[str, tuple[int, int]] = {}  # size and depth below each anchor
    nested: list[tuple[str | None, int, int]] = [(None, 0, 0)]  # anchor, size and depth; the document first
    for event in yaml.parse(text, Loader=_LOADER):
        anchor, size, depth = None, 1, 0
        if isinstance(event, yaml.CollectionStartEvent):
            nested.append((event.anchor, size, depth))
            if len(nested) > MAX_DEPTH:
                raise _exceeds(event, f"more than {MAX_DEPTH} levels; nest fewer lists and mappings")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size, depth = nested.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1 + len(event.value)
            if MAX_DEPTH <= len(event.value) < len(text):
                _check_text(event, n_texts + 1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in complete:
                raise _exceeds(event, f"alias *{event.anchor} before the end of its anchor; write its value")
            size, depth = complete[event.anchor]
        else:
            continue
        if anchor is not None:
            complete[anchor] = size, depth
        outer, outer_size, outer_depth = nested[-1]
        nested[-1] = outer, outer_size + size, max(outer_depth, depth + 1)
        if outer_size + size > MAX_SIZE:
            raise _exceeds(event, f"more than {MAX_SIZE:,} characters with its aliases; use fewer aliases")
        if len(nested) + depth > MAX_DEPTH:
            raise _exceeds(event, f"more than {MAX_DEPTH} levels with its aliases; use fewer aliases")


def _check_text(event: yaml.ScalarEvent, n_texts: int) -> None:
    if n_texts > _MAX_TEXTS:
        raise _exceeds(event, f"more than {_MAX_TEXTS} texts in each other; write the values themselves")
    try:
        check_yaml(event.value, n_texts)
    except BoundError as error:
        raise _exceeds(event, f"a text in it has {error.problem}") from None
    except yaml.YAMLError:
        pass  # an ordinary text


def _exceeds(event: Any, problem: str) -> BoundError:
    return BoundError(problem=problem, problem_mark=event.start_mark)
