import math
from pathlib import Path

import pytest

from gpt_toolkit.analysis.paper_tables import table as module
from gpt_toolkit.analysis.paper_tables.catalog import AVERAGE, TABLES, TASKS, ZERO_SHOT
from gpt_toolkit.analysis.paper_tables.run_results import UserRun
from gpt_toolkit.analysis.paper_tables.table import (
    Estimate,
    Table,
    cell_text,
    estimate,
    paired_difference,
)
from gpt_toolkit.data.supervised import open_dataset
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets
from gpt_toolkit.evaluation.registry import BENCHMARKS
from gpt_toolkit.storyworld.datasets import DATASETS


def scores_of(task: str, values: list[float], variant: str = "full") -> module.StoryworldScores:
    name = f"{task}_{TASKS[task].metric}"
    return {(task, variant): {seed: {name: value} for seed, value in enumerate(values)}}


def same(cell: Estimate | float | None, *expected: float) -> bool:
    """Return whether a cell is this mean, interval and number of runs."""
    return isinstance(cell, Estimate) and tuple(cell) == pytest.approx(expected, abs=1e-6)


def test_the_papers_rows_are_as_long_as_its_columns_and_average_as_printed() -> None:
    for table in TABLES.values():
        assert all(len(row) == len(table.columns) for row in table.rows.values())
    for average, *row in TABLES["table5"].rows.values():
        numbers = [number for number in row if number is not None]
        assert sum(numbers) / len(numbers) == pytest.approx(average, abs=0.08)  # the LSTM's is printed 69.1


def test_every_column_is_a_metric_of_its_set() -> None:
    for table in TABLES.values():
        for column in table.columns:
            if column.dataset:
                spec = known_datasets()[column.dataset].spec
                scored = [spec.name, *(f"{spec.name}_{subset}" for subset in spec.subsets)]
                assert column.metric in [f"{name}_{metric}" for name in scored for metric in spec.metrics]


def test_every_task_of_the_world_has_its_column() -> None:
    assert TASKS.keys() == DATASETS.keys()
    shown = {column.dataset for table in TABLES.values() for column in table.storyworld_columns} - {""}
    assert shown == DATASETS.keys()
    for name, task in TASKS.items():
        assert task.metric == DATASETS[name].metric
        assert set(DATASETS[name].counterpart.split(" and ")) <= set(task.datasets.split(", "))
        spec = open_dataset(f"storyworld:{name}").spec
        if task.metric == "accuracy":
            n = spec.choices if spec.kind == "multiple_choice" else len(spec.labels)
            assert task.guess == pytest.approx(100 / n)


def test_every_curve_of_figure_2_is_a_benchmark() -> None:
    for benchmark, protocol, _ in ZERO_SHOT.values():
        assert protocol in [each.name for each in BENCHMARKS[benchmark].protocols]


def test_twins_stand_in_a_table_of_their_own_with_gaps_named() -> None:
    scores = scores_of("endings", [0.6, 0.7, 0.8])
    table = module.storyworld_table("table3", scores, ["endings", "reading"], "a backbone")
    assert table.title.endswith("Storyworld counterparts")
    assert table.columns == ["endings (accuracy)", "reading (accuracy)"]
    cell, gap = table.rows["pre-trained, with aux LM"]
    assert same(cell, 70.0, 4.303 * 10 / math.sqrt(3), 3)
    assert gap is None
    assert table.rows["guessing"] == [50.0, 25.0]
    [missing] = [note for note in table.notes if note.startswith("not run, or not done: ")]
    assert "pre-trained, with aux LM: reading (accuracy)" in missing
    assert "no pre-training: endings (accuracy), reading (accuracy)" in missing
    assert "guessing" not in missing


def test_an_average_is_there_only_if_all_its_cells_are() -> None:
    tasks = ["acceptability", "sentiment"]
    both = {**scores_of("acceptability", [0.4]), **scores_of("sentiment", [0.9])}
    table = module.storyworld_table("table5", both, tasks, "")
    assert table.columns[0] == AVERAGE.title
    assert table.rows["pre-trained, with aux LM"][0] == pytest.approx(65.0)
    assert (
        module.storyworld_table("table5", scores_of("sentiment", [0.9]), tasks, "").rows[
            "pre-trained, with aux LM"
        ][0]
        is None
    )


def user_run(dataset: str, score: float, seed: int = 0, **fields: object) -> UserRun:
    values: dict[str, object] = {"variant": "full", "model": "openai-gpt", "is_tested": True, **fields}
    metric = {"cola": "matthews", "rte": "accuracy"}[dataset]
    return UserRun(dataset, seed=seed, folder=Path("x"), scores={f"{dataset}_{metric}": score}, **values)  # type: ignore[arg-type]


def test_runs_of_published_sets_stand_beneath_the_papers_numbers() -> None:
    runs = [user_run("rte", 0.55), user_run("rte", 0.57, seed=1), user_run("cola", 0.4, is_tested=False)]
    table = module.published_table("table2", runs)
    assert list(table.rows) == ["the paper's GPT-1", "best before it", "your runs, from openai-gpt"]
    *gaps, rte = table.rows["your runs, from openai-gpt"]
    assert gaps == [None] * 5
    assert same(rte, 56.0, 12.706, 2)
    assert table.notes == []
    assert "not tested, best validation score: cola" in module.published_table("table4", runs).notes


def test_models_are_not_mixed_and_ablations_stand_in_table_5() -> None:
    runs = [
        user_run("cola", 0.4),
        user_run("cola", 0.3, model="mine"),
        user_run("cola", 0.1, variant="no_pretraining", model=""),
    ]
    assert list(module.published_table("table4", runs).rows)[2:] == [
        "your runs, from mine",
        "your runs, from openai-gpt",
    ]
    assert list(module.published_table("table5", runs).rows)[4:] == [
        "your runs: pre-trained, with aux LM, from mine",
        "your runs: pre-trained, with aux LM, from openai-gpt",
        "your runs: no pre-training, from scratch",
    ]


def test_a_comparison_counts_where_pretraining_is_better_and_where_surely() -> None:
    scores = {
        **scores_of("sentiment", [0.9, 0.91, 0.92]),
        **scores_of("sentiment", [0.7, 0.71, 0.72], "no_pretraining"),
        **scores_of("reading", [0.3, 0.2, 0.4]),
        **scores_of("reading", [0.25, 0.25, 0.25], "no_pretraining"),
    }
    table = module.comparison_table(scores, ["sentiment", "reading", "endings"])
    ours, theirs, difference = table.rows["sentiment (accuracy)"]
    assert same(ours, 91.0, 4.303 / math.sqrt(3), 3)
    assert same(theirs, 71.0, 4.303 / math.sqrt(3), 3)
    assert same(difference, 20.0, 0.0, 3)
    assert table.rows["endings (accuracy)"] == [None, None, None]
    assert table.notes[0].startswith("pre-training is better on 2 of 2 tasks, on 1 of them by more")


def test_the_last_column_of_figure_2_left_is_the_full_transfer() -> None:
    scores = {**scores_of("reading", [0.4]), **scores_of("reading", [0.3], "layers_0")}
    table = module.layers_table(scores, ["reading"], 2)
    assert table.columns == ["0", "1", "2"]
    [row] = table.rows.values()
    assert [cell and cell.mean for cell in row if not isinstance(cell, float)] == [30.0, None, 40.0]
    assert "not run, or not done: reading (counterpart of RACE): 1" in table.notes


def test_figure_2_right_lies_between_guessing_and_the_state_of_the_art() -> None:
    def scores(value: float) -> list[dict[str, object]]:
        of = {"benchmark": "storyworld:sentiment", "protocol": "paper-1", "metric": "accuracy"}
        return [{**of, "metric": "other", "value": 0.0}, {**of, "value": value}]

    found = {100: scores(0.5), 200: scores(0.7)}
    raw, scaled = module.zero_shot_tables(found, scores_of("sentiment", [0.9]), ["sentiment", "reading"])
    assert raw.columns == ["100", "200", "guessing", "state of the art"]
    assert raw.rows["sentiment"] == pytest.approx([50.0, 70.0, 50.0, 90.0])
    assert scaled.rows["sentiment"] == pytest.approx([0.0, 0.5])
    assert raw.rows["reading"] == [None, None, 25.0, None]
    assert scaled.rows["reading"] == [None, None]
    assert "reading: no state of the art, because its fine-tuning is not done" in raw.notes


def test_an_estimate_is_the_mean_with_students_interval() -> None:
    found = estimate({0: 80.0, 1: 84.0, 2: 82.0})
    assert found is not None
    assert tuple(found) == pytest.approx((82.0, 4.303 * 2 / math.sqrt(3), 3))
    assert estimate({}) is None
    assert estimate({5: 1.0}) == Estimate(1.0, math.inf, 1)


def test_a_difference_is_of_the_seeds_that_both_have() -> None:
    ours, theirs = {0: 80.0, 1: 70.0, 2: 90.0}, {1: 60.0, 2: 78.0, 3: 0.0}
    found = paired_difference(ours, theirs)
    assert found is not None
    assert tuple(found) == pytest.approx((11.0, 12.706 * math.sqrt(2) / math.sqrt(2), 2))
    assert not found.is_above_zero
    assert Estimate(3.0, 2.9, 3).is_above_zero
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_cells_say_what_is_known() -> None:
    assert cell_text(None) == "-"
    assert cell_text(82.1) == "82.1"
    assert cell_text(0.25) == "0.25"
    assert cell_text(Estimate(54.3, 1.25, 3)) == "54.3 +- 1.2"
    assert cell_text(Estimate(54.3, math.inf, 1)) == "54.3 (1 run)"


def test_a_table_is_written_as_markdown_and_as_json() -> None:
    table = Table("T", ["a", "b"], {"r": [Estimate(1.5, math.inf, 1), None]}, ["a note"])
    assert table.markdown() == "## T\n\n| | a | b |\n|---|---:|---:|\n| r | 1.5 (1 run) | - |\n\n- a note\n"
    assert table.to_json() == {
        "title": "T",
        "columns": ["a", "b"],
        "rows": {"r": [{"mean": 1.5, "interval": None, "runs": 1}, None]},
        "notes": ["a note"],
    }
