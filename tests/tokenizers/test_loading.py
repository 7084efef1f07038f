import threading
from pathlib import Path

import pytest

from gpt_toolkit.io import cache_folder
from gpt_toolkit.tokenizers import ByteLevelBPE, ByteTokenizer, load_tokenizer, loading
from gpt_toolkit.tokenizers.loading import KNOWN_FILES, check_files, tokenizer_name


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_the_cache_folder_is_moved_by_the_environment(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.delenv("GPT_TOOLKIT_CACHE")
    assert cache_folder().name == "gpt-toolkit"


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"tokenizer: 'gpt3' \(did you mean gpt.*bytes, gpt1, gpt2, storyworld"
    ):
        load_tokenizer("gpt3")
    (tmp_path / "shakespeare").mkdir()
    with pytest.raises(FileNotFoundError, match="did you mean shakespeare"):
        load_tokenizer(tmp_path / "shakespear")


def test_an_empty_folder_is_refused_with_the_expected_files(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r": no tokenizer; expected tokenizer\.json, or vocab\.bpe and encoder\.json"
    ):
        load_tokenizer(tmp_path)


def test_half_a_pair_is_refused_with_the_missing_half(tmp_path: Path, gpt2_toy: dict[str, str]) -> None:
    del gpt2_toy["encoder.json"]
    write(tmp_path, gpt2_toy)
    for path in (tmp_path, tmp_path / "vocab.bpe"):
        with pytest.raises(FileNotFoundError, match=r": vocab\.bpe without encoder\.json; expected both"):
            load_tokenizer(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"notes.txt": "x"})
    with pytest.raises(ValueError, match=r"notes\.txt: not a tokenizer file; expected one of"):
        load_tokenizer(tmp_path / "notes.txt")


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match=r"tokenizer\.json: invalid byte at offset 7; expected UTF-8"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_json_of_any_name_is_read(tmp_path: Path, trained: ByteLevelBPE) -> None:
    write(tmp_path, {"mine.json": trained.files()["tokenizer.json"]})
    assert load_tokenizer(tmp_path / "mine.json").fingerprint == trained.fingerprint


def test_files_placed_by_hand_in_the_cache_are_found(
    cache: Path, gpt2_toy: dict[str, str], gpt1_toy: dict[str, str]
) -> None:
    write(cache / "tokenizers" / "gpt2", gpt2_toy)
    write(cache / "tokenizers" / "gpt1", gpt1_toy)
    assert load_tokenizer("gpt2").encode(" low") == [14]
    assert load_tokenizer("gpt1").encode("lower") == [14, 15]


def test_without_network_gpt2_says_where_to_place_its_files(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> bytes:
        raise ConnectionError

    monkeypatch.setattr("tiktoken.load.read_file_cached", offline)
    with pytest.raises(
        OSError, match=r"tokenizer: gpt2, not downloaded.*vocab\.bpe and encoder\.json.*cache/tokenizers/gpt2"
    ):
        load_tokenizer("gpt2")
    assert not (cache / "tokenizers").exists()


def test_gpt2_is_downloaded_once(
    cache: Path, gpt2_toy: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(address: str, _: str) -> bytes:
        fetched.append(address.rpartition("/")[2])
        return gpt2_toy[fetched[-1]].encode()

    monkeypatch.setattr("tiktoken.load.read_file_cached", fetch)
    first, second = load_tokenizer("gpt2"), load_tokenizer("gpt2")
    assert fetched == ["vocab.bpe", "encoder.json"]
    assert first.fingerprint == second.fingerprint
    assert [p.name for p in (cache / "tokenizers").iterdir()] == ["gpt2"]


def test_gpt1_says_where_to_place_its_files() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"vocab_40000.bpe.*finetune-transformer-lm.*cache/tokenizers/gpt1"
    ):
        load_tokenizer("gpt1")


def test_the_built_in_worlds_vocabulary_is_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tokenizer = load_tokenizer("storyworld")
    assert (tokenizer.vocab_size, tokenizer.end_of_text) == (4096, 4095)
    text = "Konrad went to the lighthouse.\n\nQ: Who is Vera? é\n"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert load_tokenizer(tokenizer.files()).fingerprint == tokenizer.fingerprint
    cut = tmp_path / "storyworld.json"
    cut.write_bytes(loading.STORYWORLD.read_bytes()[:-9])
    monkeypatch.setattr(loading, "STORYWORLD", cut)
    with pytest.raises(ValueError, match=r"storyworld\.json: changed content; expected the file that was"):
        load_tokenizer("storyworld")


# A checkpoint's tokenizer in the cache folder


@pytest.mark.parametrize("name", ["tokenizer.json", "checksums.json"])
def test_a_changed_byte_in_the_cache_is_named(name: str) -> None:
    path = Path(tokenizer_name(ByteTokenizer().files(), "model")) / name
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}: .*; delete the folder {path.parent} and run the same"):
        load_tokenizer(path.parent)
    path.unlink()
    if name == "tokenizer.json":
        with pytest.raises(ValueError, match=rf"^{path}: missing file"):
            load_tokenizer(path.parent)


def test_every_kind_of_tokenizer_has_only_known_files(
    trained: ByteLevelBPE, gpt1_toy: dict[str, str], gpt2_toy: dict[str, str]
) -> None:
    for tokenizer in (ByteTokenizer(), trained, load_tokenizer(gpt1_toy), load_tokenizer(gpt2_toy)):
        assert tokenizer.files().keys() <= set(KNOWN_FILES)
        folder = Path(tokenizer_name(tokenizer.files(), "model"))
        assert {path.name for path in folder.iterdir()} == {*tokenizer.files(), "checksums.json"}
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
    folder = Path(tokenizer_name(files, "model"))
    assert {path.name for path in folder.iterdir()} == {*files, "checksums.json"}


def test_files_whose_text_runs_together_do_not_share_a_folder() -> None:
    apart = {"merges.txt": "a", "vocab.json": "b"}
    together = {"merges.txt": "a\0vocab.json\0b"}
    assert tokenizer_name(apart, "model") != tokenizer_name(together, "model")
