"""``python -m gpt_toolkit``: the same as the ``gpt-toolkit`` command."""

import sys

from gpt_toolkit.cli import main

sys.exit(main())
