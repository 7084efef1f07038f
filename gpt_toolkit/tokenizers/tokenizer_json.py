"""Hugging Face's ``tokenizer.json``, read and written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from gpt_toolkit.tokenizers.added_tokens import token_from_json
from gpt_toolkit.tokenizers.bpe_table import END_OF_TEXT, AddedToken, BPETable, check_vocabulary, read_json
from gpt_toolkit.tokenizers.gpt1_normalize import LINE_BREAK, PUNCTUATION_RUN, SPACES, SPELLINGS, WORD_PIECE

END_OF_WORD = "</w>"
"""End of a word's last symbol in GPT-1's pieces (released code: text_utils.py)."""

_TOKEN_FIELDS = ("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special")

# Spellings of GPT-2's split by known writers (GPT-2 released code: encoder.py).
_gpt2_splits = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}


def read(text: str, origin: str) -> BPETable:
    """Read the vocabulary of a byte-pair tokenizer of GPT-1's or GPT-2's kind.

    Raises:
        ValueError: If the file is damaged, or the tokenizer is of another kind.
    """
    parts = read_json(text, origin)
    model: Any = parts.get("model")
    if not isinstance(model, dict):
        raise ValueError(f"{origin}: no 'model'; expected a tokenizer.json of Hugging Face's tokenizers")
    if model.get("type", "BPE") != "BPE":
        raise ValueError(
            f"{origin}: tokenizer of type {model['type']}; expected GPT-2's byte-level BPE or GPT-1's BPE"
        )
    for option in ("dropout", "continuing_subword_prefix", "byte_fallback", "ignore_merges"):
        if model.get(option):
            raise ValueError(
                f"{origin}: BPE with {option} = {model[option]!r}; expected none, as in GPT-1 and GPT-2"
            )
    suffix = model.get("end_of_word_suffix") or ""
    if suffix not in ("", END_OF_WORD):
        raise ValueError(
            f"{origin}: end_of_word_suffix {suffix!r}; expected {END_OF_WORD!r} (GPT-1) or none (GPT-2)"
        )
    if not suffix and not _is_characters(parts):
        _check_byte_level(parts, origin)
    if added := list(_template_tokens(parts.get("post_processor"))):
        raise ValueError(
            f"{origin}: its post_processor adds {', '.join(added)} to every text; expected one that adds "
            "nothing; such tokenizers are not implemented"
        )
    entries = check_vocabulary(model.get("vocab", {}), f"{origin}, vocab")
    merges = [_merge(pair, f"{origin}, merge {rank}") for rank, pair in enumerate(model.get("merges", []))]
    listed: Any = parts.get("added_tokens") or []
    tokens = [token_from_json(fields, f"{origin}, added_tokens") for fields in listed]
    if END_OF_TEXT in entries and all(token.content != END_OF_TEXT for token in tokens):
        tokens.append(AddedToken(END_OF_TEXT, entries[END_OF_TEXT]))
    return BPETable(entries, merges, tuple(tokens), origin=origin)


def is_gpt1(table: BPETable) -> bool:
    """Return whether the pieces are GPT-1's, whose words end in ``</w>``."""
    return any(piece.endswith(END_OF_WORD) for piece in table.vocabulary)


def _merge(pair: str | list[str], place: str) -> tuple[str, str]:
    pieces = pair.split(" ") if isinstance(pair, str) else pair
    if len(pieces) != 2 or not all(isinstance(piece, str) and piece for piece in pieces):
        raise ValueError(f"{place}: {pair!r}; expected two pieces")
    return pieces[0], pieces[1]


def _is_characters(parts: Mapping[str, Any]) -> bool:
    """Return whether :func:`write_characters` wrote a file: no merges, and nothing prepares the text."""
    steps = (parts.get("normalizer"), parts.get("pre_tokenizer"), parts["model"].get("merges"))
    return not any(steps) and _type(parts.get("decoder")) == "Fuse"


def _check_byte_level(parts: Mapping[str, Any], origin: str) -> None:
    """Raise if a byte-level BPE prepares text in another way than GPT-2's."""
    if normalizer := parts.get("normalizer"):
        raise ValueError(
            f"{origin}: normalizer {_type(normalizer)}; expected none, as in GPT-2's byte-level BPE"
        )
    splitting: Any = parts.get("pre_tokenizer") or {}
    steps = splitting["pretokenizers"] if _type(splitting) == "Sequence" else [splitting]
    match [(_type(step), step) for step in steps]:
        case [("ByteLevel", step)] if step.get("use_regex", True):
            pass
        case [("Split", split), ("ByteLevel", step)] if (
            split["pattern"].get("Regex") in _gpt2_splits
            and split.get("behavior") == "Isolated"
            and not split.get("invert")
            and not step.get("use_regex", True)
        ):
            pass
        case kinds:
            names = " + ".join(name for name, _ in kinds)
            raise ValueError(
                f"{origin}: pre-tokenizer {names}; expected GPT-2's byte-level split; other tokenizers are "
                "not implemented"
            )
    if step.get("add_prefix_space"):
        raise ValueError(f"{origin}: add_prefix_space is true; expected false, as in GPT-2's tokenizer")


def _template_tokens(processor: Any) -> Iterator[str]:
    """Yield the tokens that a post-processor adds to every text."""
    match _type(processor):
        case "none" | "ByteLevel":
            pass
        case "Sequence":
            for step in processor["processors"]:
                yield from _template_tokens(step)
        case "TemplateProcessing":
            for piece in processor.get("single", ()):
                if "SpecialToken" in piece:
                    yield str(piece["SpecialToken"]["id"])
        case kind:
            yield f"tokens ({kind})"


def _type(part: object) -> str:
    return str(part["type"]) if isinstance(part, dict) and "type" in part else "none"


def write_byte_level(table: BPETable) -> str:
    """Return a ``tokenizer.json`` of GPT-2's kind."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    steps = {"normalizer": None, "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level}
    return _write(table, steps, suffix="", unknown=None)


def write_characters(table: BPETable) -> str:
    """Return a ``tokenizer.json`` whose tokens are single characters."""
    decoder = {"type": "Fuse"}
    steps = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": decoder}
    return _write(table, steps, suffix="", unknown=None)


def write_gpt1(table: BPETable, unknown: str) -> str:
    """Return a ``tokenizer.json`` of GPT-1's kind with the toolkit's rules, without ftfy and spaCy."""
    spellings = [{"type": "Replace", "pattern": {"String": a}, "content": b} for a, b in SPELLINGS.items()]
    spaces = {"type": "Replace", "pattern": {"Regex": SPACES}, "content": " "}
    line_breaks = {"type": "Replace", "pattern": {"Regex": LINE_BREAK}, "content": "\n"}
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    pieces = {"Regex": rf"\n|{PUNCTUATION_RUN}|{WORD_PIECE}"}
    steps = {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*spellings, strip, spaces, line_breaks, {"type": "Lowercase"}],
        },
        "pre_tokenizer": {"type": "Split", "pattern": pieces, "behavior": "Removed", "invert": True},
        "post_processor": None,
        "decoder": {"type": "BPEDecoder", "suffix": END_OF_WORD},
    }
    return _write(table, steps, suffix=END_OF_WORD, unknown=unknown)


def _write(table: BPETable, steps: Mapping[str, Any], *, suffix: str, unknown: str | None) -> str:
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{name: asdict(token)[name] for name in _TOKEN_FIELDS} for token in table.added],
        **steps,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": suffix,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": dict(sorted(table.vocabulary.items(), key=lambda entry: entry[1])),
            "merges": [f"{left} {right}" for left, right in table.merges],
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def write_config(table: BPETable, end_of_text: str, **fields: str) -> str:
    """Return a ``tokenizer_config.json`` with which ``AutoTokenizer`` uses ``tokenizer.json`` unchanged.

    Args:
        table: The vocabulary; the fields that it declares take precedence.
        end_of_text: The token that ends a text.
        **fields: Further fields.
    """
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT if END_OF_TEXT in table.entries else end_of_text,
        "eos_token": end_of_text,
        "clean_up_tokenization_spaces": False,
        **fields,
        **table.declared,
    }
    return json.dumps(config, ensure_ascii=False, indent=2) + "\n"
