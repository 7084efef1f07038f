"""Windows and units of each perplexity evaluator."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.evaluation import benchmark_files
from gpt_toolkit.evaluation.detokenizers import PUBLISHED_DETOKENIZERS
from gpt_toolkit.evaluation.items import Document, split_articles
from gpt_toolkit.evaluation.perplexity import (
    Corpus,
    PerplexityProtocol,
    Reading,
    overlapping,
    perplexity_protocol,
    perplexity_protocols,
    split_pages,
)
from gpt_toolkit.evaluation.protocol import EvaluationContext as Context
from gpt_toolkit.evaluation.registry import BENCHMARKS
from gpt_toolkit.generation.requests import Answer, Continuation, Request, RunningText
from tests.evaluation.conftest import by_name, result_of

PLAIN = Corpus()


def corpus_of(name: str) -> Corpus:
    protocol = BENCHMARKS[name].protocols[0]
    assert isinstance(protocol, PerplexityProtocol)
    return protocol.corpus


WIKITEXT = corpus_of("wikitext2_raw")


JOINED = ("as the file has it", "lines joined by an empty line", False)
HF = perplexity_protocol("hf-strided-1", PLAIN)


@pytest.mark.parametrize(("spec", "joint"), [("hf-rows", ""), ("hf-lines", "\n"), ("hf-strided", "\n\n")])
def test_wikitext_s_rows_are_joined_as_scripts_on_the_hub_s_dataset_join_them(
    spec: str, joint: str, context: Context
) -> None:
    rows = ["", " = Title = \n", "", " A row . \n", " Another . \n"]  # as the hub's dataset has them
    file = "".join(row or " \n" for row in rows)
    protocol = BENCHMARKS["wikitext103_raw"].protocol(spec)
    assert protocol is not None
    [[request]] = protocol.build_requests([Document(file)], context).requests
    assert isinstance(request, RunningText)
    assert context.tokenizer.decode(list(request.ids)) == joint.join(rows)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("paper", ("invertible rules", "one stream", True, 48, 24, "word_perplexity", "file")),
        ("lm-eval", ("published rules", "articles", True, 48, 48, "word_perplexity", "whitespace")),
        ("megatron", ("published rules", "one stream", False, 48, 32, "word_perplexity", "spaces")),
        ("hf-strided", (*JOINED, 48, 0, "token_perplexity", "file")),
        ("hf-strided-1:16", (*JOINED, 47, 16, "token_perplexity", "file")),
        ("hf-rows", (JOINED[0], "lines joined by nothing", False, 48, 0, "token_perplexity", "file")),
        ("hf-lines", (JOINED[0], "lines joined by a line end", False, 48, 0, "token_perplexity", "file")),
        ("hf-strided:8:32", (*JOINED, 31, 8, "token_perplexity", "file")),
    ],
)
def test_a_reading_says_all_that_a_protocol_does(spec: str, expected: tuple[Any, ...]) -> None:
    protocol = BENCHMARKS["wikitext2"].protocol(spec)
    assert isinstance(protocol, PerplexityProtocol)
    assert protocol.reading(48) == Reading(*expected)


def windows(request: Request) -> list[tuple[int, int, int]]:
    """Return first input, end of the inputs and first scored input of each window."""
    assert isinstance(request, RunningText)
    found, scored, n = [], request.n_context, len(request.ids) - 1
    while scored < n:
        end = min(scored + (request.window if scored == 0 else request.stride), n)
        found.append((max(0, end - request.window), end, scored))
        scored = end
    return found


def scored_ids(requests: Sequence[Request]) -> list[int]:
    found: list[int] = []
    for request in requests:
        if isinstance(request, RunningText):
            found += request.ids[request.n_context + 1 :]
        elif isinstance(request, Continuation):
            found += request.continuation
    return found


@given(n=st.integers(1, 400), window=st.integers(1, 40), n_windows=st.integers(1, 9), data=st.data())
def test_a_divided_text_has_the_windows_of_the_whole(
    n: int, window: int, n_windows: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, window))
    ids = list(range(n))
    whole = RunningText(tuple(ids), window, stride)
    parts = whole.divided(n_windows)
    assert scored_ids([*parts]) == ids[1:]
    assert sum(part.n_scored for part in parts) == whole.n_scored == n - 1
    assert list(whole.windows()) == windows(whole)
    found = []
    for part in parts:
        assert list(part.windows()) == windows(part)
        assert len(windows(part)) <= n_windows
        assert len(part.ids) <= window + n_windows * stride + 1
        found += [tuple(part.ids[0] + i for i in w) for w in windows(part)]
    assert found == windows(whole)


def test_a_long_text_is_divided_into_requests_that_are_scored_alike(context: Context) -> None:
    small = Context(context.tokenizer, n_ctx=8)
    text = "so " * 200
    overlapping_by_six = HF.with_windows(["2"], "hf-strided-1:2")
    assert overlapping_by_six is not None
    for protocol, n_requests in (
        (perplexity_protocol("paper-1", PLAIN), 5),
        (perplexity_protocol("lm-eval-1", PLAIN), 3),
        (overlapping_by_six, 10),
    ):
        built = protocol.build_requests([Document(text)], small)
        [requests] = built.requests
        assert len(requests) == n_requests
        assert len(scored_ids(requests)) == built.references[0].tokens
        assert built.references[0].tokens == len(text) - (protocol is overlapping_by_six)


@given(n=st.integers(2, 120), window=st.integers(2, 12), data=st.data())
def test_overlapping_windows_are_hugging_face_s(n: int, window: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, window - 1))
    ids = list(range(n))
    requests = overlapping(ids, window - 1, stride)
    assert scored_ids(requests) == ids[1:]
    theirs, previous = [], 0  # the loop of docs/source/en/perplexity.md
    for begin in range(0, n, stride):
        end = min(begin + window, n)
        if end > max(previous, 1):
            theirs.append((begin, end - 1, max(previous, 1) - 1))
        previous = end
        if end == n:
            break
    ours = []
    for request in requests:
        if isinstance(request, Continuation):
            ours.append((request.context[0], request.continuation[-1], request.context[-1]))
        else:
            ours += [tuple(request.ids[0] + i for i in w) for w in windows(request)]  # type: ignore[misc]
    assert ours == theirs


def test_windows_as_long_as_their_stride_leave_their_first_token_out(context: Context) -> None:
    small = Context(context.tokenizer, n_ctx=4)
    built = HF.build_requests([Document("abcdefghi")], small)
    [requests] = built.requests
    assert [bytes(request.ids) for request in requests if isinstance(request, RunningText)] == [
        b"abcd",
        b"efgh",
    ]
    assert (
        built.references[0].tokens == 6
    )  # the ninth would be a window of its own, without anything to score


def test_the_paper_s_windows_overlap_by_half_after_the_end_of_text(context: Context) -> None:
    small = Context(context.tokenizer, n_ctx=8)
    built = by_name(perplexity_protocols(PLAIN), "paper-1").build_requests(
        [Document("ab cd"), Document("ef")], small
    )
    assert built.requests == [
        [RunningText((256, *b"ab cd"), 8, 4)],
        [RunningText((256, *b"ef"), 8, 4)],
    ]
    assert built.references[0]._asdict() == {"tokens": 5, "words": 2, "bytes": 5, "characters": 5}


def test_every_report_has_all_units_the_protocol_s_own_first(context: Context) -> None:
    protocol = by_name(perplexity_protocols(PLAIN), "paper-1")
    built = protocol.build_requests([Document("ab cé"), Document("e")], context)
    metrics = result_of(protocol, built, lambda i, _: Answer(-4.0 if i else -5.0, 1)).scores
    nats = 9.0
    assert [(metric.metric, metric.n) for metric in metrics] == [
        ("word_perplexity", 3),
        ("token_perplexity", 7),
        ("byte_perplexity", 7),
        ("bits_per_byte", 7),
    ]
    assert metrics[0].value == pytest.approx(math.exp(nats / 3))
    assert metrics[3].value == pytest.approx(nats / 7 / math.log(2))
    assert metrics[0].interval > 0  # over two documents
    by_token = by_name(perplexity_protocols(PLAIN), "hf-strided-1")
    metrics = result_of(
        by_token, by_token.build_requests([Document("ab cd")], context), lambda *_: Answer(-1.0, 1)
    ).scores
    assert metrics[0].metric == "token_perplexity"
    assert math.isnan(metrics[0].interval)  # one stream


def test_text8_is_told_in_bits_per_character(context: Context) -> None:
    protocol = BENCHMARKS["text8"].protocols[0]
    [first, *_] = result_of(
        protocol, protocol.build_requests([Document("ab c")], context), lambda *_: Answer(-4.0, 4)
    ).scores
    assert first.metric == "bits_per_character"
    assert first.value == pytest.approx(1 / math.log(2))


def test_ends_of_lines_are_words_of_wikitext_and_ptb(shared_data: Path) -> None:
    for name, file, n in [("wikitext2", "wikitext2/test.txt", 245_569), ("ptb", "ptb/ptb.test.txt", 82_430)]:
        assert corpus_of(name).count_words((shared_data / file).read_text(encoding="utf-8")) == n


def test_hugging_face_s_token_count_of_wikitext2_comes_out(shared_data: Path, gpt2: Context) -> None:
    items = benchmark_files.read_wikitext(shared_data / "wikitext2" / "wiki.test.raw").items
    assert len(items) == 62
    [requests] = by_name(perplexity_protocols(WIKITEXT), "hf-strided-1").build_requests(items, gpt2).requests
    assert sum(len(request.ids) for request in requests if isinstance(request, RunningText)) == 287_644


def test_megatron_divides_by_one_word_less(gpt2: Context) -> None:
    protocol = by_name(perplexity_protocols(WIKITEXT), "megatron-1")
    text = " = A = \n \n One , two N more . \n"
    built = protocol.build_requests([Document(text)], gpt2)
    [[request]] = built.requests
    assert isinstance(request, RunningText)
    assert gpt2.tokenizer.decode(list(request.ids)) == " = A =\n\nOne, two 1 more.\n"
    assert (request.window, request.stride) == (1024, 32)
    assert built.references[0].tokens == len(request.ids) - 1
    assert built.references[0].words == len(text.strip().split(" ")) - 1


def test_pages_begin_at_their_titles() -> None:
    text = " \n = One = \n \n text \n = = Part = = \n more \n = Two = \n end \n"
    assert split_pages(text) == [" = One = \n \n text \n = = Part = = \n more ", " = Two = \n end \n"]


def test_the_first_pages_are_the_same_whatever_is_read_after_them(context: Context) -> None:
    protocol = by_name(perplexity_protocols(WIKITEXT), "lm-eval-1")
    rows = split_articles([" \n", " = One = \n", " a \n", " = Two = \n", " b \n"])
    assert [row.goes_on for row in rows] == [True, False]
    every, first = protocol.build_requests(rows, context), protocol.build_requests(rows[:1], context)
    assert every.requests[:1] == first.requests
    assert every.references[:1] == first.references
    assert len(every.requests) == 2


def test_published_detokenizers_lose_what_ours_keep() -> None:
    assert PUBLISHED_DETOKENIZERS["wikitext"](' the " N " @-@ mark N ( a ) \n') == ' the "N"-mark 1 (a)\n'
    assert PUBLISHED_DETOKENIZERS["ptb"](" it is n't $ N a \n <unk> 's \n") == " it isn't $1 a\n<unk>'s\n"


def test_documents_without_a_line_end_are_kept_apart_in_one_stream() -> None:
    assert PLAIN.stream([Document("a"), Document("b\n")]) == "a\n\nb\n"
