"""``gpt-toolkit schema``: a JSON Schema of the YAML files, for completion and checks in editors."""

from __future__ import annotations

import argparse
import json

EPILOG = """\
In VS Code, with the extension redhat.vscode-yaml:
  gpt-toolkit schema > gpt-toolkit.schema.json
and as the first line of a config:
  # yaml-language-server: $schema=gpt-toolkit.schema.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none."""
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter


def run(args: argparse.Namespace) -> int:
    """Print the schema and return the exit code, 0."""
    from gpt_toolkit.cli.config_schema import schema  # imports every class of a config

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
