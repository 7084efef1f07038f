import gzip
import importlib.util
import sys
from pathlib import Path

import pytest

from gpt_toolkit.tokenizers import gpt1_normalize
from gpt_toolkit.tokenizers.gpt1_normalize import (
    clean,
    resolve_word_splitting,
    split_by_rules,
    split_by_spacy,
    standardize,
)

needs_spacy = pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spaCy is not installed")

WORDS = {
    "don't": "do n't",
    "Can't": "ca n't",
    "cannot": "can not",
    "she'll": "she 'll",
    "We've": "we 've",
    "I'm": "i 'm",
    "Brown's": "brown 's",
    "it's.": "it 's .",
    "o'clock": "o'clock",
    "rock'n'roll": "rock'n'roll",
    "said.": "said .",
    "end...": "end ...",
    "so...what": "so ... what",
    "Mr.": "mr.",
    "St.": "st.",
    "U.S.": "u.s.",
    "p.m.": "p.m.",
    "J.": "j.",
    "blogspot.com": "blogspot.com",
    "3.50": "3.50",
    "10:30": "10:30",
    "said:": "said :",
    "$5": "$ 5",
    "5%": "5 %",
    "'hello'": "' hello '",
    "--": "--",
    "!!": "! !",
    "n't": "n't",
    "'s": "'s",
}


@pytest.mark.parametrize("word", WORDS)
def test_words_are_split_as_spacy_splits_them(word: str) -> None:
    assert split_by_rules(word) == WORDS[word].split(" ")


@needs_spacy
@pytest.mark.parametrize("word", WORDS)
def test_spacy_splits_words_so(word: str) -> None:
    assert split_by_spacy(word) == WORDS[word].split(" ")


@needs_spacy
@pytest.mark.shared
def test_rules_and_spacy_agree_on_999_of_1000_words_of_a_novel(shared_data: Path) -> None:
    novel = shared_data / "books" / "valid" / "Doyle_Lost_1912.txt.gz"
    words = (
        clean(gzip.decompress(novel.read_bytes()).decode("utf-8-sig")[:200_000]).replace("\n", " ").split()
    )
    equal = sum(split_by_rules(word) == split_by_spacy(word) for word in words)
    assert equal >= 0.999 * len(words)


@needs_spacy
def test_spacy_never_looks_across_a_blank() -> None:
    import spacy

    text = standardize(
        "I don't know, Mr. Brown; it's 10:30 p.m. in the U.S. — isn't it? (Yes...) \"Go,\" she said."
    )
    whole = [token.text.lower() for token in spacy.blank("en").tokenizer(text)]
    assert [piece for word in text.split(" ") for piece in split_by_spacy(word)] == whole


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Hello, world!", "Hello , world !"),
        ("a—b–c―d", "a - b - c - d"),  # noqa: RUF001
        ("wait…", "wait..."),
        ("it´s", "it's"),  # noqa: RUF001
        ("“Yes,” she said.", '" Yes , " she said.'),
        ("a!!??b", "a !! ?? b"),
        ("x -- y", "x -- y"),
        ("[a]{b}(c)|d_e*f/g\\h~i+j;k", "[ a ] { b } ( c ) | d _ e * f / g \\ h ~ i + j ; k"),
        ("3.5: it's", "3.5: it's"),
        ("a \t\xa0 b", "a b"),
        ("a\n\n  \r\n b", "a \n b"),
        ("\n a \n", "a"),
        ("caf\u0065\u0301", "café"),
        ("sâ€™il", "s'il"),
        ("a &amp; b", "a & b"),
        ("<b> &amp;", "<b> &amp ;"),
        ("\x00a\x1b[31mb", "ab"),
    ],
)
def test_text_is_cleaned_as_in_the_released_code(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_later_chunk_keeps_its_first_line_break() -> None:
    assert clean("\n a \n", first=False) == " \n a"


def test_a_million_blanks_are_cleaned_at_once() -> None:
    assert clean("a" + " " * 1_000_000 + "b") == "a b"


def test_rules_that_were_asked_for_do_not_warn() -> None:
    assert resolve_word_splitting("rules") == "rules"


def test_without_spacy_rules_stand_in_with_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.warns(UserWarning, match=r"a few token ids may differ.*gpt-toolkit\[spacy\]") as caught:
        assert resolve_word_splitting("auto") == "rules"
    assert len(caught) == 1


def test_spacy_that_was_asked_for_and_is_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="word_splitting: 'spacy'; expected spaCy to be installed"):
        resolve_word_splitting("spacy")


def test_an_unknown_word_splitting_is_refused() -> None:
    with pytest.raises(ValueError, match="word_splitting: 'nltk'; expected 'auto', 'spacy' or 'rules'"):
        resolve_word_splitting("nltk")  # type: ignore[arg-type]


def test_importing_text_imports_nothing_heavy() -> None:
    import subprocess

    heavy = "{'torch', 'numpy', 'tiktoken', 'tokenizers', 'ftfy', 'spacy', 'rich', 'transformers'}"
    code = f"import sys, gpt_toolkit.tokenizers, gpt_toolkit.cli.tokenizer; print({heavy} & set(sys.modules))"
    root = Path(gpt1_normalize.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
