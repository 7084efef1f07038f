"""A model folder of a small decoder."""

from pathlib import Path

import pytest

from gpt_toolkit.checkpoints import write_model_folder
from tests.small_decoder import small_decoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    decoder = small_decoder()
    write_model_folder(tmp_path / "model", decoder.config, decoder.state_dict(), {"merges.txt": "#version"})
    return tmp_path / "model"
