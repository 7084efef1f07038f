"""README and pages: every command runs, every path exists, tables match the measurements."""

import json
import math
import re
import shlex
from itertools import islice
from pathlib import Path
from statistics import mean, stdev

import pytest
import torch

from gpt_toolkit.cli import main
from gpt_toolkit.storyworld import stories

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

REDUCED = [
    *("--trainer.max_steps", "2", "--trainer.val_check_interval", "1", "--trainer.accelerator", "cpu"),
    *("--model.decoder.n_layer", "1", "--model.decoder.n_head", "2", "--model.decoder.n_embd", "16"),
    *("--data.n_ctx", "32", "--data.batch_size", "2", "--data.tokenizer", "bytes"),
    *("--samples.max_new_tokens", "5"),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("gpt-toolkit")]


def test_the_two_first_commands_name_sessions_that_exist() -> None:
    sessions = re.findall(r"python -m nox -s (\w+)", README)
    assert sessions == ["quickstart", "tests"]
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for session in sessions:
        assert f"def {session}(session" in noxfile


def test_every_command_runs_in_order_and_the_python_block_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    text = "Dear friend,\n" + "\n\n".join(islice(stories(seed=1), 60))
    Path("letters.txt").write_text(text, encoding="utf-8")
    rows = "".join(f"it is {mood} {i},{mood}\n" for i in range(40) for mood in ("good", "bad"))
    Path("reviews.csv").write_text("text,label\n" + rows, encoding="utf-8")
    Path("unlabeled.csv").write_text("text\nit is good\n", encoding="utf-8")
    Path("books").mkdir()
    Path("books", "one.txt").write_text(text, encoding="utf-8")
    ran = set()
    for _, verb, *arguments in commands():
        if verb == "fit" and "text/own" in arguments:
            arguments += REDUCED
        elif verb in ("fit", "doctor") and "text/finetune" in arguments:
            arguments += ["--trainer.max_epochs", "1", "--trainer.accelerator", "cpu"]
        elif verb == "fit":  # days on many GPUs
            arguments += ["--print_config"]
        elif verb == "generate":
            arguments += ["--max_new_tokens", "5"]
        elif verb == "zero-shot" and "gpt2" in arguments:  # OpenAI's weights are not here
            continue
        elif verb == "zero-shot":
            arguments += ["--benchmarks", "storyworld:pronouns,storyworld:sentiment", "--limit", "4"]
        assert main([verb, *arguments]) == 0, (verb, arguments, capsys.readouterr().err)
        ran.add(verb)
    trained = {"doctor", "fit", "validate", "test", "predict"}
    assert ran == trained | {"generate", "tokenizer", "convert", "zero-shot"}
    for path in ("model/model.safetensors", "checkpoints/best.ckpt", "config.yaml", "metrics.csv"):
        assert Path("runs/own", path).is_file(), path
    [python] = blocks("python")
    names: dict[str, object] = {}
    exec(compile(python, "README.md", "exec"), names)
    assert isinstance(names["log_probability"], float)
    assert names["log_probability"] < 0
    assert isinstance(names["decoder"], torch.nn.Module)


def test_every_path_of_the_map_from_the_papers_exists() -> None:
    page = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:gpt_toolkit|configs)/[\w./]+)`", page)
    assert len(paths) > 15
    for path in paths:
        assert (ROOT / path).exists(), path


def test_links_of_the_readme_lead_to_files() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_table_of_the_novels_is_what_the_runs_gave() -> None:
    sets = json.loads((ROOT / "docs" / "results" / "novels.json").read_text(encoding="utf-8"))["sets"]
    page = (ROOT / "docs" / "gpt1" / "results.py").read_text(encoding="utf-8")
    for name, found in sets.items():
        cells = [f"{name} ({found['metric']})", f"{found['training_rows']:,}"]
        cells += [_mean_with_interval(scores) for scores in (found["pretrained"], found["scratch"])]
        better = sum(a > b for a, b in zip(found["pretrained"], found["scratch"], strict=True))
        assert f"| {' | '.join(cells)} | {better} of {len(found['scratch'])} |" in page


def test_the_table_of_the_twins_is_what_the_runs_gave() -> None:
    runs = json.loads((ROOT / "docs" / "results" / "storyworld.json").read_text(encoding="utf-8"))["runs"]
    page = (ROOT / "docs" / "gpt1" / "results.py").read_text(encoding="utf-8")
    assert len({run["task"] for run in runs}) == 5
    for run in runs:
        differences = [a - b for a, b in zip(run["pretrained"], run["scratch"], strict=True)]
        cells = [f"{run['task']} ({run['metric']})", f"{run['training_rows']:,} x {run['epochs']}"]
        cells += [_mean_with_interval(scores) for scores in (run["pretrained"], run["scratch"], differences)]
        better = sum(difference > 0 for difference in differences)
        assert f"| {' | '.join(cells)} | {better} of {len(differences)} |" in page


def test_the_table_of_optimizers_is_what_compare_gave() -> None:
    text = (ROOT / "docs" / "results" / "optimizers.json").read_text(encoding="utf-8")
    loss, steps, seconds = (each["models"] for each in json.loads(text)["comparisons"])
    page = (ROOT / "docs" / "guides" / "comparing.md").read_text(encoding="utf-8")
    for models in zip(loss, steps, seconds, strict=True):
        optimizer, lr = models[0]["model"].split("_")
        name = {"adamw": "AdamW", "muon": "Muon"}[optimizer]
        [row] = [line for line in page.splitlines() if line.startswith(f"| {name}, {lr} |")]
        for model, digits in zip(models, (3, 0, 1), strict=True):
            value, half = model["value"], model["half_width"]
            cell = "never" if value is None else f"{value:.{digits}f} ± {half:.{digits}f}"
            assert f"| {cell}" in row
        assert models[0].get("verdict", "") in row


def test_the_table_of_programs_is_what_agree_gave() -> None:
    text = (ROOT / "docs" / "results" / "agreement.json").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "guides" / "comparing.md").read_text(encoding="utf-8")
    for engine in json.loads(text)["engines"]:
        [row] = [line for line in page.splitlines() if line.startswith(f"| {engine['engine']} ")]
        assert row.endswith(f"| {engine['largest']:.1e} | {engine['mean']:.1e} |")
        assert f"{engine['n']:,}" in row


def _mean_with_interval(scores: list[float]) -> str:
    """Format in percent, with Student's t for three seeds (2 degrees of freedom)."""
    half = 4.302653 * stdev(scores) / math.sqrt(len(scores))
    return f"{100 * mean(scores):.1f} ± {100 * half:.1f}"
