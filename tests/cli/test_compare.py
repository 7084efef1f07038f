"""``gpt-toolkit compare``: runs are grouped, paired and refused; results of examples are paired."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer

Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tell:
    monkeypatch.setenv("GPT_TOOLKIT_TRACEBACK", "")

    def tell(*arguments: object) -> tuple[int, str, str]:
        code = main(["compare", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return tell


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make the folder of a run as ``fit`` writes it."""

    def make(
        name: str, losses: dict[int, float], seed: int = 0, lr: float = 0.1, seconds: float = 2.0, **data: Any
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        config: dict[str, Any] = {
            "seed_everything": seed,
            "trainer": {"max_steps": 30, "limit_val_batches": 5, "default_root_dir": str(folder)},
            "model": {
                "class_path": "gpt_toolkit.PretrainTask",
                "init_args": {
                    "optimizer": {"class_path": "gpt_toolkit.optim.AdamW", "init_args": {"lr": lr}}
                },
            },
            "data": {
                "class_path": "gpt_toolkit.CorpusDataModule",
                "init_args": {"files": "a.txt", "n_ctx": 32, "batch_size": 4, "seed": seed, **data},
            },
            "checkpoints": {"monitor": "val_loss", "mode": "min"},
            "samples": {"prompt": name},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        rows = [f"{step},5.0,{seconds},{loss}" for step, loss in losses.items()]
        text = "\n".join(["step,train_loss,cpu_seconds,val_loss", *rows]) + "\n"
        (folder / "metrics.csv").write_text(text, encoding="utf-8")
        return folder

    return make


def curve(*losses: float) -> dict[int, float]:
    return {10 * i: loss for i, loss in enumerate(losses, start=1)}


def numbers(path: Path) -> dict[str, list[dict[str, Any]]]:
    report = json.loads(path.read_text(encoding="utf-8"))
    return {each["quantity"]: each["models"] for each in report["comparisons"]}


def test_seeds_are_paired_and_a_difference_is_found(tell: Tell, make: Make, tmp_path: Path) -> None:
    for seed, (a, b) in enumerate([(3.1, 3.0), (3.3, 3.19), (2.9, 2.81), (3.0, 2.9)]):
        make(f"a/seed-{seed}", curve(5.0, 4.0, a), seed=seed)
        make(f"b/seed-{seed}", curve(5.0, 4.0, b), seed=seed, lr=0.2, seconds=1.0)
    code, out, _ = tell(tmp_path / "a", tmp_path / "b", "--seeds", 4, "--output", tmp_path / "c.json")
    assert code == 0
    found = numbers(tmp_path / "c.json")
    first, second = found["best val_loss"]
    assert (first["value"], second["value"]) == pytest.approx((3.075, 2.975))
    assert second["difference"]["value"] == pytest.approx(-0.1)
    assert second["difference"]["n"] == 4
    assert second["verdict"] == "better"
    # the target is the worst best value, 3.3; a's first seed falls from 4.0 at 20 to 3.1 at 30
    assert found["steps to val_loss 3.3000"][0]["value"] == pytest.approx(
        20 + 10 * (0.7 / 0.9 + 1 + 0.7 / 1.1 + 0.7) / 4
    )
    seconds = [model["value"] for model in found["CPU seconds to val_loss 3.3000"]]
    steps_a, steps_b = (model["value"] for model in found["steps to val_loss 3.3000"])
    assert seconds == pytest.approx([steps_a / 5, steps_b / 10])
    assert "A -> B: model.optimizer.lr 0.1 -> 0.2" in out
    assert "adjusted by Holm for 3 differences" in out


def test_another_class_is_named_without_its_module(tell: Tell, make: Make) -> None:
    a, b = make("a", curve(5.0, 4.0)), make("b", curve(5.0, 3.0))
    config = (b / "config.yaml").read_text(encoding="utf-8").replace("optim.AdamW", "optim.Muon")
    (b / "config.yaml").write_text(config, encoding="utf-8")
    code, out, _ = tell(a, b)
    assert code == 0
    assert "A -> B: model.optimizer AdamW -> Muon\n" in out


def test_a_score_is_better_if_it_is_higher(tell: Tell, make: Make, tmp_path: Path) -> None:
    for name, lr in (("a", 0.1), ("b", 0.2)):
        for seed in range(4):
            scores = curve(0.2, 0.5 + lr + seed / 100 + lr * seed / 100, 0.4)
            folder = make(f"{name}/seed-{seed}", scores, seed=seed, lr=lr)
            for file in ("config.yaml", "metrics.csv"):
                text = (folder / file).read_text(encoding="utf-8")
                text = text.replace("val_loss", "val_score").replace("mode: min", "mode: max")
                (folder / file).write_text(text, encoding="utf-8")
    assert tell(tmp_path / "a", tmp_path / "b", "--output", tmp_path / "c.json")[0] == 0
    found = numbers(tmp_path / "c.json")
    _, model = found["best val_score"]
    assert model["value"] == pytest.approx(0.718)
    assert model["verdict"] == "better"
    assert found["steps to val_score 0.6000"][1]["verdict"] == "better"


def test_noise_is_not_called_a_difference(tell: Tell, make: Make, tmp_path: Path) -> None:
    for seed, (a, b) in enumerate([(3.1, 3.0), (3.3, 3.39), (2.9, 2.81)]):
        make(f"a/seed-{seed}", curve(5.0, 4.0, a), seed=seed)
        make(f"b/seed-{seed}", curve(5.0, 4.0, b), seed=seed, lr=0.2)
    code, out, _ = tell(tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert "better" not in out.replace("is better", "")
    assert out.count("not distinguishable") == 3 + 1  # three tables, and the note


def test_single_runs_have_no_noise_to_compare_with(tell: Tell, make: Make) -> None:
    a, b = make("a", curve(5.0, 4.0)), make("b", curve(5.0, 3.0), lr=0.2)
    code, out, _ = tell(a, b)
    assert code == 0
    assert "one seed each: the noise of a run is unknown; train with fit --seeds 5" in out
    assert "unknown" in out
    assert "not distinguishable" in out


def test_a_run_that_never_reaches_the_target_says_so(tell: Tell, make: Make) -> None:
    a, b = make("a", curve(5.0, 4.0)), make("b", curve(5.0, 3.0), lr=0.2)
    code, out, _ = tell(a, b, "--target", 3.5)
    assert code == 0
    assert "not reached" in out
    assert "A: 1 of 1 runs never reach it" in out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"files": "b.txt"}, "data.files: 'a.txt' in .*a, 'b.txt' in .*b; expected the same"),
        ({"n_ctx": 64}, "data.n_ctx: 32 in .*a, 64 in .*b; expected the same"),
        ({"lr": 0.1, "seed": 1}, "one configuration; expected at least two"),
        ({"lr": 0.1}, "same settings and seed as .*a; expected another"),
    ],
)
def test_runs_that_do_not_compare_are_refused(
    tell: Tell, make: Make, settings: dict[str, Any], message: str
) -> None:
    a, b = make("a", curve(5.0, 4.0)), make("b", curve(5.0, 3.0), **({"lr": 0.2} | settings))
    code, out, err = tell(a, b)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert re.search(message, err), err


def test_other_wrong_arguments_are_refused_in_one_line(tell: Tell, make: Make, tmp_path: Path) -> None:
    a, b = make("a", curve(5.0, 4.0)), make("b", curve(5.0, 3.0), lr=0.2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "rows.jsonl").write_text('{"correct": true}\n', encoding="utf-8")
    for arguments, message in (
        ((a, tmp_path / "none"), "none: no such file or folder"),
        ((a, tmp_path / "empty"), "empty: no config.yaml; expected the folder of a run of fit"),
        ((a, tmp_path / "rows.jsonl"), "a folder and a file"),
        ((tmp_path / "rows.jsonl",), "one file; expected at least two"),
        ((a, b, "--metric", "val_lost"), "no val_lost in metrics.csv; expected one of val_loss"),
        ((a, b, "--seeds", 3), "1 seeds in common with .*a; expected at least 3"),
    ):
        code, out, err = tell(*arguments)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert re.search(message, err), err


# Results of examples


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def answers(right: str, benchmark: str = "b", **fields: Any) -> list[dict[str, Any]]:
    names = {"benchmark": benchmark, "protocol": "paper-1"}
    return [
        {**names, "row": i, "item": f"{i:08x}", "correct": mark == "1", **fields}
        for i, mark in enumerate(right)
    ]


def test_answers_are_paired_example_by_example(tell: Tell, tmp_path: Path) -> None:
    one = write_rows(tmp_path / "one.jsonl", answers("1" * 50 + "0" * 10 + "1" * 2))
    two = write_rows(tmp_path / "two.jsonl", answers("1" * 50 + "1" * 10 + "0" * 2))
    code, out, _ = tell(one, two, "--output", tmp_path / "c.json")
    assert code == 0
    [(quantity, [_, model])] = numbers(tmp_path / "c.json").items()
    assert quantity == "b/paper-1: accuracy"
    assert model["value"] == pytest.approx(60 / 62)
    assert (model["difference"]["test"], model["verdict"]) == ("McNemar's", "better")
    assert "McNemar's" in out


def test_running_text_and_predictions_are_paired_too(tell: Tell, tmp_path: Path) -> None:
    files = []
    for name, factor in (("one", 1.0), ("two", 0.9)):
        windows = [
            {"ids": [1, 2], "tokens": ["a", "b"], "nll": [factor * (2.0 + i / 50), 3.0 * factor]}
            for i in range(9)
        ]
        files.append(write_rows(tmp_path / f"{name}.jsonl", windows))
    assert tell(*files, "--output", tmp_path / "c.json")[0] == 0
    [(quantity, models)] = numbers(tmp_path / "c.json").items()
    assert quantity == "nats per token"
    assert models[1]["verdict"] == "better"
    assert models[0]["value"] == pytest.approx((2.08 + 3.0) / 2)


def test_predictions_are_paired_by_example_in_any_order(tell: Tell, tmp_path: Path) -> None:
    one = [
        {"dataset": "d", "example": i, "prediction": "yes", "target": "yes" if i % 4 else "no"}
        for i in range(40)
    ]
    two = [row | {"prediction": row["target"]} for row in reversed(one)]
    files = [write_rows(tmp_path / f"{name}.jsonl", rows) for name, rows in (("1", one), ("2", two))]
    assert tell(*files, "--output", tmp_path / "c.json")[0] == 0
    [(quantity, models)] = numbers(tmp_path / "c.json").items()
    assert (quantity, models[0]["value"], models[1]["value"]) == ("d: accuracy", 0.75, 1.0)
    grades = [{"dataset": "s", "example": i, "prediction": 1.5, "target": float(i)} for i in range(4)]
    file = write_rows(tmp_path / "g.jsonl", grades)
    assert tell(file, file, "--output", tmp_path / "c.json")[0] == 0
    [(quantity, models)] = numbers(tmp_path / "c.json").items()
    assert (quantity, models[0]["value"], models[1]["verdict"]) == (
        "s: absolute error",
        1.0,
        "not distinguishable",
    )


def test_rows_of_zero_shot_are_paired(tell: Tell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real rows of two models: every benchmark has a quantity, and other examples are refused."""
    options = ["--benchmarks", "storyworld:last_word,storyworld:text,storyworld:pronouns", "--limit"]
    for name, n_layer, limit in (("a", 1, 4), ("b", 2, 4), ("c", 2, 3)):
        torch.manual_seed(n_layer)
        decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=64, n_layer=n_layer, n_head=2, n_embd=16))
        LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / name)
        rows = ["--rows", str(tmp_path / f"{name}.jsonl"), "--protocols", "lm-eval"]
        assert main(["zero-shot", str(tmp_path / name), *options, str(limit), *rows]) == 0
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    items = [row["item"] for row in map(json.loads, lines) if row["benchmark"] == "storyworld:last_word"]
    assert len(set(items)) == 4  # checksums
    capsys.readouterr()
    code, _, _ = tell(tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--output", tmp_path / "c.json")
    assert code == 0
    assert list(numbers(tmp_path / "c.json")) == [
        "storyworld:last_word/lm-eval-1: accuracy",
        "storyworld:last_word/lm-eval-1: log_probability",
        "storyworld:text/lm-eval-1: nats per word",
        "storyworld:pronouns/lm-eval-1: accuracy",
    ]
    code, _, err = tell(tmp_path / "a.jsonl", tmp_path / "c.jsonl")
    assert code == 1
    assert "4 examples in" in err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (answers("10"), "b/paper-1: 3 examples in .*; expected the same"),
        (answers("101", "c"), "b/paper-1, c/paper-1: only in one of"),
        (
            answers("101", item="x"),
            "item of b/paper-1: '00000000' in .*line 1, 'x' in .*line 1; expected the same",
        ),
        (answers("101", statement="5 examples"), "statement of b/paper-1: None in .*, '5 examples' in"),
    ],
)
def test_other_examples_are_refused(
    tell: Tell, tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    one, two = write_rows(tmp_path / "1.jsonl", answers("110")), write_rows(tmp_path / "2.jsonl", rows)
    code, out, err = tell(one, two)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert re.search(message, err), err
