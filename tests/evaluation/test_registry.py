"""Benchmarks are found by name with their protocols and numbers, and their files by name and content."""

import gzip
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpt_toolkit.evaluation import score_report
from gpt_toolkit.evaluation.items import (
    Cloze,
    Conversation,
    Document,
    LastWord,
    Question,
    Schema,
    Summary,
    Translation,
)
from gpt_toolkit.evaluation.protocol import EvaluationContext
from gpt_toolkit.evaluation.registry import BENCHMARKS, GROUPS, Files, find, pairs
from gpt_toolkit.evaluation.score_report import SIZES, paper_numbers, reproductions
from gpt_toolkit.tokenizers import load_tokenizer
from gpt_toolkit.yaml_files import read_yaml

PAPER = """lambada lambada_original cbt_cn cbt_ne wikitext2 wikitext103 ptb enwik8 text8 1bw winograd coqa
    cnn_dm wmt14_en_fr wmt14_fr_en natural_questions gpt1_cola gpt1_sst2 gpt1_race gpt1_dprd"""


def test_every_benchmark_of_both_papers_is_there_with_the_paper_s_protocol_first() -> None:
    assert set(PAPER.split()) <= {*GROUPS["gpt2"], *GROUPS["gpt1"]}
    assert sum(map(len, GROUPS.values())) == len(BENCHMARKS)
    of_papers = {name for group in ("gpt2", "gpt1", "storyworld") for name in GROUPS[group]}
    for benchmark in BENCHMARKS.values():
        assert (str(benchmark.protocols[0]) == "paper-1") == (benchmark.name in of_papers)
        names = [str(protocol) for protocol in benchmark.protocols]
        assert len(set(names)) == len(names)


def test_every_statement_is_one_line_that_names_its_source() -> None:
    for benchmark in BENCHMARKS.values():
        for protocol in benchmark.protocols:
            assert protocol.statement.endswith((".", ").", "correlation."))
            assert "\n" not in protocol.statement
            assert re.search(
                r"GPT-[12] (§|Table)|lm-eval 0\.4\.13|Megatron|perplexity\.md|paper-1|arXiv|llm\.c|nanochat@|"
                r"hf-strided-1",
                protocol.statement,
            )


def test_published_numbers_belong_to_benchmarks_and_protocols_that_exist() -> None:
    assert paper_numbers("lambada", "accuracy") == [0.4599, 0.5548, 0.6012, 0.6324]
    assert (paper_numbers("nothing", "accuracy"), reproductions("nothing")) == ([], [])
    published = read_yaml(Path(score_report.__file__).with_name("reference_results.yaml"))
    assert set(GROUPS["gpt2"]) <= published.keys() <= {*BENCHMARKS, "core"}
    for name, entry in published.items():
        assert all(len(values) == len(SIZES) for values in entry.get("paper", {}).values())
        for reproduction in reproductions(name):
            assert reproduction["model"] in SIZES
            protocol = reproduction["protocol"]
            benchmark = BENCHMARKS[name if name in BENCHMARKS else "core:copa"]
            assert protocol == "other" or benchmark.protocol(protocol) is not None


def test_names_and_groups_are_found_once() -> None:
    found = [benchmark.name for benchmark in find(["lambada", "gpt2", "lambada"])]
    assert found[0] == "lambada"
    assert sorted(found) == sorted(GROUPS["gpt2"])


def test_an_unknown_benchmark_is_refused_with_what_exists() -> None:
    with pytest.raises(
        ValueError,
        match=r"benchmarks: 'lamdaba' \(did you mean lambada.*; expected one of lambada, lambada_original, ",
    ):
        find(["lamdaba"])


def test_protocols_are_chosen_with_or_without_their_version() -> None:
    chosen = pairs(find(["lambada", "cbt_cn"]), ["paper", "lm-eval-1", "paper-1"])
    assert [(benchmark.name, str(protocol)) for benchmark, protocol in chosen] == [
        ("lambada", "paper-1"),
        ("lambada", "lm-eval-1"),
        ("cbt_cn", "paper-1"),
    ]
    assert len(pairs(find(["lambada"]), None)) == 4


def test_a_stride_and_a_window_belong_to_the_name() -> None:
    [(_, first), (_, second)] = pairs(find(["wikitext2_raw"]), ["hf-strided:512", "hf-strided-1:256:512"])
    assert (str(first), str(second)) == ("hf-strided-1:512", "hf-strided-1:256:512")
    statement = second.describe(EvaluationContext(load_tokenizer("bytes"), 1024))
    assert "512 tokens that move by 256 tokens" in statement
    with pytest.raises(ValueError, match="'hf-strided-1:x' does not end in a stride"):
        pairs(find(["wikitext2_raw"]), ["hf-strided-1:x"])
    with pytest.raises(ValueError, match="moves by more than its window"):
        pairs(find(["wikitext2_raw"]), ["hf-strided-1:8:4"])


def test_unknown_protocols_are_refused_with_what_exists() -> None:
    with pytest.raises(ValueError, match="protocols: megatron; expected at least one for cbt_cn: paper-1"):
        pairs(find(["cbt_cn"]), ["megatron"])
    with pytest.raises(ValueError, match="protocols: 'papier'; expected one of cbt_cn: paper-1"):
        pairs(find(["cbt_cn"]), ["paper", "papier"])
    with pytest.raises(ValueError, match="protocols: 'paper:3'; expected one of"):
        pairs(find(["cbt_cn"]), ["paper", "paper:3"])


# Sources of items

Write = Callable[[str, str | bytes], Path]

REAL = {
    "lambada": (5153, "OpenAI's LAMBADA test (checksum known), 5,153 rows"),
    "wikitext2": (62, "WikiText-2 test (checksum known), 4,358 lines"),
    "wikitext2_raw": (62, "WikiText-2 test, raw (checksum known), 4,358 lines"),
    "ptb": (3761, "Mikolov's Penn Treebank test (checksum known), 3,761 lines"),
    "winograd": (
        273,
        "the collection, of which the first 273 schemas are WSC273 (checksum known), 283 schemas",
    ),
    "cnn_dm": (100, "100 rows of CNN/Daily Mail training (checksum known), 100 rows"),
    "wmt14_en_fr": (1000, "Multi30k test 2016 (checksum known), 1,000 lines"),
    "wmt14_fr_en": (1000, "Multi30k test 2016 (checksum known), 1,000 lines"),
    "natural_questions": (3610, "NQ-open development (checksum known), 3,610 rows"),
    "gpt1_cola": (1043, "val, 1,043 rows"),
    "gpt1_sst2": (872, "val, 872 rows"),
    "gpt1_race": (288, "test, 288 rows"),
}


@pytest.mark.parametrize("name", REAL)
def test_every_real_file_is_found_and_its_variant_said(shared_data: Path, name: str) -> None:
    found = BENCHMARKS[name].read(shared_data)
    n, origin = REAL[name]
    assert len(found.items) == n
    assert found.origin.endswith(origin)
    assert len(BENCHMARKS[name].read(shared_data, 7).items) == 7


def test_what_is_not_the_paper_s_file_is_remarked(shared_data: Path) -> None:
    found = BENCHMARKS["cnn_dm"].read(shared_data)
    assert found.warnings == ["scored on training rows, not on the test"]


def test_the_two_forms_of_wikitext_are_told_apart_by_their_content(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "wikitext2").mkdir()
    (tmp_path / "wikitext2" / "test.txt").symlink_to(shared_data / "wikitext2" / "wiki.test.raw")
    with pytest.raises(FileNotFoundError, match=r"wikitext2: no file in .*test\.txt is of another format"):
        BENCHMARKS["wikitext2"].read(tmp_path)
    assert BENCHMARKS["wikitext2_raw"].read(tmp_path).items


def test_a_file_in_the_root_itself_is_found_packed_or_not(write: Write, tmp_path: Path) -> None:
    line = json.dumps({"text": "one two"}) + "\n"
    write("lambada_test.jsonl.gz", gzip.compress(line.encode()))
    found = BENCHMARKS["lambada"].read(tmp_path, check=False)
    assert found.items == [LastWord("one two")]
    assert found.warnings[0].startswith(
        "scored on a file that is not a known variant (1 rows); known: OpenAI's"
    )


def test_an_unknown_variant_is_refused_with_the_known_ones(write: Write, tmp_path: Path) -> None:
    write("lambada/lambada_test.jsonl", '{"text": "one two"}\n')
    with pytest.raises(
        ValueError, match=r"with 1 rows and checksum .*; expected .*OpenAI's LAMBADA test: 5,153 rows"
    ):
        BENCHMARKS["lambada"].read(tmp_path)


def test_a_file_of_the_right_size_with_another_checksum_says_so(write: Write, tmp_path: Path) -> None:
    write("lambada/lambada_test.jsonl", '{"text": "one two"}\n' * 5153)
    found = BENCHMARKS["lambada"].read(tmp_path)
    assert "OpenAI's LAMBADA test (by its size; checksum differs from the known one)" in found.origin


def test_a_missing_file_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"coqa: no file in .*coqa or .*; expected coqa-dev-v1\.0\.json; place it"
    ):
        BENCHMARKS["coqa"].read(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"coqa: root .*nowhere not found; expected a folder"):
        BENCHMARKS["coqa"].read(tmp_path / "nowhere")


def test_a_file_that_is_not_utf8_is_named(write: Write, tmp_path: Path) -> None:
    write("lambada/lambada_test.jsonl", b'{"text": "one \xff"}\n')
    with pytest.raises(ValueError, match=r"lambada_test.jsonl: byte 0xff at line 1"):
        BENCHMARKS["lambada"].read(tmp_path, check=False)


def test_cbt_s_validation_rows_come_before_its_test_rows(write: Write, tmp_path: Path) -> None:
    block = "".join(f"{n} S {n} .\n" for n in range(1, 21)) + "21 XXXXX .\ta\t\ta|b\n\n"
    write("cbt/cbtest_NE_test_2500ex.txt", block * 2)
    write("cbt/cbtest_CN_valid_2000ex.txt", block)
    assert "NE_test" in BENCHMARKS["cbt_ne"].read(tmp_path, check=False).origin
    write("cbt/cbtest_NE_valid_2000ex.txt", block)
    assert "NE_valid" in BENCHMARKS["cbt_ne"].read(tmp_path, check=False).origin


HUB: dict[str, tuple[list[dict[str, Any]], list[Any]]] = {
    "lambada": ([{"text": "a b"}], [LastWord("a b")]),
    "lambada_original": (
        [{"text": "it was n't a boat\n", "domain": "None"}],
        [LastWord("it was n't a boat", tokenized=True)],
    ),
    "ptb": ([{"sentence": "no it was n't black monday"}], [Document(" no it was n't black monday \n")]),
    "1bw": ([{"text": "A dog ran ."}], [Document("A dog ran .\n")]),
    "text8": ([{"text": "a b c"}], [Document("a b c")]),
    "enwik8": (
        [{"text": "\u00e9" * 2_500_000}, {"text": "end"}],
        [Document("\u00e9" * 2_499_998 + "end")],
    ),
    "winograd": (
        [
            {"text": "Ann met Bea, as she had hoped.", "pronoun": "she", "pronoun_loc": 16}
            | {"options": ["Ann", "Bea"], "label": 0, "source": ""}
        ],
        [Schema(("Ann met Bea, as Ann", "Ann met Bea, as Bea"), "had hoped.", 0)],
    ),
    "cbt_cn": (
        [{"sentences": ["A .", "B ."], "question": "XXXXX .", "answer": "y", "options": ["x", "y"]}],
        [Cloze(("A .", "B ."), "XXXXX .", 1, ("x", "y"), True)],
    ),
    "coqa": (
        [
            {"story": "S", "questions": ["Q1", "Q2"], "answers": {"input_text": ["a", "b"]}},
        ],
        [Conversation("S", ("Q1", "Q2"), (("a",), ("b",)))],
    ),
    "cnn_dm": ([{"article": "A", "highlights": "H", "id": "1"}], [Summary("A", "H")]),
    "wmt14_fr_en": ([{"translation": {"en": "dog", "fr": "chien"}}], [Translation("chien", "dog")]),
    "natural_questions": ([{"question": "who", "answer": ["Ann"]}], [Question("who", ("Ann",))]),
}

SCRIPTS = ("ptb", "enwik8")  # the hub has a conversion next to the owner's script


def test_the_hub_has_every_benchmark_but_one() -> None:
    """Except Rahman and Ng's file, which exists only on their page."""
    sources = [getattr(benchmark.source, "__self__", None) for benchmark in BENCHMARKS.values()]
    files = [source for source in sources if isinstance(source, Files)]
    assert [source.name for source in files if source.hub is None] == ["gpt1_dprd"]


@pytest.mark.parametrize("name", HUB)
def test_rows_come_from_the_hub_without_a_root(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    records, rows = HUB[name]
    import datasets

    def load(*args: object, **options: object) -> Any:
        assert options["revision"] == ("refs/convert/parquet" if name in SCRIPTS else None)
        return datasets.Dataset.from_list(records)

    monkeypatch.setattr(datasets, "load_dataset", load)
    found = BENCHMARKS[name].read()
    assert list(found.items) == rows
    assert found.origin.startswith("the hub's ")


@pytest.mark.parametrize("name", ["ptb", "winograd"])
def test_rows_of_the_hub_are_those_of_the_file(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Return records in the hub's form: bare sentences, and schemas with the position of the pronoun."""
    import datasets

    if name == "ptb":
        lines = (shared_data / "ptb" / "ptb.test.txt").read_text(encoding="utf-8").splitlines()
        records: list[dict[str, Any]] = [{"sentence": line.strip()} for line in lines]
    else:
        records = []
        for schema in ElementTree.parse(shared_data / "wsc" / "WSCollection.xml").getroot().iter("schema"):
            found = [schema.find(f"text/{tag}") for tag in ("txt1", "pron", "txt2")]
            parts = [" ".join((part.text or "").split()) if part is not None else "" for part in found]
            options = [" ".join((answer.text or "").split()) for answer in schema.iter("answer")]
            label = "AB".index((schema.findtext("correctAnswer") or "").strip()[0])
            place = len(parts[0]) + 1 if parts[0] else 0
            text = " ".join(parts).strip()
            records.append({"text": text, "pronoun": parts[1], "pronoun_loc": place, "options": options})
            records[-1]["label"] = label
        records = records[:273]
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(records))
    benchmark = BENCHMARKS[name]
    assert benchmark.read().items == benchmark.read(shared_data).items


def test_the_two_lambada_files_are_told_apart(write: Write, tmp_path: Path) -> None:
    write("lambada/lambada_test.jsonl", '{"text": "One two"}\n')
    with pytest.raises(FileNotFoundError, match=r"lambada_original: no file .*; expected lambada_test_plain"):
        BENCHMARKS["lambada_original"].read(tmp_path)
    write("lambada/lambada_test_plain_text.txt", "it was n't a boat\n" * 5153)
    found = BENCHMARKS["lambada_original"].read(tmp_path)
    assert (
        "the original LAMBADA test, lower case and tokenized (by its size; checksum unknown)" in found.origin
    )
    assert found.items[0] == LastWord("it was n't a boat", tokenized=True)
    assert BENCHMARKS["lambada"].read(tmp_path, check=False).items == [LastWord("One two")]


def test_wikitext_of_the_hub_is_that_of_the_file(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    text = (shared_data / "wikitext2" / "wiki.test.raw").read_text(encoding="utf-8")
    records = [{"text": f"{line}\n" if line.strip() else ""} for line in text.split("\n")[:-1]]
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(records))
    benchmark = BENCHMARKS["wikitext2_raw"]
    assert benchmark.read().items == benchmark.read(shared_data).items


def test_without_a_network_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load(*_: object, **__: object) -> Any:
        raise ConnectionError("Couldn't reach the hub")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(ValueError, match=r"Couldn't reach the hub.*place lambada_test.jsonl"):
        BENCHMARKS["lambada"].read()
    with pytest.raises(FileNotFoundError, match=r"gpt1_dprd: no dataset on the hub.*place test\.c\.txt"):
        BENCHMARKS["gpt1_dprd"].read()
