"""De-tokenizers: invertible on every text, with readable output."""

import gzip
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpt_toolkit.evaluation.detokenizers import DETOKENIZERS, ESCAPE, Detokenizer

WIKITEXT, PENN_TREEBANK, ONE_BILLION_WORDS, BOOKS = ALL = tuple(DETOKENIZERS.values())
WORDS = r"""a dogs s ' '' `` ` " , . ... ( ) [ $ @-@ @,@ @.@ = == 's n't 't U.S. Mr. x.y 1 000 1,000 4.5 -LRB-
    \/ / a/b it's don't % # N - -- @ 'tis"""
TOKENS = [*WORDS.split(), ESCAPE, f"{ESCAPE}a", f"a{ESCAPE}", "\u00a0", "\n", ""]


@pytest.mark.parametrize(
    ("name", "detokenizer"),
    [
        ("wikitext2/test.txt", WIKITEXT),
        ("wikitext2/valid.txt", WIKITEXT),
        ("wikitext2/wiki.test.raw", WIKITEXT),
        ("ptb/ptb.test.txt", PENN_TREEBANK),
        ("ptb/ptb.valid.txt", PENN_TREEBANK),
        ("ptb/ptb.train.txt.gz", PENN_TREEBANK),
    ],
)
def test_every_line_of_the_real_files_comes_back(
    shared_data: Path, name: str, detokenizer: Detokenizer
) -> None:
    data = (shared_data / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    running = detokenizer.detokenize(text)
    assert detokenizer.retokenize(running) == text
    assert running.count("\n") == text.count("\n")
    n_blanks, n_tokens = text.count(" ") - running.count(" "), len(text.split())
    assert n_blanks > n_tokens // 10  # it does something
    assert running.count(ESCAPE) < n_tokens // 2000  # and what cannot be written plainly is rare


@pytest.mark.parametrize("detokenizer", ALL, ids=list(DETOKENIZERS))
@given(
    text=st.one_of(
        st.text(),
        st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join),
        st.lists(st.sampled_from(TOKENS), max_size=12).map(lambda tokens: f" {' '.join(tokens)} \n"),
    )
)
@example(text="\n ")  # a last line that is written as nothing
def test_every_text_comes_back(detokenizer: Detokenizer, text: str) -> None:
    assert detokenizer.retokenize(detokenizer.detokenize(text)) == text


@pytest.mark.parametrize(
    ("detokenizer", "tokenized", "running"),
    [
        (
            WIKITEXT,
            " He had a guest @-@ starring role , worth $ 1 @,@ 000 @.@ 50 ( or 5 % ) , in U.S. shows . \n",
            "He had a guest-starring role, worth $1,000.50 (or 5%), in U.S. shows.\n",
        ),
        (
            WIKITEXT,
            ' " It \'s Teddy \'s " , he said : " I did n\'t . " \n',
            '"It\'s Teddy\'s", he said: "I didn\'t."\n',
        ),
        (
            WIKITEXT,
            " = = Early life = = \n \n <unk> Lewis ' house . \n",
            "== Early life ==\n\n<unk> Lewis' house.\n",
        ),
        (
            PENN_TREEBANK,
            " the company 's $ N <unk> was n't its clients ' and\\/or mr. N 's \n",
            "the company's $N <unk> wasn't its clients' and/or mr. N's\n",
        ),
        (
            ONE_BILLION_WORDS,
            "\" I 'm sure , \" Ms. Lee said -- ( it was n't ) .\n",
            "\"I'm sure,\" Ms. Lee said -- (it wasn't).\n",
        ),
        (
            BOOKS,
            "`` They are n't here , '' said Jack -LRB- the boy 's friend -RRB- .",
            "\"They aren't here,\" said Jack (the boy's friend).",
        ),
    ],
)
def test_tokens_are_written_as_people_write_them(
    detokenizer: Detokenizer, tokenized: str, running: str
) -> None:
    assert detokenizer.detokenize(tokenized) == running
    assert detokenizer.retokenize(running) == tokenized


def test_what_the_rules_would_split_stands_behind_the_escape() -> None:
    assert WIKITEXT.detokenize(" it's ") == f"{ESCAPE}it's"
    assert WIKITEXT.detokenize("no padding") == f"{ESCAPE} no padding"
    assert WIKITEXT.detokenize(" in St . \n") == "in St .\n"  # "St." would be one token
