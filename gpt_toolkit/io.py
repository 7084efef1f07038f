"""Files: the cache folder, atomic writes, JSON, compressed input, and errors of writing."""

import errno
import gzip
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

CACHE_VARIABLE = "GPT_TOOLKIT_CACHE"
"""Environment variable that moves the cache folder."""

_LONGEST_MESSAGE = 1000  # characters; tuned here: some lines of a terminal
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def cache_folder() -> Path:
    """Return the folder of everything that can be made or downloaded again; it need not exist yet."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("gpt-toolkit")


@contextmanager
def atomic_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which replaces ``path`` when the block succeeds.

    Args:
        path: The file to write; its folder is created.
        durable: Flush the file to the disk first, so that it also survives a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        if durable:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, which takes the place of ``folder`` when the block succeeds.

    Args:
        folder: The folder to write; its parents are created.
        replace: Replace an existing folder. Without it, a folder that another process has written stays.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    old = folder.with_name(f"{folder.name}.{os.getpid()}.old")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if replace and folder.exists():
            folder.rename(old)
        try:
            partial.rename(folder)
        except OSError:
            if replace or not folder.is_dir():
                raise
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if folder.exists():  # otherwise the old folder is all there is
            shutil.rmtree(old, ignore_errors=True)


def is_file_name(name: object) -> bool:
    """Return whether a value names a file in the same folder: no path, drive or null byte."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a UTF-8 text file atomically, with LF line ends on every system.

    Raises:
        OSError: If writing failed; the message names the file.
    """
    advice = "make room or choose another place, and run the same command again"
    with explain_write_errors(path, advice), atomic_file(path, durable=durable) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any, *, indent: int | None = 2, durable: bool = False) -> None:
    """Write a JSON file atomically."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n", durable=durable)


def read_json(path: Path, advice: str) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        advice: End of the message if it is missing.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: not found; expected a file; {advice}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}; expected JSON") from None


@contextmanager
def explain_read_errors(path: Path, advice: str) -> Iterator[None]:
    """Raise errors of reading again as one line with the path and what to do.

    Damaged content makes readers and libraries raise errors of any kind. Errors of the system pass, and so do
    those that name the path already.

    Args:
        path: The file or folder that is read.
        advice: What to do, as the end of the message.

    Raises:
        ValueError: If reading failed.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        is_explained = isinstance(error, ValueError) and str(path) in str(error)
        if is_explained and "\n" not in str(error) and len(str(error)) <= _LONGEST_MESSAGE:
            raise
        message = " ".join(str(error).split())
        if is_explained:
            raise ValueError(f"{message[:_LONGEST_MESSAGE]} ...") from error  # it quotes the content
        raise ValueError(
            f"{path}: cannot be read ({type(error).__name__}: {message:.200}); {advice}"
        ) from error


class _WriteError(OSError):
    """Error of writing whose message is complete."""


@contextmanager
def explain_write_errors(path: Path, advice: str, *, disk_full_only: bool = False) -> Iterator[None]:
    """Raise errors of writing again with the path, the free space and what to do.

    torch reports a full disk as a RuntimeError. Of nested contexts, the outer one explains the error.

    Args:
        path: The file or folder that is written.
        advice: What to do, as the end of the message.
        disk_full_only: Pass other errors on as they are, because the block also reads.

    Raises:
        OSError: If writing failed.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        code = getattr(error, "errno", None)
        if disk_full_only and code not in _DISK_FULL:
            raise
        cause = error.__cause__ if isinstance(error, _WriteError) else error
        reason = (getattr(cause, "strerror", None) or str(cause)).partition("\n")[0]
        existing = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
        free = shutil.disk_usage(existing).free / 1e6
        failure = _WriteError(f"could not write {path} ({reason}; {free:,.0f} MB are free there): {advice}")
        failure.errno = code
        raise failure from error


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, unpacked if its name ends in ``.gz``.

    Raises:
        ValueError: If what is read under it turns out to be broken gzip.
    """
    with path.open("rb") as raw:
        if not path.name.lower().endswith(".gz"):
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                yield cast(BinaryIO, file)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            reason = str(error).rstrip(".")
            raise ValueError(
                f"{path}: {reason} near byte {raw.tell()}; expected gzip; copy or download it again"
            ) from error
