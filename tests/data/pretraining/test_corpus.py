import pytest

from gpt_toolkit.data.pretraining.corpus import (
    hold_out_interval,
    normalize_newlines,
    split_documents,
    utf8_length,
)


@pytest.mark.parametrize(("fraction", "every"), [(0.0, 0), (0.05, 20), (0.1, 10), (0.5, 2), (0.34, 3)])
def test_a_fraction_holds_out_every_nth_document(fraction: float, every: int) -> None:
    assert hold_out_interval(fraction) == every


@pytest.mark.parametrize(
    ("text", "separator", "documents"),
    [
        ("a<|endoftext|>", "<|endoftext|>", ["a"]),
        ("a\n--\n\nb", "--", ["a", "b"]),
        ("a--b", None, ["a--b"]),
        ("\n", None, ["\n"]),
        ("", None, []),
        ("----", "--", []),
    ],
)
def test_a_record_is_divided_where_its_documents_end(
    text: str, separator: str | None, documents: list[str]
) -> None:
    assert split_documents(text, separator) == documents


def test_all_line_ends_become_line_feeds() -> None:
    assert normalize_newlines("a\r\nb\rc\n\r\r\n") == "a\nb\nc\n\n\n"


def test_lengths_are_those_of_utf8() -> None:
    assert [utf8_length(text) for text in ("", "abc", "é", "語", "🙂")] == [0, 3, 2, 3, 4]
