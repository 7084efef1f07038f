"""Each evaluator's windows and units of running text."""

import math
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_toolkit.batches import Answer, Continuation, Request, RunningText
from gpt_toolkit.evaluation import benchmark_files, megatron_detokenizers
from gpt_toolkit.evaluation.build_requests import Setting
from gpt_toolkit.evaluation.gpt2_benchmarks import BENCHMARKS
from gpt_toolkit.evaluation.items import Document
from gpt_toolkit.evaluation.perplexity import Corpus, ask_hf, disjoint, overlapping, pages, protocols
from tests.evaluation.conftest import by_name, judged

PLAIN = Corpus(None, None, in_parts=False, line_ends=False, headline="word_perplexity")


def corpus_of(name: str) -> Corpus:
    corpus = next(benchmark.corpus for benchmark in BENCHMARKS if benchmark.name == name)
    assert corpus is not None
    return corpus


WIKITEXT = corpus_of("wikitext2_raw")


def windows(request: Request) -> list[tuple[int, int, int]]:
    """First input, end of the inputs and first scored input of each window: what batch.py says of them."""
    assert isinstance(request, RunningText)
    found, scored, n = [], 0, len(request.ids) - 1
    while scored < n:
        end = min(scored + (request.window if scored == 0 else request.stride), n)
        found.append((max(0, end - request.window), end, scored))
        scored = end
    return found


def scored_ids(requests: list[Request]) -> list[int]:
    found: list[int] = []
    for request in requests:
        found += request.continuation if isinstance(request, Continuation) else request.ids[1:]
    return found


@given(n=st.integers(2, 400), window=st.integers(1, 7))
def test_disjoint_requests_are_the_windows_of_one(n: int, window: int) -> None:
    ids = list(range(n))
    whole = windows(RunningText(tuple(ids), window, window))
    parts = disjoint(ids, window)
    assert scored_ids(parts) == ids[1:]
    found = []
    for part in parts:
        assert isinstance(part, RunningText)
        found += [tuple(part.ids[0] + i for i in w) for w in windows(part)]
    assert found == whole


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
    ours = windows(requests[0])
    for rest in requests[1:]:
        assert isinstance(rest, Continuation)
        ours.append((rest.context[0], rest.continuation[-1], rest.context[-1]))
    assert ours == theirs


def test_windows_as_long_as_their_stride_leave_their_first_token_out(setting: Setting) -> None:
    small = Setting(setting.vocabulary, n_ctx=4)
    asked = ask_hf(None, None, PLAIN, [Document("abcdefghi")], small)
    [requests] = asked.rows
    assert [bytes(request.ids) for request in requests if isinstance(request, RunningText)] == [
        b"abcd",
        b"efgh",
    ]
    assert asked.notes[0].tokens == 6  # the ninth would be a window of its own, without anything to score


def test_a_stride_and_a_window_can_be_chosen(setting: Setting) -> None:
    [[request, *_]] = ask_hf(2, 4, PLAIN, [Document("abcdefghi")], setting).rows
    assert request == RunningText(tuple(b"abcdefgh"), 3, 2)


def test_the_paper_s_windows_overlap_by_half_after_the_end_of_text(setting: Setting) -> None:
    small = Setting(setting.vocabulary, n_ctx=8)
    asked = by_name(protocols(PLAIN), "paper-1").ask([Document("ab cd"), Document("ef")], small)
    assert asked.rows == [
        [RunningText((256, *b"ab cd"), 8, 4)],
        [RunningText((256, *b"ef"), 8, 4)],
    ]
    assert asked.notes[0]._asdict() == {"tokens": 5, "words": 2, "bytes": 5, "characters": 5}


def test_every_report_has_all_units_the_protocol_s_own_first(setting: Setting) -> None:
    protocol = by_name(protocols(PLAIN), "paper-1")
    asked = protocol.ask([Document("ab cé"), Document("e")], setting)
    metrics = judged(protocol, asked, lambda i, _: Answer(-4.0 if i else -5.0, 1)).metrics
    nats = 9.0
    assert [(metric.name, metric.n) for metric in metrics] == [
        ("word_perplexity", 3),
        ("token_perplexity", 7),
        ("byte_perplexity", 7),
        ("bits_per_byte", 7),
    ]
    assert metrics[0].value == pytest.approx(math.exp(nats / 3))
    assert metrics[3].value == pytest.approx(nats / 7 / math.log(2))
    assert metrics[0].interval > 0  # over two documents
    by_token = by_name(protocols(PLAIN), "hf-strided-1")
    metrics = judged(by_token, by_token.ask([Document("ab cd")], setting), lambda *_: Answer(-1.0, 1)).metrics
    assert metrics[0].name == "token_perplexity"
    assert math.isnan(metrics[0].interval)  # one stream


def test_text8_is_told_in_bits_per_character(setting: Setting) -> None:
    text8 = next(benchmark for benchmark in BENCHMARKS if benchmark.name == "text8")
    protocol = text8.protocols[0]
    [first, *_] = judged(
        protocol, protocol.ask([Document("ab c")], setting), lambda *_: Answer(-4.0, 4)
    ).metrics
    assert first.name == "bits_per_character"
    assert first.value == pytest.approx(1 / math.log(2))


def test_ends_of_lines_are_words_of_wikitext_and_ptb(shared_data: Path) -> None:
    for name, file, n in [("wikitext2", "wikitext2/test.txt", 245_569), ("ptb", "ptb/ptb.test.txt", 82_430)]:
        assert corpus_of(name).words((shared_data / file).read_text(encoding="utf-8")) == n


def test_hugging_face_s_token_count_of_wikitext2_comes_out(shared_data: Path, gpt2: Setting) -> None:
    rows = benchmark_files.read_wikitext(shared_data / "wikitext2" / "wiki.test.raw").rows
    assert len(rows) == 62
    [requests] = ask_hf(None, None, WIKITEXT, rows, gpt2).rows
    assert sum(len(request.ids) for request in requests if isinstance(request, RunningText)) == 287_644


def test_megatron_divides_by_one_word_less(gpt2: Setting) -> None:
    protocol = by_name(protocols(WIKITEXT), "megatron-1")
    text = " = A = \n \n One , two N more . \n"
    asked = protocol.ask([Document(text)], gpt2)
    [[request]] = asked.rows
    assert isinstance(request, RunningText)
    assert gpt2.vocabulary.decode(list(request.ids)) == " = A =\n\nOne, two 1 more.\n"
    assert (request.window, request.stride) == (1024, 32)
    assert asked.notes[0].tokens == len(request.ids) - 1
    assert asked.notes[0].words == len(text.strip().split(" ")) - 1


def test_pages_begin_at_their_titles() -> None:
    text = " \n = One = \n \n text \n = = Part = = \n more \n = Two = \n end \n"
    assert pages(text) == [" = One = \n \n text \n = = Part = = \n more ", " = Two = \n end \n"]


def test_the_first_pages_are_the_same_whatever_is_read_after_them(setting: Setting) -> None:
    protocol = by_name(protocols(WIKITEXT), "lm-eval-1")
    rows = benchmark_files.articles([" \n", " = One = \n", " a \n", " = Two = \n", " b \n"])
    assert [row.goes_on for row in rows] == [True, False]
    every, first = protocol.ask(rows, setting), protocol.ask(rows[:1], setting)
    assert every.rows[:1] == first.rows
    assert every.notes[:1] == first.notes
    assert len(every.rows) == 2


def test_published_detokenizers_lose_what_ours_keep() -> None:
    assert megatron_detokenizers.wikitext(' the " N " @-@ mark N ( a ) \n') == ' the "N"-mark 1 (a)\n'
    assert megatron_detokenizers.ptb(" it is n't $ N a \n <unk> 's \n") == " it isn't $1 a\n<unk>'s\n"


def test_documents_without_a_line_end_are_kept_apart_in_one_stream() -> None:
    assert PLAIN.whole([Document("a"), Document("b\n")]) == "a\n\nb\n"


def test_statements_name_what_is_done() -> None:
    for protocol in protocols(WIKITEXT):
        assert protocol.statement.endswith(").")
    assert "move by 512 tokens" in partial(BENCHMARKS[4].protocol, "hf-strided-1:512")().statement  # type: ignore[union-attr]


def test_gpt1_s_tokenizer_reads_the_same_text(gpt1: Setting) -> None:
    protocol = by_name(protocols(WIKITEXT), "paper-1")
    asked = protocol.ask([Document(" = A = \n The president is here . \n")], gpt1)
    assert asked.notes[0].words == 10
    assert isinstance(asked.rows[0][0], RunningText)
