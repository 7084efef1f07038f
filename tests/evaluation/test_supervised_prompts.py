"""Labeled datasets as text: template, in-context examples, and the dataset's own metrics."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.items import Items
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import find, pairs
from gpt_toolkit.generation.requests import Answer
from tests.evaluation.conftest import result_of, stops, texts_of, written

REVIEWS = "text,label\nA fine boat,good\nA dull sea,bad\nA long day,bad\nA warm home,good\n"
LABELLED = ("rte", "cola", "sst2", "mrpc", "qnli", "qqp", "stsb", "snli", "race")
FREE = ("cnn_dm", "nq_open", "multi30k")


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS, encoding="utf-8")
    return path


def read(name: str, root: Path | None = None, limit: int | None = 20) -> Items:
    return find([name])[0].read(root, limit)


def test_a_row_is_asked_in_the_words_of_its_template(shared_data: Path, context: Context) -> None:
    [(_, protocol)] = pairs(find(["prompt:rte"]), ["prompt"])
    found = read("prompt:rte", shared_data)
    assert ", val, 20 rows; template '{premise}" in found.origin
    first = found.items[0].example.texts
    [true, false] = texts_of(context, protocol.build_requests(found.items, context))[0]
    assert true == [f"{first[0]}\nQuestion: {first[1]} True or false?\nAnswer:", " true"]
    assert false == [true[0], " false"]


def test_examples_are_of_the_training_split_and_of_the_seed(shared_data: Path, context: Context) -> None:
    [(_, protocol)] = pairs(find(["prompt:rte"]), None)
    found = read("prompt:rte", shared_data)
    shown = [row.answered() for row in found.read_examples()]
    assert len(shown) == 1000
    texts = {}
    for seed in (0, 1):
        few = replace(context, n_examples=2, seed=seed, examples=found.read_examples())
        rows = texts_of(few, protocol.build_requests(found.items, few))
        texts[seed] = rows[0][0][0].removesuffix(found.items[0].question())
        assert all(row[0][0].startswith(texts[seed]) for row in rows)
        assert all(example in shown for example in texts[seed].split("\n\n") if example)
        assert texts[seed].count("Answer: true") + texts[seed].count("Answer: false") == 2
    assert texts[0] != texts[1]


def test_without_training_rows_the_other_rows_are_the_examples(shared_data: Path, context: Context) -> None:
    [(_, protocol)] = pairs(find(["prompt:qnli"]), None)
    found = read("prompt:qnli", shared_data, 4)
    few = replace(context, n_examples=3, examples=found.read_examples())
    for row, requests in zip(
        found.items, texts_of(few, protocol.build_requests(found.items, few)), strict=True
    ):
        before = requests[0][0]
        assert before.endswith(row.question())
        assert row.answered() not in before
        assert sum(other.answered() in before for other in found.items) == 3


def test_a_file_of_one_s_own_is_a_set_too(reviews: Path, context: Context) -> None:
    [(_, protocol)] = pairs(find([f"prompt:{reviews}"]), None)
    [[bad, good], *_] = texts_of(context, protocol.build_requests(read(f"prompt:{reviews}").items, context))
    assert (bad[1], good[1]) == (" bad", " good")
    assert good[0].endswith("\nLabel (bad or good):")


@pytest.mark.parametrize("name", [*LABELLED, *FREE])
def test_every_set_has_words_and_a_score_of_its_own_metric(
    name: str, shared_data: Path, context: Context
) -> None:
    [(_, protocol)] = pairs(find([f"prompt:{name}"]), None)
    built = protocol.build_requests(read(f"prompt:{name}", shared_data).items, context)
    rows = built.references
    if rows[0].prompt.words:
        right = [row.options().index(row.prompt.texts(row.example)[2]) for row in rows]
        result = result_of(protocol, built, lambda i, k: Answer(-float(k != right[i]), 1))
        assert result.scores[-1].value == 1.0  # accuracy
        assert result.scores[-1].chance == pytest.approx(1 / len(rows[0].prompt.words))
    else:
        answers = [row.prompt.references(row.example)[0] for row in rows]
        result = result_of(protocol, built, lambda i, _: written(answers[i]))
        assert result.scores[0].value == pytest.approx(100.0)
        assert ("\n" in stops(built.requests[0][0])) == (name != "cnn_dm")
    own = known_datasets()[name].spec.metrics[0]
    assert result.scores[0].metric == {"rouge": "rouge_mean"}.get(own, own)
    assert result.scores[0].value > 0.9


def test_the_world_s_sets_are_benchmarks_too(context: Context) -> None:
    data = ZeroShotDataModule(
        ["prompt:storyworld:entailment", "prompt:storyworld:similarity"],
        tokenizer="bytes",
        n_ctx=2048,
        limit=3,
        n_examples=1,
    )
    data.setup()
    assert list(data.evaluations) == [
        "prompt:storyworld:entailment/prompt-1",
        "prompt:storyworld:similarity/prompt-1",
    ]
    first = data.evaluations["prompt:storyworld:entailment/prompt-1"].request_set
    assert len(first.requests[0]) == 3
    assert texts_of(context, first)[0][0][0].count("Answer:") == 2


def test_an_unknown_set_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset: 'rtee' \(did you mean rte\?\); expected one of snli,"):
        read("prompt:rtee", tmp_path)


def test_a_file_of_yours_is_scored_whole(reviews: Path) -> None:
    found = read(f"prompt:{reviews}")
    assert sorted(item.example.texts[0] for item in found.items) == sorted(
        line.split(",")[0] for line in REVIEWS.splitlines()[1:]
    )
    assert list(found.read_examples()) == []  # examples are the other rows
    assert r"; template '{text}\nLabel ({words}):'" in found.origin


def test_a_row_without_a_label_or_an_answer_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(REVIEWS.replace("A dull sea,bad", "A dull sea,"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"some\.csv, line 3: no label"):
        read(f"prompt:{path}")
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"input": "x", "target": ""}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"pairs\.jsonl, line 1: the answer is empty; expected text"):
        read(f"prompt:{path}")
