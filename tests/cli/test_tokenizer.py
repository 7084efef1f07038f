import argparse
import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpt_toolkit.cli import tokenizer as command
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.tokenizers.loading import STORYWORLD

TEXT = "The sailor looked out. The little sailor didn't look back.\n" * 200


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def test_train_writes_a_tokenizer_and_says_what_comes_next(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made" / "vocabulary"
    assert run("train", text, "--vocab_size", 280, "--output", output) == 0
    said = capsys.readouterr().out
    assert "280 ids" in said
    assert "bytes a token" in said
    assert f"gpt-toolkit tokenizer encode {output}" in said
    assert load_tokenizer(output).decode(load_tokenizer(output).encode(TEXT)) == TEXT
    assert [p.name for p in output.parent.iterdir()] == ["vocabulary"]


def test_packed_files_and_folders_are_read_as_plain_ones(text: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder" / "inner"
    folder.mkdir(parents=True)
    with gzip.open(folder / "a.txt.gz", "wb") as file:
        file.write(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    (folder / "ignored.csv").write_text("zzz")
    assert "".join(command.read_chunks([str(tmp_path / "folder")])) == TEXT
    assert "".join(command.read_chunks([str(text)])) == TEXT


def test_records_are_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one "}\n{"text": ""}\n{"text": "two"}\n')
    assert list(command.read_chunks([str(tmp_path / "*.jsonl")])) == ["one ", "two"]


def test_long_texts_come_in_pieces_cut_between_words(tmp_path: Path) -> None:
    text = TEXT * 150
    (tmp_path / "long.txt").write_text(text)
    chunks = list(command.read_chunks([str(tmp_path)]))
    assert "".join(chunks) == text
    assert len(chunks) > 1
    assert all(chunk[0].isspace() for chunk in chunks[1:])


def test_an_existing_folder_is_kept_without_overwrite(text: Path, tmp_path: Path) -> None:
    output = tmp_path / "vocabulary"
    run("train", text, "--vocab_size", 280, "--output", output)
    with pytest.raises(FileExistsError, match=r"--output: .*vocabulary exists; expected a new folder"):
        run("train", text, "--vocab_size", 270, "--output", output)
    assert load_tokenizer(output).vocab_size == 280
    run("train", text, "--vocab_size", 270, "--output", output, "--overwrite")
    assert load_tokenizer(output).vocab_size == 270
    assert sorted(p.name for p in tmp_path.iterdir()) == ["text.txt", "vocabulary"]


def test_overwrite_never_replaces_what_is_not_a_vocabulary(text: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FileExistsError, match=r"--output: .* with text\.txt; expected a folder with a vocabulary alone"
    ):
        run("train", text, "--vocab_size", 280, "--output", tmp_path, "--overwrite")
    with pytest.raises(
        FileExistsError, match=r"--output: file .*; expected a folder with a vocabulary alone"
    ):
        run("train", text, "--vocab_size", 280, "--output", text, "--overwrite")
    assert text.read_text() == TEXT


def test_a_failed_training_leaves_nothing(text: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 257"):
        run("train", text, "--vocab_size", 10, "--output", tmp_path / "vocabulary")
    assert [p.name for p in tmp_path.iterdir()] == ["text.txt"]


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"FILE: '.*nothing\.txt' not found in .*; expected a file or"
    ):
        list(command.read_chunks([str(tmp_path / "nothing.txt")]))
    with pytest.raises(FileNotFoundError, match=r"no file in .*; expected some ending in \.txt, \.txt\.gz"):
        list(command.read_chunks([str(tmp_path)]))


def test_text_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Führer".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt: byte 0x.. at offset .*iconv"):
        list(command.read_chunks([str(tmp_path)]))


def test_encode_prints_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encode", "bytes", "hé") == 0
    assert capsys.readouterr().out == "104 195 169\n"


def test_encode_prints_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    run("encode", "bytes", "h\né", "--pieces")
    assert capsys.readouterr().out == "104\t'h'\n10\t'\\n'\n195\tb'\\xc3'\n169\tb'\\xa9'\n"


def test_encode_reads_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"hi\n")))
    run("encode", "bytes")
    assert capsys.readouterr().out == "104 105 10\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a\xff")))
    with pytest.raises(ValueError, match="standard input: invalid byte at offset 1; expected UTF-8"):
        run("encode", "bytes")


def test_decode_prints_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decode", "bytes", 104, 105) == 0
    assert capsys.readouterr().out == "hi\n"
    with pytest.raises(ValueError, match="token id: 300"):
        run("decode", "bytes", 300)


def test_the_built_in_worlds_vocabulary_is_remade_by_its_command(tmp_path: Path) -> None:
    assert run("train", "storyworld", "--vocab_size", 4096, "--output", tmp_path / "made") == 0
    shipped = load_tokenizer("storyworld")
    assert load_tokenizer(tmp_path / "made").fingerprint == shipped.fingerprint
    made = (tmp_path / "made" / "tokenizer.json").read_text(encoding="utf-8")
    assert made == STORYWORLD.read_text(encoding="utf-8")
