"""Record the golden values again: ``python -m tests.golden.record [losses scores ...]``.

Values may be renewed only when a change of behavior is intended, and the commit says which and why.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.golden.material import one_thread, path_of

MODULES = ("losses", "data_order", "scores", "conversions")


def main(names: list[str]) -> None:
    """Compute the values of test modules and write their files."""
    for name in names or MODULES:
        module = importlib.import_module(f"tests.golden.test_{name}")
        lines = []
        with tempfile.TemporaryDirectory() as folder, one_thread():
            os.environ["GPT_TOOLKIT_CACHE"] = str(Path(folder) / "cache")
            for case in module.CASES:
                place = Path(folder) / case
                place.mkdir()
                value = json.dumps(module.values(case, place), ensure_ascii=False)
                lines.append(f"{json.dumps(case)}: {value}")
        path_of(name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
