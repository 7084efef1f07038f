"""Every shipped config gives the recorded settings."""

from pathlib import Path

import pytest

from tests.golden.record_texts import config_names, config_values, read

RECORDED = read("configs")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, where no file has the name of a config."""
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_the_same_configs_are_shipped() -> None:
    assert config_names() == list(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_config_prints_the_recorded_settings(name: str) -> None:
    assert config_values(name) == RECORDED[name]
