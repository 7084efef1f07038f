"""Fixtures of all tests."""

import os
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
