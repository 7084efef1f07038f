"""A supervised set as text: its template, examples in context, and the set's own metrics."""

from dataclasses import replace
from pathlib import Path

import pytest

from gpt_toolkit.batches import Answer
from gpt_toolkit.data.supervised.gpt1_datasets import known_datasets
from gpt_toolkit.evaluation.build_requests import Setting
from gpt_toolkit.evaluation.datamodule import ZeroShotDataModule
from gpt_toolkit.evaluation.item_sources import Rows
from gpt_toolkit.evaluation.registry import find, pairs
from tests.evaluation.conftest import judged, stops, texts_of, written

REVIEWS = "text,label\nA fine boat,good\nA dull sea,bad\nA long day,bad\nA warm home,good\n"
LABELLED = ("rte", "cola", "sst2", "mrpc", "qnli", "qqp", "stsb", "snli", "race")
FREE = ("cnn_dm", "nq_open", "multi30k")


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS, encoding="utf-8")
    return path


def read(name: str, root: Path | None = None, limit: int | None = 20) -> Rows:
    return find([name])[0].source.read(root, limit, check=True)


def test_a_row_is_asked_in_the_words_of_its_template(shared_data: Path, setting: Setting) -> None:
    [(_, protocol)] = pairs(find(["prompt:rte"]), ["prompt"])
    found = read("prompt:rte", shared_data)
    assert found.origin.endswith("val, 20 rows")
    first = found.rows[0].example.texts
    [true, false] = texts_of(setting, protocol.ask(found.rows, setting))[0]
    assert true == [f"{first[0]}\nQuestion: {first[1]} True or false?\nAnswer:", " true"]
    assert false == [true[0], " false"]


def test_examples_are_of_the_training_split_and_of_the_seed(shared_data: Path, setting: Setting) -> None:
    [(_, protocol)] = pairs(find(["prompt:rte"]), None)
    found = read("prompt:rte", shared_data)
    shown = [row.shown() for row in found.examples()]
    assert len(shown) == 1000
    texts = {}
    for seed in (0, 1):
        few = replace(setting, n_examples=2, seed=seed, examples=found.examples)
        rows = texts_of(few, protocol.ask(found.rows, few))
        texts[seed] = rows[0][0][0].removesuffix(found.rows[0].asked())
        assert all(row[0][0].startswith(texts[seed]) for row in rows)
        assert all(example in shown for example in texts[seed].split("\n\n") if example)
        assert texts[seed].count("Answer: true") + texts[seed].count("Answer: false") == 2
    assert texts[0] != texts[1]


def test_without_training_rows_the_other_rows_are_the_examples(shared_data: Path, setting: Setting) -> None:
    [(_, protocol)] = pairs(find(["prompt:qnli"]), None)
    found = read("prompt:qnli", shared_data, 4)
    few = replace(setting, n_examples=3, examples=found.examples)
    for row, requests in zip(found.rows, texts_of(few, protocol.ask(found.rows, few)), strict=True):
        context = requests[0][0]
        assert context.endswith(row.asked())
        assert row.shown() not in context
        assert sum(other.shown() in context for other in found.rows) == 3


def test_a_file_of_one_s_own_is_a_set_too(reviews: Path, setting: Setting) -> None:
    [(_, protocol)] = pairs(find([f"prompt:{reviews}"]), None)
    [[bad, good], *_] = texts_of(setting, protocol.ask(read(f"prompt:{reviews}").rows, setting))
    assert (bad[1], good[1]) == (" bad", " good")
    assert good[0].endswith("\nLabel (bad or good):")


@pytest.mark.parametrize("name", [*LABELLED, *FREE])
def test_every_set_has_words_and_a_score_of_its_own_metric(
    name: str, shared_data: Path, setting: Setting
) -> None:
    [(_, protocol)] = pairs(find([f"prompt:{name}"]), None)
    asked = protocol.ask(read(f"prompt:{name}", shared_data).rows, setting)
    rows = asked.notes
    if rows[0].prompt.words:
        right = [row.options().index(row.prompt.texts(row.example)[2]) for row in rows]
        judgement = judged(protocol, asked, lambda i, k: Answer(-float(k != right[i]), 1))
        assert judgement.metrics[-1].value == 1.0  # accuracy
        assert judgement.metrics[-1].chance == pytest.approx(1 / len(rows[0].prompt.words))
    else:
        answers = [row.prompt.references(row.example)[0] for row in rows]
        judgement = judged(protocol, asked, lambda i, _: written(answers[i]))
        assert judgement.metrics[0].value == pytest.approx(100.0)
        assert ("\n" in stops(asked.rows[0][0])) == (name != "cnn_dm")
    own = known_datasets()[name].spec.metrics[0]
    assert judgement.metrics[0].name == {"rouge": "rouge_mean", "token_f1": "f1"}.get(own, own)
    assert judgement.metrics[0].value > 0.9


def test_the_world_s_sets_are_benchmarks_too(setting: Setting) -> None:
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
    first = data.evaluations["prompt:storyworld:entailment/prompt-1"].asked
    assert len(first.rows[0]) == 3
    assert texts_of(setting, first)[0][0][0].count("Answer:") == 2


def test_an_unknown_set_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown dataset 'rtee'; did you mean 'rte'\?"):
        read("prompt:rtee", tmp_path)
