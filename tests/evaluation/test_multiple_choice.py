"""Protocols of HellaSwag, PIQA, ARC, WinoGrande and BLiMP: their texts, and their rules on plain logits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.evaluation.items import (
    Choice,
    HellaSwag,
    MinimalPair,
    Schema,
    arc,
    hellaswag,
    piqa,
    winogrande,
)
from gpt_toolkit.evaluation.multiple_choice import PROTOCOLS
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import BENCHMARKS
from gpt_toolkit.generation.requests import Answer
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tokenizers import load_tokenizer
from tests.evaluation.conftest import by_name, result_of, texts_of

END = "<|endoftext|>"
SCENE = HellaSwag(
    "Roof repair",
    "[header] A man is on a roof.",
    "he",
    "[header] A man is on a roof. he",
    ("starts [substeps] to pull.", "starts  singing [title] Then he stops."),
    1,
)
ITEMS: dict[str, list[Any]] = {
    "hellaswag": [
        SCENE,
        HellaSwag(
            "Cooking", "A pan is hot.", "she", "A pan is hot. she", ("adds oil.", "adds oil and salt."), 0
        ),
        HellaSwag("Games", "Two play.", "", "Two play.", ("They win.", "It rains on them."), 0),
    ],
    "choices": [
        Choice("Question: What is hot?\nAnswer:", ("ice", "a fire"), 1),
        Choice("Question: What is cold?\nAnswer:", ("ice", "the fire"), 0),
    ],
    "winogrande": [Schema(("The cup fell as the cup", "The cup fell as the mat"), "was wet.", 1)],
    "minimal_pairs": [
        MinimalPair(("Cats sleep.", "Cats sleeps."), "agreement"),
        MinimalPair(("Who left?", "Who it left?"), "islands"),
    ],
}


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=160, n_layer=2, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(3.0)
    return decoder


def test_each_protocol_of_hellaswag_has_its_text(context: Context) -> None:
    def text(name: str) -> list[list[str]]:
        return texts_of(context, by_name(PROTOCOLS["hellaswag"], name).build_requests([SCENE], context))[0]

    cleaned = "Roof repair: A man is on a roof. He"
    endings = ["starts to pull.", "starts singing. Then he stops."]
    assert text("lm-eval-1") == [[cleaned, f" {ending}"] for ending in endings]
    assert text("build-nanogpt-1") == [[SCENE.context, f" {ending}"] for ending in SCENE.endings]
    common = f"{END}{cleaned} starts "  # the endings differ from here on
    assert text("core-1") == [[common, "to pull."], [common, "singing. Then he stops."]]
    assert text("dc-pmi-1")[2:] == [["He", f" {ending}"] for ending in endings]


def test_texts_of_the_other_benchmarks(context: Context) -> None:
    def text(family: str, name: str) -> list[list[str]]:
        return texts_of(context, by_name(PROTOCOLS[family], name).build_requests(ITEMS[family][:1], context))[
            0
        ]

    question = "Question: What is hot?\nAnswer:"
    assert text("choices", "lm-eval-1") == [[question, " ice"], [question, " a fire"]]
    assert text("choices", "dc-pmi-1")[2:] == [["Answer:", " ice"], ["Answer:", " a fire"]]
    assert text("winogrande", "lm-eval-1")[1] == ["The cup fell as the mat", " was wet."]
    assert text("minimal_pairs", "lm-eval-1") == [[END, " Cats sleep."], [END, " Cats sleeps."]]
    assert text("minimal_pairs", "plain-1") == [[END, "Cats sleep."], [END, "Cats sleeps."]]


def test_rules_choose_by_their_formula(context: Context) -> None:
    item = Choice("Q", ("ab", "abcdef"), 1)
    log_p = [-2.0, -5.0]  # sums; -1.0 and -0.83 a character
    [score, per_character] = result_of(
        protocol := by_name(PROTOCOLS["choices"], "lm-eval-1"),
        protocol.build_requests([item], context),
        lambda _, k: Answer(log_p[k], 3),
    ).scores
    assert (score.metric, score.value, score.chance) == ("accuracy", 0.0, 0.5)
    assert (per_character.metric, per_character.value) == ("accuracy_per_character", 1.0)
    gains = [-2.0, -5.0, -1.0, -8.0]  # the second option gains 3
    protocol = by_name(PROTOCOLS["choices"], "dc-pmi-1")
    result = result_of(protocol, protocol.build_requests([item], context), lambda _, k: Answer(gains[k], 3))
    assert (result.scores[0].metric, result.scores[0].value) == ("accuracy_pmi", 1.0)
    assert result.items[0]["scores"] == [-1.0, 3.0]


def test_blimp_has_a_score_for_each_phenomenon(context: Context) -> None:
    protocol = by_name(PROTOCOLS["minimal_pairs"], "plain-1")
    built = protocol.build_requests(ITEMS["minimal_pairs"], context)
    result = result_of(protocol, built, lambda i, k: Answer(-1.0 if i == k else -2.0, 1))
    assert [(score.label, score.value, score.n) for score in result.scores] == [
        ("accuracy", 0.5, 2),
        ("accuracy (agreement)", 1.0, 1),
        ("accuracy (islands)", 0.0, 1),
    ]


def test_build_nanogpt_s_decisions_are_those_of_plain_losses(decoder: Decoder) -> None:
    """A scene and its endings, encoded apart and read whole, as in hellaswag.py; the ending's loss."""
    tokenizer = load_tokenizer("bytes")
    context = Context(tokenizer, decoder.config.n_ctx)
    protocol = by_name(PROTOCOLS["hellaswag"], "build-nanogpt-1")
    built = protocol.build_requests(ITEMS["hellaswag"], context)
    scorer = Scorer(decoder, tokenizer)
    answers = [scorer.answer(requests) for requests in built.requests]
    result = protocol.compute_metrics(built.references, answers)
    for item, found in zip(ITEMS["hellaswag"], result.items, strict=True):
        sums, means = [], []
        for ending in item.endings:
            before, after = tokenizer.encode(item.context), tokenizer.encode(f" {ending}")
            ids = torch.tensor([before + after])
            with torch.no_grad():
                logits = decoder.logits(decoder(ids))
            losses = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
            losses = losses[len(before) - 1 :]
            sums.append(float(losses.sum()))
            means.append(float(losses.mean()))
        assert found["scores"] == pytest.approx([-loss for loss in sums], rel=1e-4)
        assert found["tokens_scores"] == pytest.approx([-loss for loss in means], rel=1e-4)
        assert found["chosen"] == sums.index(min(sums))
        assert found["tokens_chosen"] == means.index(min(means))


# Records and files

RECORDS: dict[str, tuple[dict[str, Any], Any]] = {
    "hellaswag": (
        {
            "activity_label": "A",
            "ctx_a": "B.",
            "ctx_b": "c",
            "ctx": "B. c",
            "endings": ["d", "e"],
            "label": "1",
        },
        HellaSwag("A", "B.", "c", "B. c", ("d", "e"), 1),
    ),
    "piqa": (
        {"goal": "Eat", "sol1": "fork", "sol2": "knife", "label": 0},
        Choice("Question: Eat\nAnswer:", ("fork", "knife"), 0),
    ),
    "arc_easy": (
        {"question": "Q?", "choices": {"text": ["x", "y", "z"], "label": ["1", "2", "3"]}, "answerKey": "3"},
        Choice("Question: Q?\nAnswer:", ("x", "y", "z"), 2),
    ),
    "arc_challenge": (
        {
            "question": {
                "stem": "Q?",
                "choices": [{"text": "x", "label": "A"}, {"text": "y", "label": "B"}],
            },
            "answerKey": "B",
        },
        Choice("Question: Q?\nAnswer:", ("x", "y"), 1),
    ),
    "winogrande": (
        {"sentence": "A met B as _ had said.", "option1": "A", "option2": "B", "answer": "2"},
        Schema(("A met B as A", "A met B as B"), "had said.", 1),
    ),
    "blimp": (
        {"sentence_good": "Go.", "sentence_bad": "Goes.", "linguistics_term": "x", "UID": "y"},
        MinimalPair(("Go.", "Goes."), "x"),
    ),
}
NAMES = {"arc_easy": "test.jsonl", "arc_challenge": "ARC-Challenge-Test.jsonl"}


@pytest.mark.parametrize("name", RECORDS)
def test_files_in_the_root_are_read(name: str, tmp_path: Path) -> None:
    record, item = RECORDS[name]
    folder = tmp_path / name
    folder.mkdir()
    (folder / NAMES.get(name, "validation.jsonl")).write_text(json.dumps(record) + "\n", encoding="utf-8")
    assert list(BENCHMARKS[name].read(tmp_path, check=False).items) == [item]


@pytest.mark.parametrize("name", ["hellaswag", "piqa", "arc_easy", "winogrande"])
def test_the_hub_s_parquet_files_are_read(name: str, tmp_path: Path) -> None:
    import datasets

    record, item = RECORDS[name]
    (tmp_path / name).mkdir()
    prefix = NAMES.get(name, "validation.jsonl").partition(".")[0]
    path = tmp_path / name / f"{prefix}-00000-of-00001.parquet"
    datasets.Dataset.from_list([record]).to_parquet(str(path))
    assert list(BENCHMARKS[name].read(tmp_path, check=False).items) == [item]


def test_blimp_is_all_files_of_its_folder(tmp_path: Path) -> None:
    record, _ = RECORDS["blimp"]
    (tmp_path / "blimp").mkdir()
    for name in ("b", "a"):
        line = json.dumps(record | {"linguistics_term": name})
        (tmp_path / "blimp" / f"{name}.jsonl").write_text(f"{line}\n{line}\n", encoding="utf-8")
    found = BENCHMARKS["blimp"].read(tmp_path, check=False)
    assert [each.group for each in found.items] == ["a", "b", "a", "b"]  # the first are of all files
    assert "2 files" in found.origin


def test_blimp_of_the_hub_is_all_its_configurations(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    record, _ = RECORDS["blimp"]
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda path: ["one", "two"])
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda path, name, **_: datasets.Dataset.from_list([record | {"linguistics_term": name}]),
    )
    assert [item.group for item in BENCHMARKS["blimp"].read().items] == ["one", "two"]


@pytest.mark.parametrize(
    ("convert", "record", "message"),
    [
        (hellaswag, RECORDS["hellaswag"][0] | {"label": ""}, "label: ''; expected 0 to 1; take a split with"),
        (piqa, RECORDS["piqa"][0] | {"label": -1}, "label: -1; expected 0 to 1"),
        (arc, RECORDS["arc_easy"][0] | {"answerKey": "D"}, "answerKey: 'D'; expected one of 1, 2, 3"),
        (winogrande, RECORDS["winogrande"][0] | {"answer": ""}, "expected a gap, _, and 1 or 2"),
    ],
)
def test_a_record_without_an_answer_is_refused(
    convert: Callable[[Any], Any], record: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        convert(record)
