"""ZeroShotTask: the models it builds, its answers, and the scores computed from them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.callbacks import Predictions
from gpt_toolkit.callbacks.console import EvaluationProgress
from gpt_toolkit.evaluation.benchmark import Benchmark
from gpt_toolkit.evaluation.benchmark_metrics import Score
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.items import Items
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.generation.requests import Answer
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.hardware import has_int8_products
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.tokenizers import load_tokenizer

N_CTX = 64
NAMES = ["storyworld:last_word", "storyworld:pronouns", "storyworld:text", "storyworld:questions"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=N_CTX, n_layer=2, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(3.0)  # far from uniform
    folder = tmp_path_factory.mktemp("models") / "model"
    LanguageModel(decoder, load_tokenizer("bytes")).save(folder)
    return folder


def benchmarks(**options: Any) -> ZeroShotDataModule:
    fields = {"benchmarks": NAMES, "limit": 3, "tokenizer": "bytes", "n_ctx": N_CTX, "batch_size": 4}
    return ZeroShotDataModule(**{**fields, **options})


def trainer(*callbacks: Any, **options: Any) -> Trainer:
    fields = {"accelerator": "cpu", "devices": 1, "logger": False, "enable_checkpointing": False}
    fields |= {"enable_progress_bar": False, "enable_model_summary": False, "use_distributed_sampler": False}
    return Trainer(**{**fields, **options}, callbacks=list(callbacks))


def answers_alone(model: Path, data: ZeroShotDataModule) -> dict[str, dict[int, Answer]]:
    """Answer every request separately, without a Trainer."""
    loaded = load(model, device="cpu")
    scorer = Scorer(loaded.decoder, loaded.tokenizer)
    return {
        name: {
            i: scorer.answer([request])[0]
            for i, request in enumerate(request for row in evaluation.request_set.requests for request in row)
        }
        for name, evaluation in data.evaluations.items()
    }


def assert_same_scores(ours: list[Score], theirs: list[Score]) -> None:
    assert [score.name for score in ours] == [score.name for score in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for name in ("value", "interval", "n", "chance", "majority"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("verb", ["validate", "test"])
def test_scores_are_those_of_every_request_answered_alone(verb: str, model: Path) -> None:
    task, data, run = ZeroShotTask(init_from=str(model)), benchmarks(), trainer()
    getattr(run, verb)(task, data, verbose=False)
    alone = answers_alone(model, data)
    evaluations = data.evaluations.items()
    expected = [score for name, each in evaluations for score in each.result(alone[name]).scores]
    assert_same_scores(task.scores, expected)
    assert {len(answers) for answers in task.answers.values()} == {len(a) for a in alone.values()}
    texts = {(name, i): answer.text for name, found in task.answers.items() for i, answer in found.items()}
    assert texts == {(name, i): a.text for name, found in alone.items() for i, a in found.items()}
    for score in expected:
        if score.value == score.value:
            logged = run.callback_metrics[f"{score.benchmark}_{score.protocol}_{score.metric}"]
            assert float(logged) == pytest.approx(score.value, rel=1e-4)


@pytest.mark.skipif(not has_int8_products(torch.device("cpu")), reason="no int8 products on this machine")
def test_scores_in_int8_are_those_of_a_model_loaded_in_int8(model: Path) -> None:
    task, data = ZeroShotTask(init_from=str(model), int8=True), benchmarks(benchmarks=["storyworld:text"])
    trainer().test(task, data, verbose=False)
    loaded = load(model, dtype=torch.int8)
    scorer = Scorer(loaded.decoder, loaded.tokenizer)
    for name, evaluation in data.evaluations.items():
        requests = [request for row in evaluation.request_set.requests for request in row]
        plain = answers_alone(model, data)[name]
        for i, request in enumerate(requests):
            found = task.answers[name][i].log_probability
            assert found == pytest.approx(scorer.answer([request])[0].log_probability, rel=1e-4)
            assert found != plain[i].log_probability


def test_items_are_read_and_requests_built_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, reads = Benchmark.read, list[str]()

    def counted(benchmark: Benchmark, *args: Any, **options: Any) -> Items:
        reads.append(benchmark.name)
        return read(benchmark, *args, **options)

    monkeypatch.setattr(Benchmark, "read", counted)
    data = benchmarks()
    data.setup("test")
    evaluations = dict(data.evaluations)
    trainer().test(ZeroShotTask(init_from=str(model)), data, verbose=False)
    assert len(reads) == len(set(reads)) > 0
    assert all(data.evaluations[name] is each for name, each in evaluations.items())


def test_predict_gives_a_line_a_request_with_its_number(model: Path, tmp_path: Path) -> None:
    data, run = benchmarks(), trainer(Predictions(), default_root_dir=tmp_path)
    run.predict(ZeroShotTask(init_from=str(model)), data, return_predictions=False)
    text = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    alone = answers_alone(model, data)
    expected = {(name, i): answer for name, answers in alone.items() for i, answer in answers.items()}
    assert len(lines) == len(expected)
    for line in lines:
        answer = expected.pop((f"{line.pop('benchmark')}/{line.pop('protocol')}", line.pop("request")))
        log_probability = line.pop("log_probability")
        assert log_probability == pytest.approx(answer.log_probability, abs=1e-3)
        assert line == {k: v for k, v in answer._asdict().items() if k != "log_probability"}
    assert not expected


def test_it_computes_in_what_the_trainer_says(model: Path) -> None:
    data = benchmarks(benchmarks=["storyworld:last_word"], protocols=["lm-eval"])
    scores = []
    for precision in ("32-true", "bf16-true"):
        task = ZeroShotTask(init_from=str(model))
        trainer(precision=precision).test(task, data, verbose=False)
        assert task.backbone is not None
        assert task.backbone.wte.weight.dtype == getattr(
            torch, "float32" if precision == "32-true" else "bfloat16"
        )
        scores.append(task.scores[1].value)
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(scores[1], rel=0.1)


def test_it_refuses_to_train(model: Path) -> None:
    with pytest.raises(ValueError, match="ZeroShotTask: fit; expected validate, test or predict, because"):
        trainer(max_steps=1).fit(ZeroShotTask(init_from=str(model)), benchmarks())


def test_rows_left_out_by_the_trainer_are_no_score(model: Path) -> None:
    task, data = ZeroShotTask(init_from=str(model)), benchmarks(batch_size=2)
    with pytest.raises(ValueError, match="storyworld:last_word/paper-1: 1 of 3 requests without an answer;"):
        trainer(limit_test_batches=1).test(task, data, verbose=False)


def test_a_model_of_another_vocabulary_is_refused(model: Path, tmp_path: Path) -> None:
    small = Decoder(DecoderConfig(vocab_size=100, n_ctx=N_CTX, n_layer=1, n_head=1, n_embd=8))
    LanguageModel(small).save(tmp_path / "small")
    with pytest.raises(ValueError, match="tokenizer: 257 token ids; expected at most 100, the decoder's"):
        trainer().test(ZeroShotTask(init_from=str(tmp_path / "small")), benchmarks(), verbose=False)


def test_every_request_is_counted_as_it_is_answered(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProgressBar, "is_due", True)
    data = benchmarks(benchmarks=["storyworld:last_word"], protocols=["lm-eval"], batch_size=2)
    trainer(EvaluationProgress(3)).test(ZeroShotTask(init_from=str(model)), data, verbose=False)
    lines = [line for line in capsys.readouterr().err.splitlines() if "requests" in line]
    assert [line.partition("  ")[0] for line in lines] == [
        f"storyworld:last_word/lm-eval-1: {n} of 3 requests" for n in (2, 3)
    ]


CHOICES = [
    {"q": "The sea is", "options": ["calm", "a very long way from here"], "right": 0},
    {"q": "", "options": ["nan", "None", "-1"], "right": 2},
    {"q": "x" * 90, "options": ["y", "z"], "right": 1},
]


def custom(folder: Path, records: Any, **fields: Any) -> ZeroShotDataModule:
    if isinstance(records, str):
        (folder / "own.txt").write_text(records, encoding="utf-8")
    else:
        (folder / "own.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    given = {"name": "own", "files": "own.txt" if isinstance(records, str) else "own.jsonl", **fields}
    (folder / "own.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    return benchmarks(benchmarks=[str(folder / "own.yaml")], limit=None)


def test_scores_do_not_depend_on_the_number_of_tokens_read_at_once(model: Path, tmp_path: Path) -> None:
    fields = {"kind": "multiple_choice", "prompt": "{q}", "choices": "{options}", "answer": "{right}"}
    found = []
    for batch_tokens, batch_size in ((64, 1), (100_000, 50)):
        data = custom(tmp_path, CHOICES, **fields)
        data.batch_size = batch_size
        task = ZeroShotTask(init_from=str(model), batch_tokens=batch_tokens, store=False)
        trainer().test(task, data, verbose=False)
        [evaluation] = data.evaluations.values()
        assert "1 items lost the beginning of their context to fit into 64 tokens" in evaluation.warnings
        found.append([item["scores"] for item in task.results["own/own-1"].items])
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_a_table_does_not_depend_on_the_size_of_batches(tmp_path: Path) -> None:
    torch.manual_seed(1)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=128, n_layer=4, n_head=4, n_embd=128))
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    found = []
    for batch_tokens, batch_size in ((128, 1), (100_000, 50)):
        task = ZeroShotTask(init_from=str(tmp_path / "model"), batch_tokens=batch_tokens, store=False)
        trainer().test(task, benchmarks(n_ctx=128, batch_size=batch_size), verbose=False)
        found.append(task.scores)
    assert [score.name for score in found[0]] == [score.name for score in found[1]]
    for one, other in zip(*found, strict=True):
        for name in ("value", "interval", "n", "chance", "majority"):
            expected = pytest.approx(getattr(other, name), rel=1e-6, nan_ok=True)
            assert getattr(one, name) == expected, one.name


@pytest.mark.parametrize("text", ["x", "The quick brown fox. " * 12])
def test_a_text_of_yours_has_the_perplexity_of_its_bytes_in_overlapping_windows(
    text: str, model: Path, tmp_path: Path
) -> None:
    data, task = (
        custom(tmp_path, text, kind="perplexity", prompt="{text}"),
        ZeroShotTask(init_from=str(model)),
    )
    trainer().test(task, data, verbose=False)
    loaded = load(model, device="cpu")
    ids, scored, nats = [256, *text.encode()], 0, 0.0
    while scored < len(ids) - 1:  # the first window is full, the others move by half of it
        end = min(scored + (N_CTX if scored == 0 else N_CTX // 2), len(ids) - 1)
        start = max(0, end - N_CTX)
        with torch.inference_mode():
            hidden = loaded.decoder(torch.tensor([ids[start:end]]))
            log_p = loaded.decoder.logits(hidden)[0].float().log_softmax(-1)
        for position in range(scored, end):
            nats -= float(log_p[position - start, ids[position + 1]])
        scored = end
    found = [score for score in task.scores if score.metric == "byte_perplexity"]
    protocols = ["own-1", "lm-eval-1", "hf-strided-1"]  # the last does not score a first token
    assert [score.protocol for score in found] == protocols[: 2 if len(text) == 1 else 3]
    score = found[0]
    assert score.n == len(text)
    assert score.value == pytest.approx(math.exp(nats / len(text)), rel=1e-4)
