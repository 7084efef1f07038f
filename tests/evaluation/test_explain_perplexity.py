"""Perplexity explained: readings are the protocols' own requests, and changes multiply to the difference."""

import json
import math
from pathlib import Path

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.build_requests import Setting
from gpt_toolkit.evaluation.explain_perplexity import Explained, explain, reading_of, requests_of
from gpt_toolkit.evaluation.items import Document
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
SETTING = Setting(load_tokenizer("bytes"), N_CTX)


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


@pytest.mark.parametrize("benchmark", ROWS)
@pytest.mark.parametrize(
    "spec", ["paper", "lm-eval", "hf-strided", "hf-strided-1:16", "hf-strided:8:32", "megatron"]
)
def test_a_reading_asks_what_its_protocol_asks(benchmark: str, spec: str) -> None:
    found = BENCHMARKS[benchmark]
    protocol = found.protocol(spec)
    assert protocol is not None
    assert found.corpus is not None
    reading = reading_of(protocol, found.corpus, N_CTX)
    asked = protocol.ask(ROWS[benchmark], SETTING)
    expected = [request for row in asked.rows for request in row]
    assert requests_of(reading, found.corpus, ROWS[benchmark], SETTING) == expected


def explained(benchmark: str, scorer: Scorer) -> list[Explained]:
    found = BENCHMARKS[benchmark]
    return explain(scorer, found, found.protocols, ROWS[benchmark], SETTING)


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
        asked = protocol.ask(ROWS[benchmark], SETTING)
        answers = [
            [
                answer
                for request in row
                for answer in (
                    scorer.continuations([request])  # type: ignore[list-item]
                    if type(request).__name__ == "Continuation"
                    else scorer.running_texts([request])  # type: ignore[list-item]
                )
            ]
            for row in asked.rows
        ]
        metric = protocol.judge(asked, answers).metrics[0]
        own = 2**metric.value if metric.name.startswith("bits") else metric.value
        assert result.perplexity == pytest.approx(own, rel=1e-5)
        assert result.unit.removesuffix("s") in (
            metric.name.partition("_")[0],
            metric.name.rpartition("_")[2],
        )


def test_each_difference_is_named_with_both_values(scorer: Scorer) -> None:
    results = {result.protocol: result for result in explained("wikitext2", scorer)}
    changes = [change[:3] for change in results["lm-eval-1"].changes]
    words = {name: results[name].read.units["words"] for name in ("paper-1", "lm-eval-1")}
    assert changes == [
        ("text", "invertible rules", "published rules"),
        ("division", "one stream", "articles"),
        ("windows", "48, move by 24", "48, move by 48"),
        ("unit", f"{words['paper-1']} words", f"{words['lm-eval-1']} words"),
    ]
    changed = {change.what: (change.before, change.after) for change in results["hf-strided-1"].changes}
    assert changed["prefix"] == ("end of text", "none")
    assert changed["windows"] == ("48, move by 24", "48, each begun anew")


def test_one_flag_prints_both_tables(
    decoder: Decoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LanguageModel(decoder, load_tokenizer("bytes")).save(tmp_path / "model")
    options = ["--benchmarks", "storyworld:text", "--limit", "2", "--explain"]
    output = tmp_path / "why.json"
    assert main(["zero-shot", str(tmp_path / "model"), *options, "--output", str(output)]) == 0
    out = capsys.readouterr().out
    assert "storyworld:text: one model, one text" in out
    assert "storyworld:text: from paper-1, one change after the other" in out
    results = json.loads(output.read_text(encoding="utf-8"))["benchmarks"]["storyworld:text"]
    assert [result["protocol"] for result in results] == [
        "paper-1",
        "lm-eval-1",
        "hf-strided-1",
        "megatron-1",
    ]
    for change in results[1]["changes"]:
        assert f"x{change['factor']:.4f}" in out
