# %% [markdown]
# # Configs
#
# Every YAML that comes with the package, as it is. A run is started by the command in its header; each number says where it is from: a
# section of a paper, released code, or *ours* with a reason. `--config NAME` finds a shipped file by its name, a path wins, and files of
# `strategy/` are laid over another.

# %% tags=["hide"]
from IPython.display import Markdown

from gpt_toolkit.cli.configs import shipped_configs

folder = shipped_configs()
parts = []
for path in sorted(folder.rglob("*.yaml")):
    name = path.relative_to(folder).with_suffix("").as_posix()
    parts.append(f"## {name}\n\n```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```")
Markdown("\n\n".join(parts))
