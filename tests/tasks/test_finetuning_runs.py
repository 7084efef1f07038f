"""Fine-tuning on the command line: from a labeled file or a real dataset to scores and predictions."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lightning.pytorch import seed_everything

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer

ROWS = "text,label\n" + "".join(f"row {i} is {['good', 'bad'][i % 2]},{'ab'[i % 2]}\n" for i in range(60))

Told = tuple[int, str, str]


@pytest.fixture
def tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Told]:
    """Run a verb on text/finetune with a tiny model: return exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    seed_everything(0, verbose=False)
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "vocab_size": 257, "n_ctx": 32}
    LanguageModel(Decoder(DecoderConfig.from_fields(shape)), load_tokenizer("bytes")).save("model")
    Path("rows.csv").write_text(ROWS, encoding="utf-8")
    common = ["--config", "text/finetune", "--model.init_from", "model", "--data.n_ctx", "32"]
    common += ["--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.precision", "32-true"]

    def run(verb: str, *options: object) -> Told:
        capsys.readouterr()
        code = main([verb, *common, *map(str, options)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_rows_become_a_run_scores_and_predictions(tell: Callable[..., Told]) -> None:
    code, out, err = tell("fit", "--data.sets", "rows.csv", "--trainer.max_epochs", 2)
    assert code == 0, err
    assert "val_rows_accuracy" in out
    assert err.count("labels found, in this order: a, b") == 1
    # the tokenizer is that of the checkpoint, which is found in the run's folder
    best = ("--data.sets", "rows.csv", "--ckpt_path", "best")
    code, out, err = tell("test", *best)
    assert code == 0, err
    assert re.search(r"val_rows_accuracy +\d\.\d+ \+- \d\.\d+", out)
    code, out, err = tell("predict", *best)
    assert code == 0, err
    lines = [json.loads(line) for line in Path("runs/finetune/predictions.jsonl").read_text().splitlines()]
    assert sorted(line["example"] for line in lines) == list(range(len(lines)))
    assert {line["prediction"] for line in lines} <= {"a", "b"}
    assert "GLUE" not in out


def test_a_model_that_was_handed_on_scores_and_predicts_other_files(tell: Callable[..., Told]) -> None:
    Path("items.csv").write_text(ROWS, encoding="utf-8")
    code, _, err = tell("fit", "--data.sets", "items.csv", "--trainer.max_epochs", 1)
    assert code == 0, err
    Path("items.csv").unlink()
    Path("a.b.csv").write_text("text,label\n" + "row 7 is bad,b\n" * 5 + "row,a\nrow,\n", encoding="utf-8")
    code, out, err = tell("test", "--data.sets", "a.b.csv", "--ckpt_path", "best")
    assert code == 0, err
    assert "a_b: scored by the head of items, the only one of the checkpoint" in err
    assert "a_b: not a file that the checkpoint was trained on, so all examples are scored" in err
    counts = "a_b: 6 examples of test (a 1, b 5); majority rate 0.8333; left out: 1 without a label"
    assert out.splitlines()[-4] == counts
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["true", "a", "b"]
    written = json.loads(Path("runs/finetune/test.json").read_text(encoding="utf-8"))
    assert written["datasets"]["a_b"]["class_counts"] == {"a": 1, "b": 5}
    matrix = written["datasets"]["a_b"]["confusion_matrix"]
    assert {label: sum(row.values()) for label, row in matrix.items()} == {"a": 1, "b": 5}
    code, _, err = tell("predict", "--data.sets", "a.b.csv", "--ckpt_path", "best")
    assert code == 0, err
    lines = [json.loads(line) for line in Path("runs/finetune/predictions.jsonl").read_text().splitlines()]
    right = [line["prediction"] == line["target"] for line in lines if "target" in line]
    assert written["metrics"]["test_a_b_accuracy"] == pytest.approx(sum(right) / 6)
    for line in lines:
        assert sum(line["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)
        assert line["prediction"] == max(line["probabilities"], key=line["probabilities"].get)
        assert line["texts"] in (["row 7 is bad"], ["row"])


@pytest.mark.parametrize(
    ("verb", "content", "message"),
    [
        ("test", "text,label\nA.,c\n", "new.csv, line 2: label 'c'; expected a, b; the head of rows has not"),
        ("test", "text\nA.\n", "new (new.csv): no test example has a label; expected a column of labels in"),
        ("validate", "text\nA.\n", "new.csv, line 2: no label; expected a, b"),
        (
            "predict",
            "premise,hypothesis,label\nA.,B.,a\n",
            "new (new.csv): 2 texts in an example; expected 1",
        ),
    ],
)
def test_files_that_a_model_cannot_score_are_refused_in_one_line(
    verb: str, content: str, message: str, tell: Callable[..., Told]
) -> None:
    code, _, err = tell("fit", "--data.sets", "rows.csv", "--trainer.max_steps", 1)
    assert code == 0, err
    Path("new.csv").write_text(content, encoding="utf-8")
    code, out, err = tell(verb, "--data.sets", "new.csv", "--ckpt_path", "last")
    assert (code, out) == (1, "")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err


def test_several_seeds_are_several_runs_and_one_table(tell: Callable[..., Told]) -> None:
    code, out, err = tell("fit", "--data.sets", "rows.csv", "--trainer.max_epochs", 1, "--seeds", 2)
    assert code == 0, err
    assert re.search(r"val_rows_accuracy +\d\.\d+ \+- \d\.\d+  \(median \d\.\d+\)", out)
    assert {path.name for path in Path("runs/finetune").iterdir()} == {"seed-0", "seed-1"}


@pytest.mark.parametrize(
    ("added", "options", "message"),
    [
        (
            "strange,c\n",
            "labels: [a, b]",
            "rows.csv, line 62: label 'c'; expected a, b",
        ),
        (",a\n", "", "rows.csv, line 62: the text is empty"),
        ("no label,\n", "", "rows.csv, line 62"),
        ("too,many,fields\n", "", "rows.csv, line 62: 3 fields, beginning with 'too,many,fields'; expected"),
        ('"broken quote,b\n', "", "rows.csv, line 62: broken record"),
        ("", "label: class", "rows.csv: label: no column 'class'; expected one of text, label"),
        ("", "header: false, text: 1, label: 2", "rows.csv, line 1: label 'label' of no other example"),
        ("", "val: other.csv", "other.csv, line 2: label 'x'; expected a, b"),
    ],
)
def test_bad_rows_are_refused_in_one_line_with_file_and_line(
    added: str, options: str, message: str, tell: Callable[..., Told]
) -> None:
    Path("rows.csv").write_text(ROWS + added, encoding="utf-8")
    Path("other.csv").write_text("text,label\nA.,x\n", encoding="utf-8")
    code, _, err = tell("fit", "--data.sets", f"{{train: rows.csv, {options}}}")
    assert code == 1
    assert message in err.splitlines()[-1]
    assert not Path("runs").exists()


def test_a_set_that_training_never_sees_is_refused(tell: Callable[..., Told]) -> None:
    code, _, err = tell("fit", "--data.sets", "[rows.csv, {name: more, val: rows.csv}]")
    assert code == 1
    assert "more (rows.csv): no training examples (only val); expected some" in err


def test_bom_crlf_and_a_text_that_is_too_long_are_read(tell: Callable[..., Told]) -> None:
    rows = ROWS + "long " * 30 + ",a\n"
    Path("rows.csv").write_bytes(b"\xef\xbb\xbf" + rows.replace("\n", "\r\n").encode())
    code, _, err = tell("fit", "--data.sets", "rows.csv", "--trainer.max_steps", 1)
    assert code == 0, err
    assert re.search(r"train: 1 of \d+ examples are truncated to 32 tokens", err), err
    assert "labels found, in this order: a, b" in err


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")
def test_a_backbone_of_novels_learns_the_tone_of_real_sentences(
    shared_data: Path, tell: Callable[..., Told]
) -> None:
    """Fine-tune on SST-2, of whose 1,821 test examples 909 are positive; takes a minute on two cores."""
    shape = ("--model.decoder", "{n_layer: 2, n_head: 4, n_embd: 128}", "--data.n_ctx", 128)
    steps = ("--trainer.max_steps", 300, "--trainer.val_check_interval", 300, "--data.batch_size", 16)
    novel = str(shared_data / "books" / "train" / "Hardy_Tess_1891.txt.gz")
    words = ("--data.tokenizer", "train:2048", "--data.val_fraction", 0.02, "--samples.max_new_tokens", 5)
    run = ("--trainer.default_root_dir", "novel", "--trainer.accelerator", "cpu")
    pretrain = ["fit", "--config", "text/novels", "--data.files", novel, *shape, *steps, *words, *run]
    assert main([*map(str, pretrain)]) == 0
    sets: tuple[object, ...] = ("--data.sets", "sst2", "--data.root", shared_data, "--data.n_ctx", 64)
    sets += ("--model.init_from", "novel/model", "--trainer.precision", "bf16-mixed")
    code, _, err = tell("fit", *sets, "--trainer.max_epochs", 1)
    assert code == 0, err
    code, out, err = tell("test", *sets, "--ckpt_path", "best")
    assert code == 0, err
    [accuracy] = re.findall(r"test_sst2_accuracy +(\S+)", out)
    assert float(accuracy) > 0.60  # guessing gives 0.50 with an interval of 0.023
