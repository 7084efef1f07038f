# %% [markdown]
# # Configs
#
# All YAML files that come with the package. The header of each has the command that starts the run. Each number names its source: a section
# of a paper, released code, or *chosen here* or *tuned here* for values of this toolkit. `--config NAME` selects a shipped file; a path
# takes precedence. Files in `strategy/` are overlays on top of another config.

# %% tags=["hide"]
from IPython.display import Markdown

from gpt_toolkit.cli.configs import shipped_configs

folder = shipped_configs()
parts = []
for path in sorted(folder.rglob("*.yaml")):
    name = path.relative_to(folder).with_suffix("").as_posix()
    parts.append(f"## {name}\n\n```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```")
Markdown("\n\n".join(parts))

# %% [markdown]
# Next: [the API](api/index.md).
