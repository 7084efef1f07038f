"""Explanations of accuracies: the changes, each a protocol of its own, lead from one number to another."""

import json
from pathlib import Path

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation import lambada
from gpt_toolkit.evaluation.explain_accuracy import Explained, explain_accuracies
from gpt_toolkit.evaluation.items import LastWord
from gpt_toolkit.evaluation.multiple_choice import PROTOCOLS
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tokenizers import load_tokenizer
from tests.evaluation.test_multiple_choice import ITEMS, RECORDS

ALL = ITEMS | {
    "lambada": [
        LastWord("`` it was n't the boat , '' he said to the boat", tokenized=True),
        LastWord("it is a", tokenized=True),
    ]
}


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=160, n_layer=2, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(3.0)
    return decoder


@pytest.mark.parametrize("family", ["hellaswag", "choices", "minimal_pairs", "lambada"])
def test_explained_changes_lead_from_the_first_accuracy_to_each_other(decoder: Decoder, family: str) -> None:
    tokenizer = load_tokenizer("bytes")
    context, scorer = Context(tokenizer, decoder.config.n_ctx), Scorer(decoder, tokenizer)
    protocols: tuple[Explained, ...] = lambada.PROTOCOLS if family == "lambada" else PROTOCOLS[family]
    items = ALL[family]
    found = explain_accuracies(scorer, protocols, items, context)
    assert len(found) == sum(len(getattr(protocol, "rules", [0])) for protocol in protocols)
    values = []
    for protocol in protocols:
        built = protocol.build_requests(items, context)
        result = protocol.compute_metrics(built.references, [scorer.answer(each) for each in built.requests])
        values += [s.value for s in result.scores if not s.of and s.metric.startswith("accuracy")]
    assert [each.accuracy for each in found] == values
    for each in found:
        moved = sum(change.gained - change.lost for change in each.changes)
        assert each.accuracy == pytest.approx(found[0].accuracy + moved / len(items))
        assert all(change.before != change.after for change in each.changes)


def test_lambada_s_protocols_differ_in_text_scored_tokens_and_filter(decoder: Decoder) -> None:
    tokenizer = load_tokenizer("bytes")
    context, scorer = Context(tokenizer, decoder.config.n_ctx), Scorer(decoder, tokenizer)
    found = explain_accuracies(scorer, lambada.PROTOCOLS, ALL["lambada"], context)
    assert {each.protocol: [change.what for change in each.changes] for each in found} == {
        "paper-1": [],
        "paper-token-1": ["scored"],
        "lm-eval-1": ["text", "filter"],
        "megatron-1": ["scored", "filter"],
    }


def test_the_command_explains_accuracies_a_line_a_difference(
    decoder: Decoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    (tmp_path / "hellaswag").mkdir()
    lines = [json.dumps(RECORDS["hellaswag"][0]) for _ in range(2)]
    (tmp_path / "hellaswag" / "hellaswag_val.jsonl").write_text("\n".join(lines), encoding="utf-8")
    command = ["zero-shot", str(tmp_path / "model"), "--benchmarks", "hellaswag", "--root", str(tmp_path)]
    output = ["--explain", "--no_check_files", "--output", str(tmp_path / "why.json")]
    assert main([*command, *output]) == 0
    out = capsys.readouterr().out
    assert "hellaswag: from lm-eval-1 accuracy, items made right and wrong by each change" in out
    assert "as in the file" in out
    [(name, explanations)] = json.loads((tmp_path / "why.json").read_text())["benchmarks"].items()
    assert name == "hellaswag"
    assert [change["what"] for change in explanations[-1]["changes"]] == ["rule"]
