"""Every benchmark and protocol has its name, its statement and its published numbers."""

import re

import pytest

from gpt_toolkit.evaluation.reference_results import SIZES, published
from gpt_toolkit.evaluation.registry import BENCHMARKS, GROUPS, find, pairs

PAPER = """lambada lambada_original cbt_cn cbt_ne wikitext2 wikitext103 ptb enwik8 text8 1bw winograd coqa
    cnn_dm wmt14_en_fr wmt14_fr_en natural_questions gpt1_cola gpt1_sst2 gpt1_race gpt1_dprd"""


def test_every_benchmark_of_both_papers_is_there_with_the_paper_s_protocol_first() -> None:
    assert set(PAPER.split()) <= {*GROUPS["gpt2"], *GROUPS["gpt1"]}
    assert sum(map(len, GROUPS.values())) == len(BENCHMARKS)
    for benchmark in BENCHMARKS.values():
        assert str(benchmark.protocols[0]) == "paper-1"
        names = [str(protocol) for protocol in benchmark.protocols]
        assert len(set(names)) == len(names)


def test_every_statement_is_one_line_that_names_its_source() -> None:
    for benchmark in BENCHMARKS.values():
        for protocol in benchmark.protocols:
            assert protocol.statement.endswith((".", ").", "correlation."))
            assert "\n" not in protocol.statement
            assert re.search(
                r"GPT-[12] (§|Table)|lm-eval 0\.4\.13|Megatron|perplexity\.md|paper-1", protocol.statement
            )


def test_published_numbers_belong_to_benchmarks_and_protocols_that_exist() -> None:
    assert published("lambada").paper["accuracy"] == (0.4599, 0.5548, 0.6012, 0.6324)
    assert published("nothing") == ({}, ())
    n = 0
    for name, benchmark in BENCHMARKS.items():
        found = published(name)
        n += bool(found.paper)
        assert all(len(values) == len(SIZES) for values in found.paper.values())
        for reproduction in found.reproductions:
            assert reproduction.model in SIZES
            assert reproduction.protocol == "other" or benchmark.protocol(reproduction.protocol) is not None
    assert n == len(GROUPS["gpt2"])


def test_names_and_groups_are_found_once() -> None:
    found = [benchmark.name for benchmark in find(["lambada", "gpt2", "lambada"])]
    assert found[0] == "lambada"
    assert sorted(found) == sorted(GROUPS["gpt2"])


def test_an_unknown_benchmark_is_refused_with_what_exists() -> None:
    with pytest.raises(
        ValueError,
        match=r"there is no 'lamdaba' \(did you mean lambada.*; there are lambada, lambada_original, ",
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
    assert "512 tokens that move by 256 tokens" in second.statement
    with pytest.raises(ValueError, match="'hf-strided-1:x' does not end in a stride"):
        pairs(find(["wikitext2_raw"]), ["hf-strided-1:x"])
    with pytest.raises(ValueError, match="moves by more than its window"):
        pairs(find(["wikitext2_raw"]), ["hf-strided-1:8:4"])


def test_unknown_protocols_are_refused_with_what_exists() -> None:
    with pytest.raises(
        ValueError, match=r"cbt_cn can be read under paper-1, and none of these is in megatron"
    ):
        pairs(find(["cbt_cn"]), ["megatron"])
    with pytest.raises(
        ValueError, match=r"there is no 'papier' for these benchmarks. There are cbt_cn: paper-1"
    ):
        pairs(find(["cbt_cn"]), ["paper", "papier"])
    with pytest.raises(ValueError, match="there is no 'paper:3'"):
        pairs(find(["cbt_cn"]), ["paper", "paper:3"])
