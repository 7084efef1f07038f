import gzip
import json
from pathlib import Path

import pytest

from benchmarks import corpus
from benchmarks.prepare import ALONE, FAST_ALONE, NANO, OURS, OURS_FAST, READING, main
from benchmarks.ratios import read


@pytest.mark.filterwarnings("ignore")  # datasets'
def test_a_quick_run_measures_all_on_the_same_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gigatoken")
    monkeypatch.setenv("GPT_TOOLKIT_GIGATOKEN", "1")
    assert main(["--quick", "--threads", "1", "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    speed = report["mb_per_second"]
    assert speed.keys() == {OURS, OURS_FAST, ALONE, FAST_ALONE, NANO, READING}
    assert report["ratio"][NANO] == pytest.approx(speed[OURS] / speed[NANO])
    once, more = report["ten_times"].values()
    assert more["mb"] == pytest.approx(10 * once["mb"], rel=0.02)
    assert report["memory_growth"] == pytest.approx(more["memory_mb"] / once["memory_mb"])
    assert report["setting"]["text"] == "storyworld"
    assert [ratio.what for ratio in read("prepare", report)] == [
        "prepare, to tiktoken alone",
        "prepare with gigatoken, to tiktoken alone",
        "prepare, to nanoGPT's way",
        "prepare with gigatoken, to gigatoken alone",
        "prepare, memory on ten times the text",
    ]
    assert "storyworld" in capsys.readouterr().out


def test_given_files_are_read_with_line_feeds_alone(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    (tmp_path / "given" / "b.txt.gz").write_bytes(gzip.compress(b"three\rfour"))
    setting = corpus.unpack([tmp_path / "given"], tmp_path / "text", 0)
    assert [path.read_bytes() for path in sorted((tmp_path / "text").iterdir())] == [
        b"one\ntwo",
        b"three\nfour",
    ]
    assert setting == {"text": "2 files", "mb": 17e-6, "files": 2}
    with pytest.raises(FileNotFoundError, match=r"expected \.txt or \.txt\.gz files"):
        corpus.unpack([tmp_path / "text" / ".." / "empty"], tmp_path / "other", 0)


def test_a_larger_text_repeats_with_changes(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {i} has words enough to be changed here and there, or so." for i in range(30)]
    (tmp_path / "text").mkdir()
    corpus.write(tmp_path / "text" / "a.txt", "\n\n".join(paragraphs))
    corpus.enlarge(tmp_path / "text", tmp_path / "larger", 3)
    parts = (tmp_path / "larger" / "a.txt").read_text(encoding="utf-8").split("\n\n")
    assert len(parts) == 3 * 30 + 1
    thirds = [parts[i : i + 30] for i in (0, 30, 60)]
    assert thirds[0] != thirds[1] != thirds[2]
    assert sum(part in paragraphs for part in parts) < 45  # most have a word of another
