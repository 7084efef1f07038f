"""Tells lm-eval of the model ``gpt_toolkit``, so that its own command finds it.

lm-eval 0.4.13 knows a model once it is registered, and looks for none that is installed beside it. Its
command imports torch before it asks for the model, and torch calls whatever is installed as one of its back
ends: among them :func:`announce`, an entry point of ``pyproject.toml``. In every other program that does
nothing.
"""

import sys
from contextlib import suppress
from importlib import import_module

NAME = "gpt_toolkit"


def announce() -> None:
    """Register the model by its name alone; nothing of it is imported before lm-eval asks for it."""
    if "lm_eval" not in sys.modules:
        return
    with suppress(ImportError, AttributeError):  # another lm-eval must not keep torch from being imported
        import_module("lm_eval.models")  # it registers its own models only where there is none yet
        registry = import_module("lm_eval.api.registry").model_registry
        if NAME not in registry:
            registry.register(NAME, target="gpt_toolkit.harness:ToolkitLM")
