"""The home page's figure of both decoders: ``python -m docs.making.architecture``."""

from __future__ import annotations

from pathlib import Path

from gpt_toolkit.backbone import DecoderConfig

PATH = Path(__file__).resolve().parents[1] / "assets" / "architecture.svg"

WIDTH, HEIGHT = 640, 490
_STEP = 44  # from one box to the next
_COLORS = {"norm": "#fde8c8", "attention": "#d6e4fb", "MLP": "#d8f0dc", "+": "#ffffff"}

POST_NORM = ("attention", "+", "norm", "MLP", "+", "norm")
PRE_NORM = ("norm", "attention", "+", "norm", "MLP", "+")


def drawing() -> str:
    """Return the figure as SVG, with the sizes of the presets."""
    gpt1, small, xl = (DecoderConfig.from_preset(name) for name in ("gpt1", "gpt2", "gpt2-xl"))
    blocks = f"{small.n_layer} to {xl.n_layer} blocks of width {small.n_embd} to {xl.n_embd:,}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="14" text-anchor="middle">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fff"/>',
        *_decoder(160, "GPT-1: post-norm", f"{gpt1.n_layer} blocks of width {gpt1.n_embd}", gpt1, POST_NORM),
        *_decoder(480, "GPT-2: pre-norm", blocks, small, PRE_NORM),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _decoder(x: int, title: str, blocks: str, config: DecoderConfig, sublayers: tuple[str, ...]) -> list[str]:
    """Draw one decoder around a vertical axis, from the embeddings at the bottom to the output at the top."""
    before_sum = 2 if sublayers == PRE_NORM else 1  # boxes of a sublayer before its sum
    places = [HEIGHT - 46 - i * _STEP for i in range(7)]  # the first is below the lowest box
    frame = places[-1] - 28
    last = "final norm, tied output matrix" if sublayers == PRE_NORM else "tied output matrix"
    parts = [
        f'<text x="{x}" y="30" font-size="17" font-weight="bold">{title}</text>',
        f'<text x="{x}" y="52">{blocks}</text>',
        f'<text x="{x}" y="71">{config.vocab_size:,} tokens, {config.n_ctx:,} positions</text>',
        f'<rect x="{x - 125}" y="{frame}" width="250" height="{places[0] - 12 - frame}" rx="6" fill="none"'
        ' stroke="#999" stroke-dasharray="5 4"/>',
        *_arrow(x, HEIGHT - 30, places[1]),
        *_box(x, HEIGHT - 30, "token + position embeddings", "#eee", 220),
        *_arrow(x, places[-1], frame - 28),
        *_box(x, frame - 28, last, "#eee", 220),
    ]
    for i, name in enumerate(sublayers, start=1):
        if i > 1:
            parts += _arrow(x, places[i - 1], places[i])
        parts += _box(x, places[i], name, _COLORS[name], 36 if name == "+" else 130)
        if name == "+":
            start = places[i - before_sum] + 22
            parts.append(
                f'<path d="M{x} {start}H{x + 105}V{places[i]}H{x + 20}" fill="none" stroke="#555"'
                ' marker-end="url(#tip)"/>'
            )
    return parts


def _box(x: int, y: int, label: str, color: str, width: int) -> list[str]:
    rectangle = f'<rect x="{x - width // 2}" y="{y - 14}" width="{width}" height="28" rx="4"'
    return [
        f'{rectangle} fill="{color}" stroke="#555"/>',
        f'<text x="{x}" y="{y + 5}">{label}</text>',
    ]


def _arrow(x: int, bottom: int, top: int) -> list[str]:
    return [f'<path d="M{x} {bottom - 14}V{top + 15}" stroke="#555" marker-end="url(#tip)"/>']


if __name__ == "__main__":
    PATH.write_text(drawing(), encoding="utf-8")
