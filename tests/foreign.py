"""Platforms other than Linux with glibc, as far as Python code can detect.

Run in a process of its own: its changes are not undone. Native code of other packages still
finds Linux, so those are imported before :func:`pretend` is called.
"""

import contextlib
import ctypes
import errno
import importlib.abc
import os
import platform
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MODULES = ("fcntl", "grp", "pty", "pwd", "readline", "resource", "termios", "tty")
"""Modules that Windows lacks."""

FUNCTIONS = ("fork", "geteuid", "getloadavg", "getuid", "killpg", "sched_getaffinity", "setsid", "sysconf")
SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2")
_FOLDERS = ("/proc", "/sys")
_FORBIDDEN = set('<>:"|?*')
_SYSTEMS = {"windows": ("win32", "Windows", "AMD64"), "macos": ("darwin", "Darwin", "arm64")}


class _Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class _Library:
    """A C library without glibc's functions."""

    def __getattr__(self, name: str) -> Any:
        if name in ("mallopt", "malloc_trim"):
            raise AttributeError(name)
        return getattr(_library(None), name)


_library = ctypes.CDLL


def hide_linux() -> None:
    """Hide the modules, functions, signals and files that only POSIX or Linux has."""
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Missing())
    signals = set(SIGNALS) - {"SIGKILL", "SIGUSR1"}  # which Lightning uses unless it was imported on Windows
    for module, names in ((os, FUNCTIONS), (signal, signals)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    os.rename = _renaming(os.rename)
    for name in ("stat", "lstat"):
        setattr(os, name, _hiding(getattr(os, name)))
    sys.addaudithook(_hide)


def pretend(system: str) -> None:
    """Behave as on ``windows``, ``macos`` or ``musl`` from here on; call :func:`hide_linux` first."""
    name, title, machine = _SYSTEMS.get(system, (sys.platform, platform.system(), platform.machine()))
    sys.platform = name
    for function, answer in (("system", title), ("machine", machine)):
        setattr(platform, function, lambda answer=answer: answer)
    platform.libc_ver = lambda *_: ("", "")

    def load(path: Any = None, *arguments: Any, **options: Any) -> Any:
        if path is None and system == "windows":
            raise TypeError("argument of type 'NoneType' is not iterable")
        return _Library() if path is None else _library(path, *arguments, **options)

    ctypes.CDLL = load  # type: ignore[misc, assignment]
    global _windows
    _windows = system == "windows"
    shutil._use_fd_functions = not _windows  # type: ignore[attr-defined]  # full paths, not those in an open folder


_windows = _looking = False


def _is_hidden(path: object) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    text = os.fsdecode(path)
    return any(text == folder or text.startswith(f"{folder}/") for folder in _FOLDERS)


def _hiding(function: Any) -> Any:
    def hiding(path: Any, *arguments: Any, **options: Any) -> Any:
        if _is_hidden(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return function(path, *arguments, **options)

    return hiding


def _renaming(function: Any) -> Any:
    def renaming(old: Any, new: Any, **options: Any) -> None:
        if _windows and os.path.lexists(new):  # os.replace does not mind
            raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", new)
        function(old, new, **options)

    return renaming


def _hide(event: str, arguments: Sequence[Any]) -> None:
    """Refuse what the platform would: files of Linux, names and replaced open files of Windows."""
    global _looking
    if _looking or event not in ("open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir"):
        return
    path = arguments[0]
    if _is_hidden(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    if not _windows:
        return
    if event in ("os.mkdir", "os.rename", "open") and isinstance(path, str | os.PathLike):
        name = os.fsdecode(arguments[1] if event == "os.rename" else path)
        if _FORBIDDEN & set(name):
            raise OSError(errno.EINVAL, "The filename, directory name, or volume label is incorrect", name)
    if event in ("os.remove", "os.rename"):
        _looking = True
        try:
            held = _open_files()
        finally:
            _looking = False
        concerned = arguments[:2] if event == "os.rename" else arguments[:1]
        for name in map(os.path.abspath, map(os.fsdecode, concerned)):
            if any(held_name == name or held_name.startswith(f"{name}/") for held_name in held):
                raise PermissionError(errno.EACCES, "The process cannot access the open file", name)


def _open_files() -> set[str]:
    """Return the files that this process holds open or has mapped."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # of the listing itself
            found.add(str(link.readlink()))
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return found | {line.split(maxsplit=5)[5] for line in maps if "/" in line}
