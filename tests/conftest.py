"""Fixtures of all tests."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# LightningCLI 2.6 makes calls that jsonargparse 4.49 and later call deprecated
os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of real data next to the project."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the real data; not found: {folder}")
        pytest.skip(f"no shared data in {folder}")
    return folder


@pytest.fixture(autouse=True)
def no_process_group_is_left() -> Iterator[None]:
    """Fail if a test leaves a process group, which would make every later Trainer distributed."""
    yield
    distributed = sys.modules.get("torch.distributed")
    assert distributed is None or not distributed.is_initialized()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("GPT_TOOLKIT_GIGATOKEN", "0")  # tiktoken, the default; its own tests allow gigatoken
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file below ``tmp_path`` and return its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
