# %% [markdown]
# # Configs
#
# All YAML files that come with the package. The header of each has the command that starts the run. Each number names its source: a section
# of a paper, released code, or *chosen here* or *tuned here* for values of this toolkit. `--config NAME` selects a shipped file; a path
# takes precedence. Files in `strategy/` are overlays on top of another config.
#
# `gpt-toolkit configs` prints this list, and `gpt-toolkit configs NAME` prints one file. Memory is that of a training step; Python and the
# libraries need about 1 GB more.

# %% tags=["hide"]
from IPython.display import Markdown

from gpt_toolkit.cli.configs import presets, recipes
from gpt_toolkit.cli.shipped_configs import shipped_configs

rows = ["| config | what | size | time | memory |", "|---|---|---|---|---|"]
for recipe in recipes():
    link = f"[{recipe.name}](#{recipe.name.replace('/', '')})"
    rows.append(f"| {link} | {recipe.what} | {recipe.size} | {recipe.time} | {recipe.memory} |")
Markdown("\n".join(rows))

# %% [markdown]
# ## Presets
#
# Shapes for `--model.decoder NAME`. Context and vocabulary of the small ones come from the data; the sizes here are for 256 tokens and 4,096
# entries. `--model.decoder.n_layer 3` changes one field.

# %% tags=["hide"]
rows = [
    "| preset | layers | heads | width | context | vocabulary | parameters |",
    "|---|---|---|---|---|---|---|",
]
for each in presets():
    where = (
        ("from the data", "from the data") if each.is_example else (f"{each.n_ctx:,}", f"{each.vocab_size:,}")
    )
    size = f"{each.n_params / 1e6:,.1f} M"
    cells = (each.name, each.n_layer, each.n_head, f"{each.n_embd:,}", *where, size)
    rows.append(f"| {' | '.join(map(str, cells))} |")
Markdown("\n".join(rows))

# %% tags=["hide"]

folder = shipped_configs()
parts = []
for path in sorted(folder.rglob("*.yaml")):
    name = path.relative_to(folder).with_suffix("").as_posix()
    parts.append(f"## {name}\n\n```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```")
Markdown("\n\n".join(parts))

# %% [markdown]
# Next: [the API](api/index.md).
