"""Invalid sources and failures: a clear message, nothing half-written, the source unchanged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.checkpoints import LazyTensor, conversion, hf_folder
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import LanguageModel
from tests.checkpoints.layouts import SHAPES, Probe, nanogpt_content, random_decoder, write_openai_gpt2


def state_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def src(tmp_path: Path) -> Path:
    LanguageModel(random_decoder("pre", SHAPES[2])).save(tmp_path / "src")
    return tmp_path / "src"


def refused(src: Path | str, dst: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return the message of a refused conversion: one line; nothing may be left of DST."""
    before = state_of(Path(src)) if Path(src).is_dir() else {}
    beside = set(dst.parent.iterdir())
    capsys.readouterr()
    assert main(["convert", str(src), str(dst), *options]) == 1
    message = capsys.readouterr().err
    assert message.startswith("gpt-toolkit: ")
    assert message.count("\n") == 1
    assert set(dst.parent.iterdir()) == beside
    if before:
        assert state_of(Path(src)) == before
    return message


def test_a_truncated_file_is_refused(src: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = src / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "expected a complete safetensors file" in refused(src, src.parent / "dst", capsys)


def test_a_pickle_with_code_is_refused_and_never_run(
    tmp_path: Path, src: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content: dict[str, Any] = nanogpt_content(random_decoder("pre", SHAPES[1]))
    torch.save(content | {"probe": Probe(tmp_path / "was-run")}, tmp_path / "ckpt.pt")
    assert "nothing was run" in refused(tmp_path / "ckpt.pt", tmp_path / "dst", capsys)
    (src / "model.safetensors").unlink()
    torch.save({"probe": Probe(tmp_path / "was-run")}, src / "pytorch_model.bin")
    assert "nothing was run" in refused(src, tmp_path / "dst", capsys)
    assert not (tmp_path / "was-run").exists()


def test_an_existing_folder_is_replaced_only_with_overwrite(
    src: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dst = src.parent / "dst"
    LanguageModel(random_decoder("post", SHAPES[0])).save(dst)
    before = state_of(dst)
    assert "dst: exists; expected a new folder" in refused(src, dst, capsys)
    assert state_of(dst) == before
    assert main(["convert", str(src), str(dst), "--overwrite"]) == 0
    assert state_of(dst)["model.safetensors"] == state_of(src)["model.safetensors"]
    assert sorted(path.name for path in src.parent.iterdir()) == ["dst", "src"]


def test_the_source_is_never_written_to(src: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "which is SRC; expected another folder" in refused(src, src, capsys, "--overwrite")
    assert "which is SRC; expected another folder" in refused(src, src / ".." / "src", capsys, "--overwrite")
    assert "inside SRC; expected a folder elsewhere" in refused(src, src / "inside", capsys)
    torch.save(nanogpt_content(random_decoder("pre", SHAPES[1])), src / "ckpt.pt")
    assert "which contains SRC; expected a folder elsewhere" in refused(
        src / "ckpt.pt", src, capsys, "--overwrite"
    )


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_full_disk_leaves_nothing(
    overwrite: bool, src: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dst = src.parent / "dst"
    if overwrite:
        LanguageModel(random_decoder("post", SHAPES[0])).save(dst)
    before = state_of(dst)
    read = LazyTensor.read
    n_written = 0

    def full(tensor: LazyTensor) -> Any:
        nonlocal n_written
        n_written += 1
        if n_written > 5:
            raise OSError(28, "No space left on device")
        return read(tensor)

    monkeypatch.setattr(LazyTensor, "read", full)
    options = ["--overwrite"] if overwrite else []
    message = refused(src, dst, capsys, *options)
    assert "dst: No space left on device; expected" in message
    assert state_of(dst) == before


@pytest.mark.parametrize("stage", ["write_model_files", "compare", "write_json"])
def test_ctrl_c_leaves_nothing_at_any_stage(
    stage: str, src: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"gpt_toolkit.checkpoints.conversion.{stage}", interrupted)
    before = state_of(src)
    assert main(["convert", str(src), str(src.parent / "dst")]) == 130
    assert [path.name for path in src.parent.iterdir()] == ["src"]
    assert state_of(src) == before


def test_damage_that_shows_in_the_middle_of_writing_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    src = write_openai_gpt2(tmp_path / "src", random_decoder("pre", SHAPES[2]))
    data = src / "model.ckpt.data-00000-of-00001"
    whole = data.read_bytes()
    data.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
    assert "; expected the stored one; the file is damaged" in refused(src, tmp_path / "dst", capsys)


def test_a_source_that_changes_meanwhile_is_reported(
    src: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = hf_folder.write_model_files

    def write_and_touch(*arguments: Any, **options: Any) -> None:
        written(*arguments, **options)
        os.utime(src / "model.safetensors", ns=(1, 1))

    monkeypatch.setattr(conversion, "write_model_files", write_and_touch)
    assert "changed during the conversion" in refused(src, src.parent / "dst", capsys)


def test_a_result_that_is_not_the_sources_equal_is_not_kept(
    src: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = hf_folder.write_model_files

    def swapped(folder: Path, config: Any, tensors: Any, *arguments: Any, **options: Any) -> None:
        wrong = dict(tensors) | {"h.0.ln_1.weight": tensors["h.0.ln_2.weight"]}
        written(folder, config, wrong, *arguments, **options)

    monkeypatch.setattr(conversion, "write_model_files", swapped)
    assert "expected the source's, so nothing was written" in refused(src, src.parent / "dst", capsys)


def test_weights_that_a_type_cannot_hold_are_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decoder = random_decoder("pre", SHAPES[1])
    with torch.no_grad():
        decoder.wte.weight[0, 0] = 1e6
    LanguageModel(decoder).save(tmp_path / "src")
    message = refused(tmp_path / "src", tmp_path / "dst", capsys, "--dtype", "float16")
    assert "--dtype: float16, in which the logits are not finite" in message
    assert main(["convert", str(tmp_path / "src"), str(tmp_path / "dst"), "--dtype", "bfloat16"]) == 0
