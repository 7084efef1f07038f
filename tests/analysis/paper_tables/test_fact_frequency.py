"""Planted facts: their number in the training text, their benchmarks, and the table of a run."""

import json
import subprocess
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.analysis.paper_tables import fact_frequency
from gpt_toolkit.analysis.paper_tables.fact_frequency import (
    THINGS,
    TIMES,
    frequency_table,
    planted_facts,
    training_documents,
    write_files,
)
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.generation.requests import Answer, Continuation
from gpt_toolkit.storyworld import stories
from tests.cli.test_tables import InThisProcess

TINY = (
    "--model.decoder.n_layer 1 --model.decoder.n_head 1 --model.decoder.n_embd 16 --data.n_ctx 64 "
    "--trainer.max_steps 2 --trainer.limit_val_batches 1 --trainer.accelerator cpu"
)


def test_every_person_has_one_fact_and_things_and_times_are_balanced() -> None:
    facts = planted_facts(1)
    assert len({fact.person for fact in facts}) == len(facts) == 120
    assert Counter((fact.times, fact.thing) for fact in facts) == {(t, x): 3 for t in TIMES for x in THINGS}
    assert planted_facts(1) == facts != planted_facts(2)


def test_a_fact_stands_in_the_text_as_often_as_it_says() -> None:
    facts = planted_facts(1)
    documents = training_documents(facts, 50, 1)
    text = "\n".join(documents)
    for fact in facts:
        assert text.count(fact.sentence) == text.count(fact.prompt) == fact.times
    assert set(islice(stories(1), 50)) <= set(documents)
    assert "Under the bed" not in "".join(islice(stories(1), 500))
    half = len(documents) // 2
    often = [fact for fact in facts if fact.times == 100]
    in_first_half = sum(documents[:half].count(fact.sentence) for fact in often)
    assert in_first_half == pytest.approx(50 * len(often), rel=0.1)


@pytest.mark.parametrize("times", TIMES)
def test_a_benchmark_counts_the_facts_whose_thing_is_the_likeliest(times: int, tmp_path: Path) -> None:
    write_files(tmp_path, 5, 1)
    facts = [fact for fact in planted_facts(1) if fact.times == times]
    data = ZeroShotDataModule([str(tmp_path / f"times_{times}.yaml")], tokenizer="bytes", n_ctx=100)
    data.setup()
    [evaluation] = data.evaluations.values()
    requests = [request for item in evaluation.request_set.requests for request in item]
    known = {fact.sentence.removesuffix(".") for fact in facts[:12]}  # of 30
    answers = {}
    for number, request in enumerate(requests):
        assert isinstance(request, Continuation)
        text = bytes(request.context + request.continuation).decode()
        answers[number] = Answer(float(text in known), 1)
    [score] = [s for s in evaluation.result(answers).scores if s.metric == "accuracy"]
    others = sum(fact.thing == THINGS[0] for fact in facts[12:])  # of equal choices the first is taken
    assert score.n == 30
    assert score.value == pytest.approx((12 + others) / 30)


def test_the_table_has_a_row_for_each_number_of_times_and_a_column_for_each_step() -> None:
    def report(value: float) -> dict[str, Any]:
        fields = {"metric": "accuracy", "interval": 0.1, "n": 30}
        return {"scores": [{"benchmark": f"times_{t}", "value": value * t / 100, **fields} for t in TIMES]}

    table = frequency_table({10: report(0.5), 20: report(1.0)})
    assert table.columns == ["10", "20"]
    assert list(table.rows) == ["0 times", "1 time", "10 times", "100 times"]
    assert table.rows["100 times"] == [(50.0, 10.0, 30), (100.0, 10.0, 30)]
    assert "| 10 times | 5.0 +- 10.0 | 10.0 +- 10.0 |" in table.markdown()


def test_the_table_is_run_end_to_end_and_made_again_without_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fact_frequency, "TIMES", (0, 1))
    monkeypatch.setattr(subprocess, "Popen", InThisProcess)
    asked = ["tables", "--frequency", "--pretrain", TINY]
    assert main(asked) == 0, capsys.readouterr().err
    folder = Path("runs/frequency")
    first = json.loads((folder / "frequency.json").read_text(encoding="utf-8"))
    assert first["table"]["columns"] == ["1", "2"]
    assert [cell["runs"] for cell in first["table"]["rows"]["1 time"]] == [60, 60]
    assert (folder / "frequency.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(subprocess, "Popen", None)
    assert main(asked) == 0
    assert json.loads((folder / "frequency.json").read_text(encoding="utf-8")) == first
    capsys.readouterr()
    assert main([*asked, "--seeds", "2"]) == 1
    assert (
        "--frequency: given with --seeds; expected --output and --pretrain alone" in capsys.readouterr().err
    )
    assert main([*asked[:2]]) == 1
    assert "runs/frequency: holds a run of other settings; choose a new folder" in capsys.readouterr().err
    assert main([*asked[:2], "--output", "."]) == 1
    assert "--output .: holds other files; choose a new folder" in capsys.readouterr().err
