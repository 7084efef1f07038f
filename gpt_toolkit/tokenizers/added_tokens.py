"""Added tokens: those that the files of a Hugging Face folder declare, and their places in a text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gpt_toolkit.tokenizers.bpe_table import AddedToken, BPETable, check_vocabulary, read_json

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Fields of ``tokenizer_config.json`` that name one special token, in the order of ``transformers``."""

EXTRA = "additional_special_tokens"
END_IDS = "eos_token_id"
"""Field of the ids that end a generated text, where they are others than the end of text."""

CONFIG, SPECIAL_MAP, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
CHAT_TEMPLATE = "chat_template.jinja"
GENERATION_CONFIG = "generation_config.json"
MODEL_CONFIGS = (GENERATION_CONFIG, "config.json")  # the first that has eos_token_id counts

_KEPT = (
    "chat_template",
    "model_max_length",
    "padding_side",
    "truncation_side",
    "clean_up_tokenization_spaces",
)
_FLAGS = ("special", "normalized", "lstrip", "rstrip", "single_word")
_ADDS = {
    "add_prefix_space": "puts a space before every text",
    "add_bos_token": "puts bos_token before every text",
    "add_eos_token": "puts eos_token after every text",
    "split_special_tokens": "reads special tokens in text as ordinary text",
}


def declare(table: BPETable, files: Mapping[str, str], origin: str, *, ordinary: Sequence[str]) -> BPETable:
    """Return a vocabulary with the tokens and roles that the other files of its folder declare.

    The rules are those of ``transformers``: ``added_tokens_decoder`` replaces the two older files. A special
    token that has no id gets the next one.

    Args:
        table: The vocabulary.
        files: Names and contents of files; those of the model may be among them.
        origin: Name of the folder, for messages.
        ordinary: Endings of pieces of the vocabulary that stay ordinary text, whatever their role.

    Raises:
        ValueError: If a file is damaged, contradicts the vocabulary, or asks for another treatment of text.
    """
    config = read_json(files.get(CONFIG, "{}"), f"{origin}/{CONFIG}")
    for name, effect in _ADDS.items():
        if config.get(name):
            raise ValueError(
                f"{origin}/{CONFIG}: {name} is {config[name]!r}, which {effect}; expected false; such "
                "tokenizers are not implemented"
            )
    if "added_tokens_decoder" not in config:
        config |= read_json(files.get(SPECIAL_MAP, "{}"), f"{origin}/{SPECIAL_MAP}")
    added = _added_tokens(table, files, config, origin, ordinary)
    declared: dict[str, Any] = {role: _content(config.get(role)) for role in ROLES if config.get(role)}
    extra = [content for content, _ in _special_tokens(config, origin) if content not in declared.values()]
    declared |= {EXTRA: extra} if extra else {}
    declared |= {name: config[name] for name in _KEPT if config.get(name) is not None}
    declared |= {"chat_template": files[CHAT_TEMPLATE]} if CHAT_TEMPLATE in files else {}
    table = replace(table, added=added, declared=declared)
    end_ids = [i for i in _end_ids(files, config, origin) if 0 <= i < table.size]
    return replace(table, declared={**declared, END_IDS: end_ids}) if end_ids else table


def _added_tokens(
    table: BPETable,
    files: Mapping[str, str],
    config: Mapping[str, Any],
    origin: str,
    ordinary: Sequence[str],
) -> tuple[AddedToken, ...]:
    """Return the added tokens of all files, by id."""
    tokens = {token.content: token for token in table.added}
    special = dict(_special_tokens(config, origin))
    if "added_tokens_decoder" in config:
        where = f"{origin}/{CONFIG}, added_tokens_decoder"
        for key, fields in _object(config["added_tokens_decoder"], where).items():
            token = token_from_json({"id": _whole(key), **_object(fields, where)}, where)
            tokens[token.content] = token
    else:
        older = check_vocabulary(read_json(files.get(ADDED, "{}"), f"{origin}/{ADDED}"), f"{origin}/{ADDED}")
        for content, number in older.items():
            is_special = content in special
            tokens.setdefault(content, AddedToken(content, number, is_special, normalized=not is_special))
    for content, flags in special.items():
        if content in tokens:
            tokens[content] = replace(tokens[content], special=True)
        elif not (content in table.vocabulary and content.endswith(tuple(ordinary))):
            ids = {**table.vocabulary, **{token.content: token.id for token in tokens.values()}}
            tokens[content] = AddedToken(
                content, ids.get(content, max(ids.values(), default=-1) + 1), **flags
            )
    for token in tokens.values():
        if table.vocabulary.get(token.content, token.id) != token.id:
            raise ValueError(
                f"{origin}: the added token {token.content!r} has the id {token.id}, and "
                f"{table.vocabulary[token.content]} in the vocabulary; expected one id"
            )
    return tuple(sorted(tokens.values(), key=lambda token: token.id))


def token_from_json(fields: Mapping[str, Any], where: str) -> AddedToken:
    """Return an added token from its JSON object.

    Raises:
        ValueError: If a field is missing or of another type.
    """
    content, i = fields.get("content"), fields.get("id")
    if not isinstance(content, str) or not content or type(i) is not int:
        raise ValueError(f"{where}: {dict(fields)!r:.100}; expected an added token with content and id")
    return AddedToken(content, i, **_flags(fields, special=False, normalized=True))


def _flags(fields: Mapping[str, Any], *, special: bool, normalized: bool) -> dict[str, bool]:
    defaults = {"special": special, "normalized": normalized}
    return {name: bool(fields.get(name, defaults.get(name, False))) for name in _FLAGS}


def _special_tokens(config: Mapping[str, Any], origin: str) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield content and flags of each special token of ``tokenizer_config.json``."""
    values = [config.get(role) for role in ROLES]
    for name in ("extra_special_tokens", EXTRA):
        more = config.get(name) or ()
        values += more.values() if isinstance(more, Mapping) else more
    for value in values:
        if content := _content(value):
            flags = value if isinstance(value, Mapping) else {}
            yield content, _flags(flags, special=True, normalized=False) | {"special": True}
        elif value is not None:
            raise ValueError(f"{origin}/{CONFIG}: special token {value!r:.100}; expected its text")


def _content(value: object) -> str | None:
    """Return the text of a special token, which is a string or an object."""
    value = value.get("content") if isinstance(value, Mapping) else value
    return value if isinstance(value, str) and value else None


def _end_ids(files: Mapping[str, str], config: Mapping[str, Any], origin: str) -> list[int]:
    """Return the ids at which generation stops, as the model's files declare them."""
    sources = {name: read_json(files[name], f"{origin}/{name}") for name in MODEL_CONFIGS if name in files}
    for name, fields in {**sources, CONFIG: config}.items():
        value = fields.get(END_IDS)
        ids = value if isinstance(value, list) else [value]
        if all(type(i) is int for i in ids):
            return list(dict.fromkeys(ids))
        if value is not None:
            raise ValueError(f"{origin}/{name}: {END_IDS} is {value!r:.100}; expected an id or a list of ids")
    return []


def _whole(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: {value!r:.100}; expected a JSON object")
    return value


class TextSplitter:
    """Splitter of a text at its added tokens, as Hugging Face's tokenizers finds them.

    Args:
        tokens: The tokens to find.
        lowercase: Whether the tokenizer normalizes text to lower case.
    """

    def __init__(self, tokens: Sequence[AddedToken], *, lowercase: bool = False) -> None:
        import tokenizers

        # A model of one word that stands for any text: what is left between the added tokens.
        self._tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"": 0}, unk_token=""))
        if lowercase:
            self._tokenizer.normalizer = tokenizers.normalizers.Lowercase()
        self._tokenizer.add_tokens(
            [
                tokenizers.AddedToken(token.content, **{name: getattr(token, name) for name in _FLAGS})
                for token in tokens
            ]
        )
        self._ids = {self._tokenizer.token_to_id(token.content): token.id for token in tokens}

    def split(self, text: str) -> list[int | str]:
        """Return the ids of the added tokens in a text, and the texts before, between and after them."""
        found = self._tokenizer.encode(text)
        return [
            self._ids[i] if i else text[start:end]
            for i, (start, end) in zip(found.ids, found.offsets, strict=True)
        ]
