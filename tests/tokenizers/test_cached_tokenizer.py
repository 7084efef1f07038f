"""A checkpoint's tokenizer in the cache folder."""

import threading
from pathlib import Path

import pytest

from gpt_toolkit.tokenizers import ByteLevelBPE, ByteTokenizer, load_tokenizer
from gpt_toolkit.tokenizers.loading import KNOWN_FILES, check_files, tokenizer_name


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_every_kind_of_tokenizer_has_only_known_files(
    trained: ByteLevelBPE, gpt1_toy: dict[str, str], gpt2_toy: dict[str, str]
) -> None:
    for tokenizer in (ByteTokenizer(), trained, load_tokenizer(gpt1_toy), load_tokenizer(gpt2_toy)):
        assert tokenizer.files().keys() <= set(KNOWN_FILES)
        folder = Path(tokenizer_name(tokenizer.files(), "model"))
        assert {path.name for path in folder.iterdir()} == tokenizer.files().keys()
        assert load_tokenizer(folder).fingerprint == tokenizer.fingerprint
    for files in (gpt1_toy, gpt2_toy):
        assert load_tokenizer(tokenizer_name(files, "model")).files() == load_tokenizer(files).files()


@pytest.mark.parametrize(
    "name", ["", ".", "tokenizer.json\n", "Tokenizer.json", "tokenizer.json ", "pytorch_model.bin", "a\nb"]
)
def test_an_unknown_name_is_refused_in_one_line_before_anything_is_written(name: str, cache: Path) -> None:
    with pytest.raises(
        ValueError, match=r"\Amodel: tokenizer file '[^\n]*'; expected only [^\n]*\Z"
    ) as caught:
        tokenizer_name({**ByteTokenizer().files(), name: "x"}, "model")
    assert repr(name) in str(caught.value)
    assert not cache.exists()
    with pytest.raises(ValueError, match="the given files: tokenizer file"):
        load_tokenizer({**ByteTokenizer().files(), name: "x"})


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(ValueError, match="tokenizer file 'xxx") as caught:
        check_files({"x" * 100_000: ""}, "model")
    assert len(str(caught.value)) < 400


def test_links_in_the_cache_folder_are_replaced_and_never_followed(tmp_path: Path) -> None:
    files = ByteTokenizer().files()
    folder = Path(tokenizer_name(files, "model"))
    target = tmp_path / "precious"
    target.write_text("belongs to the user", encoding="utf-8")
    for name in files:
        (folder / name).unlink()
        for link in (folder / name, folder / f"{name}.partial"):
            link.symlink_to(target)
    assert tokenizer_name(files, "model") == str(folder)
    assert target.read_text(encoding="utf-8") == "belongs to the user"
    for name, content in files.items():
        assert not (folder / name).is_symlink()
        assert (folder / name).read_text(encoding="utf-8") == content


def test_writers_side_by_side_leave_whole_files_and_nothing_else() -> None:
    files = {**ByteTokenizer().files(), "merges.txt": "#version: 0.2\n" * 100_000}
    start, errors = threading.Barrier(8), list[BaseException]()

    def write() -> None:
        start.wait()
        try:
            for _ in range(5):
                folder = Path(tokenizer_name(files, "model"))
                assert {name: (folder / name).read_text(encoding="utf-8") for name in files} == files
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    assert {path.name for path in Path(tokenizer_name(files, "model")).iterdir()} == files.keys()


def test_files_whose_text_runs_together_do_not_share_a_folder() -> None:
    apart = {"merges.txt": "a", "vocab.json": "b"}
    together = {"merges.txt": "a\0vocab.json\0b"}
    assert tokenizer_name(apart, "model") != tokenizer_name(together, "model")
