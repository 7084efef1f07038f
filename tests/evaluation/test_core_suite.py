"""CORE, compared with a plain reading of nanochat's description: one text, one forward pass, one loss."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.benchmark_metrics import Score
from gpt_toolkit.evaluation.core_suite import CoreTask, suite_scores
from gpt_toolkit.evaluation.protocol import EvaluationContext
from gpt_toolkit.evaluation.registry import BENCHMARKS, GROUPS
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tokenizers import load_tokenizer

RECORDS: dict[str, list[dict[str, Any]]] = {
    "multiple_choice": [
        {"query": f"What is {i} and {i}?", "choices": [f"{i}", f"{2 * i}", "the sum"], "gold": i % 3}
        for i in range(12)
    ],
    "schema": [
        {
            "context_options": [f"Cup {i} fell as the cup", "The cup fell as it"],
            "continuation": "was wet.",
            "gold": i % 2,
        }
        for i in range(6)
    ],
    "language_modeling": [
        {"context": f" Say {word} {word} ", "continuation": word[:2]}
        for word in ("aa", "bb", "cc", "dd", "ee", "ff")
    ],
}
TASKS = {
    "multiple_choice": CoreTask("x/a.jsonl", "multiple_choice", 2, 25, "\nAnswer: "),
    "schema": CoreTask("x/a.jsonl", "schema", 0, 50),
    "language_modeling": CoreTask("x/a.jsonl", "language_modeling", 1, 0),
}


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(1)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=96, n_layer=2, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(4.0)
    return decoder


def write_bundle(root: Path, task: CoreTask, records: list[dict[str, Any]]) -> None:
    path = root / "eval_bundle" / "eval_data" / task.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def plain_results(
    decoder: Decoder, task: CoreTask, records: list[dict[str, Any]]
) -> list[tuple[bool, list[float]]]:
    """Score items one by one: shuffled by 1337, examples by 1234 and the number, texts cropped left."""
    data, encode = list(records), load_tokenizer("bytes").encode
    random.Random(1337).shuffle(data)
    found = []
    for number, item in enumerate(data):
        others = [i for i in range(len(data)) if i != number]
        shown = [data[i] for i in random.Random(1234 + number).sample(others, task.shots)]
        d = task.delimiter
        if task.kind == "multiple_choice":
            before = "".join(f"{e['query']}{d}{e['choices'][e['gold']]}\n\n" for e in shown)
            texts = [f"{before}{item['query']}{d}{choice}" for choice in item["choices"]]
        elif task.kind == "schema":
            texts = [f"{option}{d}{item['continuation']}" for option in item["context_options"]]
        else:
            before = "".join(f"{e['context'].strip()}{d}{e['continuation']}\n\n" for e in shown)
            start = f"{before}{item['context'].strip()}"
            texts = [start, f"{start}{d}{item['continuation']}"]
        rows = [[256, *encode(text)] for text in texts]
        shortest = min(map(len, rows))
        if task.kind == "schema":
            same = next(n for n in range(1, shortest + 1) if len({row[-n] for row in rows}) > 1) - 1
            starts = [len(row) - same for row in rows]
        else:
            same = next((i for i in range(shortest) if len({row[i] for row in rows}) > 1), shortest)
            starts = [same] * len(rows)
        losses, greedy = [], []
        for row, start_id in zip(rows, starts, strict=True):
            crop = max(0, len(row) - decoder.config.n_ctx)
            ids, first = torch.tensor([row[crop:]]), start_id - crop
            with torch.no_grad():
                log_p = decoder.logits(decoder(ids))[0].float().log_softmax(-1)
            targets = ids[0, first:]
            at = log_p[first - 1 : -1]
            losses.append(-float(at.gather(1, targets[:, None]).mean()) if len(targets) else 0.0)
            greedy.append(bool((at.argmax(1) == targets).all()))
        right = greedy[1] if task.kind == "language_modeling" else losses.index(min(losses)) == item["gold"]
        found.append((right, [-loss for loss in losses]))
    return found


@pytest.mark.parametrize("kind", TASKS)
def test_items_are_right_where_a_plain_reading_finds_them_right(
    kind: str, decoder: Decoder, tmp_path: Path
) -> None:
    task, records = TASKS[kind], RECORDS[kind]
    write_bundle(tmp_path, task, records)
    items = task.read(tmp_path, None, True)
    tokenizer = load_tokenizer("bytes")
    context = EvaluationContext(tokenizer, decoder.config.n_ctx)
    [protocol] = task.protocols()
    built = protocol.build_requests(items.items, context)
    scorer = Scorer(decoder, tokenizer)
    result = protocol.compute_metrics(built.references, [scorer.answer(each) for each in built.requests])
    plain = plain_results(decoder, task, records)
    expected = [right for right, _ in plain]
    assert [item["correct"] for item in result.items] == expected
    if kind != "language_modeling":
        for item, (_, scores) in zip(result.items, plain, strict=True):
            assert item["scores"] == pytest.approx(scores, rel=1e-4)
    if kind == "multiple_choice":  # cropped texts are compared too
        assert "texts lost their beginning to fit into 96 tokens" in context.warnings
    score, centered = result.scores
    assert score.value == sum(expected) / len(expected)
    guess = task.baseline / 100
    assert score.chance == guess
    assert centered.value == pytest.approx((score.value - guess) / (1 - guess))


def test_the_suite_has_22_tasks_and_its_mean_is_the_core_metric() -> None:
    assert len(GROUPS["core"]) == 22
    scores = [
        Score(
            "centered_accuracy",
            i / 22,
            100,
            "examples",
            "",
            0.1,
            "Wilson's",
            benchmark=name,
            protocol="core-1",
        )
        for i, name in enumerate(GROUPS["core"])
    ]
    [core] = suite_scores(scores)
    assert (core.benchmark, core.metric, core.n, core.unit) == ("core", "centered_accuracy", 22, "tasks")
    assert core.value == pytest.approx(10.5 / 22)
    assert core.interval == pytest.approx(0.1 / 22**0.5)
    assert suite_scores(scores[1:]) == []


def test_files_of_the_bundle_are_needed(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"copa.jsonl: not found in .*unpack nanochat's eval_bundle.zip"
    ):
        BENCHMARKS["core:copa"].read(tmp_path)
    write_bundle(tmp_path, TASKS["schema"], RECORDS["multiple_choice"])
    with pytest.raises(ValueError, match=r"a.jsonl, line \d+: KeyError.*expected a record of schema"):
        TASKS["schema"].read(tmp_path, None, True)


def test_the_command_scores_a_task(
    decoder: Decoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    path = tmp_path / "eval_bundle" / "eval_data" / "commonsense_reasoning" / "copa.jsonl"
    path.parent.mkdir(parents=True)
    lines = [json.dumps({"query": "It rained,", "choices": ["so", "but"], "gold": 0})] * 2
    path.write_text("\n".join(lines), encoding="utf-8")
    command = ["zero-shot", str(tmp_path / "model"), "--benchmarks", "core:copa", "--root", str(tmp_path)]
    assert main(command) == 0
    assert "a guess of 50% is 0" in capsys.readouterr().out
