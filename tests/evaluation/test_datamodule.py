"""ZeroShotDataModule: every request once on any number of ranks, and metrics of all answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import LightningModule, Trainer

from gpt_toolkit.data.step_loader import StepShare
from gpt_toolkit.evaluation.datamodule import RequestBatch, RequestBatches, ZeroShotDataModule
from gpt_toolkit.generation.requests import Answer, Prompt, Request, RunningText

NAMES = ["storyworld:last_word", "storyworld:pronouns", "storyworld:text", "storyworld:questions"]


def made(**options: Any) -> ZeroShotDataModule:
    """Return a set-up module with a few Storyworld examples."""
    data = ZeroShotDataModule(
        **{"benchmarks": NAMES, "tokenizer": "bytes", "n_ctx": 256, "limit": 7, **options}
    )
    data.setup("validate")
    return data


def batches(data: ZeroShotDataModule, batch_size: int, rank: int = 0, world: int = 1) -> list[RequestBatch]:
    found = RequestBatches(list(data.evaluations.values()), StepShare(batch_size, rank, world))
    return [found[i] for i in range(len(found))]


def answered(batch: RequestBatch) -> Iterator[tuple[int, Answer]]:
    for number, request in zip(batch["numbers"], batch["requests"], strict=True):
        yield number, Answer(-float(number % 5), 1, text=" x" if isinstance(request, Prompt) else "")


@pytest.mark.parametrize(("batch_size", "world"), [(1, 1), (5, 1), (1000, 1), (4, 2), (1000, 3), (1000, 40)])
def test_every_request_is_in_one_batch_of_one_rank(batch_size: int, world: int) -> None:
    data = made()
    by_rank = [batches(data, batch_size, rank, world) for rank in range(world)]
    assert all(by_rank)  # a rank without a batch would wait for ever
    numbers = [(b["name"], number) for rank in by_rank for b in rank for number in b["numbers"]]
    expected = [(e.name, number) for e in data.evaluations.values() for number in range(e.n_requests)]
    assert sorted(numbers) == sorted(expected)


def test_a_batch_is_of_one_benchmark_protocol_and_kind_and_of_the_stated_size() -> None:
    data = made(limit=3)
    requests: dict[str, list[Request]] = {}
    for evaluation in data.evaluations.values():
        flat = [request for row in evaluation.request_set.requests for request in row]
        requests[evaluation.name] = flat
    for batch in batches(data, 5):
        evaluation = data.evaluations[batch["name"]]
        assert len({type(request) for request in batch["requests"]}) == 1
        assert 1 <= len(batch["requests"]) <= 5
        for number, request in zip(batch["numbers"], batch["requests"], strict=True):
            assert request == requests[evaluation.name][number]


def test_the_longest_come_first_and_rows_stay_together() -> None:
    data = made(benchmarks="storyworld:last_word", protocols=["lm-eval"])
    lengths = [len(r.context) + len(r.continuation) for b in batches(data, 3) for r in b["requests"]]  # type: ignore[union-attr]
    assert lengths == sorted(lengths, reverse=True)
    data = made(benchmarks="storyworld:names", limit=3, n_ctx=2000)
    for batch in batches(data, 25):
        assert len(batch["numbers"]) in (10, 20)
        assert {number // 10 * 10 for number in batch["numbers"]} <= set(batch["numbers"])


def test_a_batch_holds_as_many_windows_of_running_text_as_other_requests() -> None:
    data = made(benchmarks="storyworld:text", protocols=["paper", "lm-eval"], n_ctx=8)
    found = batches(data, 64)
    assert len(found) > 4
    for batch in found:
        n_windows = 0
        for request in batch["requests"]:
            assert isinstance(request, RunningText)
            n_windows += len(list(request.windows()))
        assert n_windows <= 64


def test_a_rank_without_requests_repeats_those_of_another() -> None:
    data = made(benchmarks="storyworld:last_word", protocols=["lm-eval"], limit=2)
    by_rank = [batches(data, 8, rank, 3) for rank in range(3)]
    assert [[batch.get("repeated", False) for batch in each] for each in by_rank] == [
        [False],
        [False],
        [True],
    ]
    numbers = [number for each in by_rank[:2] for batch in each for number in batch["numbers"]]
    assert sorted(numbers) == [0, 1]


def test_scores_carry_benchmark_and_protocol() -> None:
    data = made(benchmarks="storyworld:pronouns", protocols=["paper", "gpt1"])
    answers: dict[str, dict[int, Answer]] = {}
    for batch in batches(data, 8):
        answers.setdefault(batch["name"], {}).update(answered(batch))
    scores = [s for name, each in data.evaluations.items() for s in each.result(answers[name]).scores]
    assert [(score.benchmark, score.protocol, score.metric) for score in scores] == [
        ("storyworld:pronouns", "paper-1", "partial_accuracy"),
        ("storyworld:pronouns", "paper-1", "full_accuracy"),
        ("storyworld:pronouns", "gpt1-1", "accuracy"),
    ]
    assert scores[0].n == 7
    assert scores[0].chance == 0.5
    evaluation = data.evaluations["storyworld:pronouns/gpt1-1"]
    records = list(evaluation.records(evaluation.result(answers[evaluation.name])))
    assert [record["row"] for record in records] == list(range(7))
    assert sum(record["correct"] for record in records) / 7 == scores[2].value


def test_answers_are_matched_by_their_number() -> None:
    data = made(benchmarks="storyworld:last_word", protocols=["lm-eval", "paper"], limit=3)
    right = {i: Answer(-1.0, 1, is_greedy=i == 1) for i in (2, 0, 1)}
    evaluation = data.evaluations["storyworld:last_word/paper-1"]
    records = evaluation.records(evaluation.result(right))
    assert [record["correct"] for record in records] == [False, True, False]


def test_a_missing_answer_is_refused() -> None:
    data = made(benchmarks="storyworld:last_word", protocols=["lm-eval"])
    with pytest.raises(ValueError, match="storyworld:last_word/lm-eval-1: 6 of 7 requests without an"):
        data.evaluations["storyworld:last_word/lm-eval-1"].result({0: Answer(-1.0, 1)})


def test_the_same_arguments_give_the_same_requests_and_another_seed_other_examples() -> None:
    first, second = made(), made()
    assert batches(first, 8) == batches(second, 8)
    other = made(benchmarks="storyworld:questions", seed=1)
    mine = made(benchmarks="storyworld:questions")
    assert batches(other, 8) != batches(mine, 8)
    without = made(benchmarks="storyworld:questions", n_examples=0, protocols=["paper"])
    [row, *_] = without.evaluations["storyworld:questions/paper-1"].request_set.requests
    assert isinstance(row[0], Prompt)
    assert without.vocabulary.decode(list(row[0].ids)).count("Q:") == 1


def test_examples_that_do_not_exist_are_refused_or_reported() -> None:
    options = {"benchmarks": "storyworld:questions", "protocols": ["paper"], "limit": 3, "n_ctx": 900}
    [evaluation] = made(**options).evaluations.values()
    assert evaluation.n_examples == 2
    assert "after 2 examples drawn by seed 0 from the others" in evaluation.statement
    assert "shows 2 examples instead of 5: there are no more" in evaluation.warnings
    with pytest.raises(ValueError, match="n_examples: 3; expected at most 2, the number of other items"):
        made(**options, n_examples=3)
    [evaluation] = made(**options, n_examples=1, seed=4).evaluations.values()
    assert "after 1 example drawn by seed 4" in evaluation.statement


def test_examples_for_a_protocol_without_any_are_reported() -> None:
    data = made(benchmarks="storyworld:last_word", protocols=["lm-eval"], n_examples=2)
    [evaluation] = data.evaluations.values()
    assert evaluation.warnings[-1] == "shows no examples: n_examples 2 has no effect on it"


def test_what_was_cut_is_in_the_summary() -> None:
    data = made(benchmarks="storyworld:last_word", protocols=["lm-eval"], n_ctx=64)
    summary = data.summary()
    origin = "the built-in world's last_word, test split, 7 rows"
    assert f"storyworld:last_word/lm-eval-1: {origin}; 7 scored, 7 requests" in summary
    assert "7 contexts lost their beginning to fit into 64 tokens" in summary
    assert "lm-eval 0.4.13: lambada_openai" in summary


def test_the_model_s_tokenizer_and_context_length_are_needed() -> None:
    with pytest.raises(ValueError, match="ZeroShotDataModule: no tokenizer and n_ctx; expected the model's"):
        made(tokenizer=None, n_ctx=None)
    with pytest.raises(RuntimeError, match=r"ZeroShotDataModule: not set up; expected a call of setup\(\)"):
        _ = ZeroShotDataModule().evaluations


def test_values_out_of_range_are_named_together() -> None:
    with pytest.raises(ValueError, match="ZeroShotDataModule: n_ctx: 1; expected at least 2"):
        made(n_ctx=1, batch_size=0, limit=0, n_examples=-1)
    with pytest.raises(ValueError, match="ZeroShotDataModule: benchmarks: empty; expected at least one"):
        made(benchmarks=[])


def test_all_missing_files_are_named_at_once(tmp_path: Path) -> None:
    data = ZeroShotDataModule(
        ["lambada", "coqa", "storyworld:text"], root=str(tmp_path), tokenizer="bytes", n_ctx=9
    )
    with pytest.raises(FileNotFoundError, match=r"(?s)lambada: no file.*coqa: no file"):
        data.prepare_data()


def test_a_broken_row_is_named_with_its_benchmark(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\nalone\n", encoding="utf-8")
    own = {"name": "own", "files": "rows.csv", "kind": "last_word", "prompt": "{text}"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.csv, line 2: 'alone': no last word to predict; expected"):
        made(benchmarks=str(tmp_path / "own.yaml"))


def test_gpt1_s_tokenizer_makes_requests_too(shared_data: Path) -> None:
    folder = str(shared_data / "tokenizers" / "gpt1")
    data = made(tokenizer=folder, limit=2, n_ctx=512)
    for evaluation in data.evaluations.values():
        for request in evaluation.request_set.requests[0]:
            ids = request[0]
            assert all(0 <= i < 40478 for i in ids)


class Listener(LightningModule):
    """A task that answers requests and stores them."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, dict[int, Answer]] = {}

    def validation_step(self, batch: RequestBatch, batch_idx: int) -> None:
        assert isinstance(batch["requests"][0], tuple)
        self.answers.setdefault(batch["name"], {}).update(answered(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters())


def test_a_trainer_hands_all_requests_over_as_they_are() -> None:
    data = ZeroShotDataModule(NAMES, tokenizer="bytes", n_ctx=256, limit=7, batch_size=6)
    listener = Listener()
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, barebones=True
    )
    trainer.validate(listener, data, verbose=False)
    assert set(listener.answers) == set(data.evaluations)
    for name, answers in listener.answers.items():
        assert data.evaluations[name].result(answers).scores
