"""A page of HTML that shows what a model computes on a text: ``gpt-toolkit look``."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import torch
from torch import Tensor

from gpt_toolkit.backbone.trace import Trace
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.interpretability.head_roles import ROLES, head_roles, repeated_tokens
from gpt_toolkit.interpretability.logit_lens import Prediction, logit_lens
from gpt_toolkit.interpretability.patching import PATCHED, PatchEffects, first_difference, patch_effects
from gpt_toolkit.io import write_text
from gpt_toolkit.progress import ProgressBar

MOST_TOKENS = 256
"""Longest text; chosen here. The page grows with the square of the length, to 6 MB for GPT-2 124M."""
_ALTERNATIVES = 5
_MARKS = {"\n": "↵", "\t": "⇥", "\r": "␍"}
_TEMPLATE = Path(__file__).with_name("look_report.html")


def look(
    model: LanguageModel,
    text: str,
    *,
    title: str,
    output: Path,
    other_text: str | None = None,
    answers: tuple[str | None, str | None] = (None, None),
) -> None:
    """Write a page that shows a model's predictions, attention and head roles for a text.

    Args:
        model: The model.
        text: The text. The page begins it with the end-of-text token, as a document begins.
        title: Name of the model, for the title.
        output: The file to write.
        other_text: A second text of as many tokens. Its activations are replaced by those of ``text``.
        answers: Word after each text whose logits are compared; the model's likeliest token unless given.

    Raises:
        ValueError: If a text is empty, too long for the model or the page, or the texts cannot be compared.
        OSError: If the file cannot be written.
    """
    ids = _encode(model, text, "text")
    trace = model.trace(ids)
    predictions = dict(
        logit_lens(model.decoder, trace, vocab_size=model.tokenizer.vocab_size, n_tokens=_ALTERNATIVES)
    )
    special = {token.id for token in model.tokenizer.added_tokens}
    repeated = repeated_tokens(model.decoder, ids[0], vocab_size=model.tokenizer.vocab_size, excluded=special)
    roles = head_roles(model.decoder, repeated)
    pieces = ["start", *(piece(model, token) for token in ids[1:])]
    config = model.decoder.config
    patching = ""
    if other_text is not None:
        patching = _patching(model, ids, _encode(model, other_text, "text2"), answers)
    data = {
        "pieces": pieces,
        "tokens": _token_data(model, predictions),
        "layers": list(predictions),
        "heads": config.n_head,
        "roles": list(ROLES),
        "attention": encode_attention(trace, config.n_layer),
    }
    values = {
        "title": html.escape(title),
        "shape": html.escape(_shape(model)),
        "text": _text_spans(pieces, predictions),
        "lens": _lens_table(model, pieces, predictions),
        "roles": _role_choice(),
        "role_notes": "".join(f"<li><b>{role}</b>: {note}.</li>" for role, note in ROLES.items()),
        "heads": _head_table(roles),
        "patching": patching,
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    write_text(output, Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values))


def _encode(model: LanguageModel, text: str, name: str) -> list[int]:
    """Return the end-of-text token and the text's tokens."""
    ids = [model.tokenizer.end_of_text, *model.tokenizer.encode(text)]
    limit = min(MOST_TOKENS, model.decoder.config.n_ctx)
    if not 2 <= len(ids) <= limit:
        raise ValueError(
            f"{name}: {len(ids) - 1} tokens; expected 1 to {limit - 1} for this model; "
            f"give a {'shorter' if len(ids) > limit else 'longer'} text"
        )
    return ids


def piece(model: LanguageModel, token: int) -> str:
    """Return a token's text, with escapes for control characters and incomplete characters."""
    raw = model.tokenizer.decode_bytes([token])
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw)
    return "".join(char if char.isprintable() else _MARKS.get(char, f"\\u{ord(char):04x}") for char in text)


def _shape(model: LanguageModel) -> str:
    config = model.decoder.config
    whose = "GPT-2" if config.norm == "pre" else "GPT-1"
    return (
        f"{whose} architecture: n_layer {config.n_layer}, n_head {config.n_head}, n_embd {config.n_embd}; "
        f"{config.n_params:,} parameters"
    )


# ------------------------------------------------------------------ predictions


def _token_data(model: LanguageModel, predictions: dict[str, Prediction]) -> list[list[Any]]:
    """Return, for each token after the first and for the next one, its bits, rank, alternatives and lens.

    Probabilities have four digits. The next token has neither bits nor rank.
    """
    final = list(predictions.values())[-1]
    bits, rank = (-final.actual.log2()).tolist(), final.rank.tolist()
    n_positions = len(final.tokens)

    def pairs(tokens: Tensor, probabilities: Tensor) -> list[list[Any]]:
        return [
            [piece(model, token), round(probability, 4)]
            for token, probability in zip(tokens.tolist(), probabilities.tolist(), strict=True)
        ]

    rows: list[list[Any]] = []
    for place in range(n_positions):
        is_last = place == n_positions - 1
        lens = [
            [
                *pairs(each.tokens[place, :1], each.probabilities[place, :1])[0],
                None if is_last else round(each.actual[place].item(), 4),
            ]
            for each in predictions.values()
        ]
        own = [None, None] if is_last else [round(bits[place], 2), rank[place]]
        rows.append([*own, pairs(final.tokens[place], final.probabilities[place]), lens])
    return rows


def _text_spans(pieces: Sequence[str], predictions: dict[str, Prediction]) -> str:
    """Return the text as options of a list box, colored by surprisal: full color from 12 bits on."""
    final = list(predictions.values())[-1]
    spans = []
    bits = (-final.actual.log2()).tolist()
    for number, (text, surprisal) in enumerate(zip(pieces[1:], bits, strict=True), start=1):
        spans.append(
            f'<span class=t role=option tabindex=-1 data-k={number} style="--v:{min(surprisal / 12, 1):.2f}" '
            f'title="{surprisal:.1f} bits">{html.escape(text)}</span>{"<br>" if "↵" in text else ""}'
        )
    spans.append(f'<span class="t next" role=option tabindex=-1 data-k={len(pieces)}>next</span>')
    return "".join(spans)


def _cell(value: float, text: str, title: str = "") -> str:
    """Return a cell of a table, colored by a value: warm above 0, cool below."""
    kind = " class=cool" if value < 0 else ""
    about = f' title="{html.escape(title)}"' if title else ""
    return f'<td{kind}{about} style="--v:{min(abs(value), 1):.2f}">{html.escape(text)}'


def _table(caption: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a table in a region that scrolls; the cells are HTML."""
    head = "".join(f"<th scope=col>{html.escape(column)}" for column in columns)
    body = "".join(f"<tr><th scope=row>{name}{''.join(cells)}" for name, cells in rows)
    label = html.escape(caption)
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{label}"><table><caption>{label}</caption>'
        f"<thead><tr><td>{head}<tbody>{body}</table></div>"
    )


def _lens_table(model: LanguageModel, pieces: Sequence[str], predictions: dict[str, Prediction]) -> str:
    rows = []
    for name, each in predictions.items():
        likeliest = zip(each.tokens[:, 0].tolist(), each.probabilities[:, 0].tolist(), strict=True)
        cells = [_cell(p, _visible(piece(model, token)), f"{p:.0%}") for token, p in likeliest]
        rows.append((name, cells))
    return _table("Likeliest token after each layer", [*map(_visible, pieces[1:]), "next"], rows)


def _visible(text: str) -> str:
    """Return a token for a table, with dots for its outer spaces."""
    return re.sub("^ +| +$", lambda spaces: "·" * len(spaces[0]), text)


# ------------------------------------------------------------------ heads


def encode_attention(trace: Trace, n_layer: int) -> str:
    """Return the attention probabilities of all heads as base64.

    Order: layer, head, position that attends, position attended to (from the first to itself). Each is a
    byte, 255 for probability 1.
    """
    patterns = []
    for layer in range(n_layer):
        pattern = trace[f"h.{layer}.attn.pattern"].float()  # (H, T, T)
        rows, columns = torch.tril_indices(*pattern.shape[1:], device=pattern.device)
        patterns.append(pattern[:, rows, columns].mul(255).round().to(torch.uint8).flatten().cpu())
    return base64.b64encode(torch.cat(patterns).numpy().tobytes()).decode()


def _role_choice() -> str:
    radios = [f"<label><input type=radio name=role value={i}> {role}</label>" for i, role in enumerate(ROLES)]
    return "".join(radios).replace("value=0", "value=0 checked")


def _head_table(roles: dict[str, Tensor]) -> str:
    """Return a table of buttons, one for each head, with the scores of its roles."""
    scores = torch.stack(list(roles.values()), dim=-1)  # (n_layer, n_head, roles)
    rows = []
    for layer, heads in enumerate(scores.tolist()):
        cells = []
        for head, values in enumerate(heads):
            names = ", ".join(f"{role} {value:.2f}" for role, value in zip(roles, values, strict=True))
            data = " ".join(f"{value:.2f}" for value in values)
            about = f'data-layer={layer} data-head={head} data-scores="{data}"'
            label = f"h.{layer} head {head}: {names}"
            cells.append(f'<td><button type=button tabindex=-1 {about} aria-label="{label}"></button>')
        rows.append((f"h.{layer}", cells))
    return _table("Scores of heads", [f"head {head}" for head in range(scores.shape[1])], rows)


# ------------------------------------------------------------------ patching


def _patching(
    model: LanguageModel,
    ids: Sequence[int],
    other_ids: Sequence[int],
    answers: tuple[str | None, str | None],
) -> str:
    """Return the section on patching."""
    first_difference(ids, other_ids)  # before an answer, which equal texts share, is compared
    chosen = (_answer(model, ids, answers[0]), _answer(model, other_ids, answers[1]))
    if chosen[0] == chosen[1]:
        raise ValueError(
            f"both texts have the answer {piece(model, chosen[0])!r}; expected two answers; give --answer or "
            "--answer2"
        )
    total = len(PATCHED) * model.decoder.config.n_layer
    with ProgressBar("patching", unit="layers", total=total) as bar:
        found = patch_effects(model.decoder, ids, other_ids, chosen, advance=bar.advance)
    pieces = [
        " / ".join(_visible(piece(model, token)) for token in dict.fromkeys(pair))
        for pair in list(zip(ids, other_ids, strict=True))[found.first :]
    ]
    names = [f"<code>{html.escape(_visible(piece(model, token)))}</code>" for token in chosen]
    tables = [
        f"<h3>{note[0].upper()}{note[1:]}, <code>{kind}</code></h3>{_effect_table(kind, pieces, found)}"
        for kind, note in PATCHED.items()
    ]
    text = html.escape("".join(piece(model, token) for token in other_ids[1:]))
    return (
        f"<section><h2>What makes the difference to a second text</h2><p>Second text: <q>{text}</q></p>"
        f"<p>The logit of {names[0]} minus that of {names[1]} after the last token is "
        f"<b>{found.difference:+.2f}</b> for the first text and <b>{found.other_difference:+.2f}</b> for the "
        "second. Each cell reads the second text with one activation of the first, at one layer and one "
        "position: 0 changes nothing, 1 gives the first text's difference. Positions before the first "
        f"difference cannot change anything and are left out.</p>{''.join(tables)}</section>"
    )


def _answer(model: LanguageModel, ids: Sequence[int], answer: str | None) -> int:
    """Return the first token of an answer; without one, the model's likeliest next token."""
    if answer is None:
        return int(model.logits(torch.tensor([list(ids)]))[0, -1, : model.tokenizer.vocab_size].argmax())
    tokens = model.tokenizer.encode(answer)
    if not tokens:
        raise ValueError("answer: ''; expected a text; give the next word with the space before it")
    return tokens[0]


def _effect_table(kind: str, pieces: Sequence[str], found: PatchEffects) -> str:
    rows = [
        (f"h.{layer}", [_cell(value, f"{value:z.2f}") for value in values])
        for layer, values in enumerate(found.effects[kind].tolist())
    ]
    return _table(f"Effect of {kind}", pieces, rows)
