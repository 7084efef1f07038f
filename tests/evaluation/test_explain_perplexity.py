"""Explanation of perplexities: its steps use the protocols' requests and multiply to the difference."""

import json
import math
from pathlib import Path

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.explain_perplexity import Explanation, explain
from gpt_toolkit.evaluation.items import Document
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import BENCHMARKS
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tokenizers import load_tokenizer

N_CTX = 48
TEXT = (
    " \n"
    " = Robert <unk> = \n"
    " \n"
    " Robert <unk> is an English film , television and theatre actor . He had a guest @-@ starring role . \n"
    " \n"
    " = = Career = = \n"
    " \n"
    ' In 2006 , <unk> starred in the play " Citizenship " ( written by Mark ) , at 1 @,@ 000 dollars . \n'
    " \n"
    " = Another = \n"
    " \n"
    " It 's a second article of the file , whose end is near . \n"
)
PTB = " no it was n't black monday \n but while the new york stock exchange did n't fall apart N N \n"
NEWS = "Ana has a boat .\nBen , however , has none .\n"
ROWS = {
    "wikitext2": [Document(TEXT)],
    "ptb": [Document(line) for line in PTB.splitlines(keepends=True)],
    "1bw": [Document(line) for line in NEWS.splitlines(keepends=True)],
    "text8": [
        Document("anarchism originated as a term of abuse first used against early working class " * 40)
    ],
    "storyworld:text": [Document("Mira sat by the well. She sang."), Document("Otto was late, as ever.")],
}
CONTEXT = Context(load_tokenizer("bytes"), N_CTX)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=N_CTX, n_layer=1, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(3.0)
    return decoder


@pytest.fixture
def scorer(decoder: Decoder) -> Scorer:
    return Scorer(decoder, load_tokenizer("bytes"))


def explained(benchmark: str, scorer: Scorer) -> list[Explanation]:
    found = BENCHMARKS[benchmark]
    return explain(scorer, benchmark, found.protocols, ROWS[benchmark], CONTEXT)


@pytest.mark.parametrize("benchmark", ROWS)
def test_changes_multiply_to_the_difference_and_numbers_are_the_protocols_own(
    benchmark: str, scorer: Scorer
) -> None:
    results = explained(benchmark, scorer)
    found = BENCHMARKS[benchmark]
    assert [result.protocol for result in results] == [str(protocol) for protocol in found.protocols]
    assert results[0].changes == ()
    for result, protocol in zip(results, found.protocols, strict=True):
        product = results[0].perplexity * math.prod(change.factor for change in result.changes)
        assert product == pytest.approx(result.perplexity, rel=1e-9)
        names = [change.what for change in result.changes]
        order = [name for name in ("text", "division", "prefix", "windows", "unit") if name in names]
        assert names == order
        built = protocol.build_requests(ROWS[benchmark], CONTEXT)
        answers = [scorer.answer(requests) for requests in built.requests]
        metric = protocol.compute_metrics(built.references, answers).scores[0]
        own = 2**metric.value if metric.metric.startswith("bits") else metric.value
        assert result.perplexity == pytest.approx(own, rel=1e-5)
        assert result.unit.removesuffix("s") in (
            metric.metric.partition("_")[0],
            metric.metric.rpartition("_")[2],
        )


def test_each_difference_is_named_with_both_values(scorer: Scorer) -> None:
    results = {result.protocol: result for result in explained("wikitext2", scorer)}
    changes = [change[:3] for change in results["lm-eval-1"].changes]
    words = {name: results[name].units["words"] for name in ("paper-1", "lm-eval-1")}
    assert changes == [
        ("text", "invertible rules", "published rules"),
        ("division", "one stream", "articles"),
        ("windows", "48, move by 24", "48, move by 48"),
        ("unit", f"{words['paper-1']} words", f"{words['lm-eval-1']} words"),
    ]
    changed = {change.what: (change.before, change.after) for change in results["hf-strided-1"].changes}
    assert changed["prefix"] == ("end of text", "none")
    assert changed["windows"] == ("48, move by 24", "48, each begun again")


def test_one_flag_prints_both_tables(
    decoder: Decoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "ptb.test.txt").write_text(PTB + " mr. <unk> said N \n", encoding="utf-8")
    options = ["--benchmarks", "storyworld:text,ptb", "--limit", "2", "--explain", "--no_check_files"]
    options += ["--root", str(tmp_path)]
    output = tmp_path / "why.json"
    assert main(["zero-shot", str(tmp_path / "model"), *options, "--output", str(output)]) == 0
    out = capsys.readouterr().out
    assert "storyworld:text: one model, one text" in out
    assert "storyworld:text: from paper-1, one change after the other" in out
    assert "ptb: from paper-1, one change after the other" in out
    results = json.loads(output.read_text(encoding="utf-8"))["benchmarks"]["storyworld:text"]
    assert [result["protocol"] for result in results] == [
        "paper-1",
        "lm-eval-1",
        "hf-strided-1",
        "megatron-1",
    ]
    for change in results[1]["changes"]:
        assert f"x{change['factor']:.4f}" in out
