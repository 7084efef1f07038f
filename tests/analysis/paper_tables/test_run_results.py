import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpt_toolkit.analysis.paper_tables.run_results import UserRun, user_runs


def write_run(folder: Path, *, finished: bool = True, test: float | None = 0.6, **settings: Any) -> Path:
    """Write what ``fit`` and, optionally, ``test`` leave of an RTE run."""
    model = {"init_from": "openai-gpt", "lm_coef": 0.5, **settings.get("model", {})}
    content = {
        "seed_everything": settings.get("seed", 0),
        "model": {"class_path": "gpt_toolkit.tasks.FinetuneTask", "init_args": model},
        "data": {
            "class_path": "SupervisedDataModule",
            "init_args": {"sets": "rte", **settings.get("data", {})},
        },
    }
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "best.ckpt").write_bytes(b"")
    (folder / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    curve = "step,train_loss,val_rte_accuracy,val_score\n1,2.0,,\n2,,0.50,0.50\n4,,0.58,0.58\n6,,0.54,0.54\n"
    (folder / "metrics.csv").write_text(curve, encoding="utf-8")
    if finished:
        (folder / "model").mkdir()
    if test is not None:
        metrics = {"test_rte_accuracy": test, "test_score": test}
        (folder / "test.json").write_text(json.dumps({"model": "best.ckpt", "metrics": metrics}))
    return folder


def test_a_tested_run_counts_with_its_test_score(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "finetune_rte")
    assert user_runs([tmp_path]) == (
        [UserRun("rte", "full", "openai-gpt", 0, folder, {"rte_accuracy": 0.6, "score": 0.6}, True)],
        [],
    )


def test_a_run_that_was_not_tested_counts_with_its_best_validation(tmp_path: Path) -> None:
    write_run(tmp_path / "finetune_rte", test=None)
    [run], _ = user_runs([tmp_path / "finetune_rte"])
    assert run.scores == {"rte_accuracy": 0.58, "score": 0.58}
    assert not run.is_tested


def test_a_test_that_is_older_than_the_best_state_does_not_count(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "finetune_rte")
    later = (folder / "test.json").stat().st_mtime + 10
    os.utime(folder / "checkpoints" / "best.ckpt", (later, later))
    [run], _ = user_runs([tmp_path])
    assert not run.is_tested


def test_seeds_and_ablations_are_told_apart(tmp_path: Path) -> None:
    write_run(tmp_path / "finetune_rte" / "seed-1", seed=1)
    write_run(tmp_path / "no_aux", model={"lm_coef": 0.0})
    write_run(tmp_path / "scratch", model={"init_from": None})
    runs, remarks = user_runs([tmp_path])
    assert [(run.variant, run.seed) for run in runs] == [
        ("full", 1),
        ("no_aux", 0),
        ("no_pretraining", 0),
    ]
    assert remarks == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"finished": False}, "not finished"),
        ({"data": {"train_rows": 100}}, "not as in the paper: data.train_rows"),
        ({"model": {"transfer_layers": 6}}, "not as in the paper: model.transfer_layers"),
        ({"data": {"sets": ["rte", "mnli"]}}, "several datasets at once"),
    ],
)
def test_what_does_not_belong_into_the_tables_is_named(
    tmp_path: Path, settings: dict[str, Any], why: str
) -> None:
    folder = write_run(tmp_path / "finetune_rte", **settings)
    runs, [remark] = user_runs([tmp_path])
    assert runs == []
    assert remark.startswith(f"{folder}: ")
    assert why in remark


def test_runs_of_the_built_in_world_are_never_taken_for_real_ones(tmp_path: Path) -> None:
    write_run(tmp_path / "finetune_entailment", data={"sets": "storyworld:entailment"})
    assert user_runs([tmp_path]) == ([], [])


def test_a_damaged_result_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "finetune_rte")
    (folder / "test.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"test\.json: unknown content; expected results of gpt-toolkit"):
        user_runs([tmp_path])
    with pytest.raises(FileNotFoundError, match="expected an existing folder"):
        user_runs([tmp_path / "elsewhere"])
