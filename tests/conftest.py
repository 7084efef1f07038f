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
    """The folder of real data beside the project."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on real data, but there is none in {folder}")
        pytest.skip(f"no shared data in {folder}")
    return folder


@pytest.fixture(autouse=True)
def no_process_group_is_left() -> Iterator[None]:
    """A group that one test leaves behind makes each later Trainer of the same process one of many."""
    yield
    distributed = sys.modules.get("torch.distributed")
    assert distributed is None or not distributed.is_initialized()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
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
