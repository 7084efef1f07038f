"""Cards read by the hub's own client and by a Markdown parser; records that come from data are escaped."""

import html
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from gpt_toolkit.backbone import DecoderConfig
from gpt_toolkit.checkpoints.model_card import card_files, escape, model_card, read_training

CONFIG = DecoderConfig(vocab_size=257, n_ctx=16, n_layer=2, n_head=2, n_embd=8)
TRAINING: dict[str, Any] = {
    "version": "0.1.0",
    "torch": "2.13.0",
    "task": "PretrainTask",
    "step": 30,
    "precision": "bf16-mixed",
    "init_from": "gpt2",
    "ledger": [
        {
            "first_step": 1,
            "last_step": 20,
            "plan": "p",
            "sources": [
                {"name": "a.txt", "fingerprint": "abc", "size": 100, "unit": "windows", "per_step": 10}
            ],
        },
        {"first_step": 21, "last_step": 30, "plan": None, "sources": [{"name": "MyData"}]},
    ],
    "settings": {
        "model.optimizer": "AdamW",
        "model.optimizer.lr": 0.01,
        "model.optimizer.betas": [0.9, 0.95],
    },
    "best_validation": {"val_loss": 3.25},
}
REPORT: dict[str, Any] = {
    "scores": [
        {
            "benchmark": "lambada",
            "protocol": "paper@1",
            "metric": "accuracy",
            "value": 45.5,
            "interval": 2.25,
            "n": 5153,
        },
        {
            "benchmark": "text",
            "protocol": "own@2",
            "metric": "perplexity",
            "value": None,
            "interval": None,
            "n": 0,
        },
    ],
    "protocols": {"lambada, paper@1": {"statement": "the last word, greedy"}},
}
AGREEMENT = {
    "engines": [
        {
            "engine": "transformers",
            "version": "5",
            "measured": "tokens",
            "n": 700,
            "largest": 2e-6,
            "mean": 1e-7,
        },
        {"engine": "llama.cpp", "skipped": "not installed"},
    ]
}
CONVERSION = {
    "source": "gpt2",
    "layout": "Hugging Face (safetensors)",
    "notes": ["the vocabulary is padded"],
    "logits": {"largest_difference": 1.5e-5, "largest_logit": 20.0},
}


def card(**fields: Any) -> ModelCard:
    named = {"training": TRAINING} | fields
    return ModelCard(model_card("me/own", CONFIG, **named))


def html_of(card: ModelCard) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(card.text))


def test_the_hub_s_client_reads_the_header() -> None:
    data: Any = card(reports=[REPORT]).data
    assert (data.library_name, data.pipeline_tag, data.base_model) == (
        "transformers",
        "text-generation",
        "gpt2",
    )
    assert data.tags == ["gpt2", "gpt-toolkit"]
    [result] = data.eval_results
    assert (result.dataset_name, result.dataset_config) == ("lambada", "paper@1")
    assert (result.metric_type, result.metric_value) == ("accuracy", 45.5)
    classifier: Any = card(classes=["a"]).data
    assert classifier.pipeline_tag == "text-classification"
    local: Any = card(training=TRAINING | {"init_from": "runs/own"}).data
    assert local.base_model is None


def test_a_card_has_everything_that_is_known() -> None:
    found = card(reports=[REPORT], conversion=CONVERSION, agreement=AGREEMENT)
    text = html_of(found)
    for part in (
        "<h1>me/own</h1>",
        "gt.load(&quot;me/own&quot;)",
        "AutoModelForCausalLM.from_pretrained(&quot;me/own&quot;)",
        "<td>1 to 20</td>\n<td>a.txt</td>\n<td>abc</td>\n<td>100 windows</td>\n<td>2.00</td>",
        "<td>21 to 30</td>\n<td>MyData</td>",
        "PretrainTask, 30 steps from gpt2, precision bf16-mixed, gpt_toolkit 0.1.0, torch 2.13.0.",
        "Best validation of the run: val_loss 3.25.",
        "<td>lambada</td>\n<td>paper@1</td>\n<td>accuracy</td>\n<td>45.5</td>\n<td>2.25</td>\n<td>5153</td>",
        "<li>lambada, paper@1: the last word, greedy</li>",
        "largest difference of logits 1.5e-05, largest logit 20.",
        "the vocabulary is padded",
        "Log-probabilities by transformers 5 (tokens, 700 in float32): largest difference 2e-06, mean 1e-07.",
    ):
        assert part in text, part
    assert "llama.cpp" not in text
    [settings] = [part for part in found.text.split("\n\n") if part.startswith("    ")]
    assert yaml.safe_load(settings) == TRAINING["settings"]


def test_a_card_of_an_unknown_model_has_no_empty_sections() -> None:
    text = html_of(card(training={}))
    assert text.count("<h2>") == 1
    assert "How to load" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a | b | c",
        "[link](http://x) ![image](http://x)",
        "`code` *bold* __bold__ # title",
        "a\n---\nlicense: mit\n# title",
        "<!-- comment &lt; \\",
        "$x$",
        'a"): import os # ',
    ],
)
def test_names_from_data_are_text(hostile: str) -> None:
    source = {"name": hostile, "fingerprint": hostile, "size": 1, "unit": hostile, "per_step": 1}
    training = TRAINING | {
        "ledger": [{"first_step": 1, "last_step": 1, "plan": None, "sources": [source]}],
        "task": hostile,
        "init_from": hostile,
        "best_validation": {hostile: 1.0},
        "settings": {hostile: hostile},
    }
    report = {
        "scores": [REPORT["scores"][0] | {"benchmark": hostile, "protocol": hostile}],
        "protocols": {hostile: {"statement": hostile}},
    }
    conversion = CONVERSION | {"source": hostile, "notes": [hostile]}
    text = model_card(hostile, CONFIG, training, classes=[hostile], reports=[report], conversion=conversion)
    found: Any = ModelCard(text)
    assert set(found.data.to_dict()) == {"library_name", "pipeline_tag", "tags", "model-index"}
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(found.text)
    inside = [part for token in tokens for part in token.children or []]
    kinds = {token.type for token in (*tokens, *inside)}
    assert not kinds & {
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "code_inline",
        "em_open",
        "strong_open",
    }
    assert [token.type for token in tokens].count("heading_open") == 6
    assert [token.type for token in tokens].count("tr_open") == 4
    [title] = [token.content for token in tokens if token.type == "inline"][:1]
    assert title == escape(hostile)
    assert MarkdownIt().renderInline(title) == html.escape(" ".join(hostile.split()), quote=True)


def test_a_record_is_read_back_and_names_no_folder(tmp_path: Path) -> None:
    training = json.loads(json.dumps(TRAINING))
    training["ledger"][0]["sources"][0]["name"] = "/home/ann/texts/a.txt, C:\\Users\\Ann\\b.txt, small/c.txt"
    files = card_files("own", CONFIG, training)
    assert sorted(files) == ["README.md", "training.json"]
    for name, text in files.items():
        assert "ann" not in text.lower()
        (tmp_path / name).write_text(text, encoding="utf-8")
    back = read_training(tmp_path)
    assert back["ledger"][0]["sources"][0]["name"] == "a.txt, b.txt, small/c.txt"
    assert back["settings"] == TRAINING["settings"]
    assert card_files("own", CONFIG, {}).keys() == {"README.md"}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model card: a record is damaged"):
        model_card("own", CONFIG, TRAINING | {"ledger": [{"first_step": 1}]})
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(ValueError, match=r"training.json: .*expected JSON"):
        read_training(tmp_path)
    (tmp_path / "training.json").write_text('["of another program"]')
    assert read_training(tmp_path) == {}
