"""Ledger of a run: the data that its training steps have read, as plain types for checkpoints.

An entry covers consecutive steps with the same data in the same order. It grows while they last, also over a
resume, so a killed and resumed run has the ledger of an unbroken one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def extend_ledger(entries: Sequence[dict[str, Any]], data: object, step: int) -> list[dict[str, Any]]:
    """Return the ledger at a step.

    An entry has ``first_step`` and ``last_step``, counted from 1; the ``plan`` of the data; and their
    ``sources``. A source has a ``name``, a ``fingerprint``, its ``size``, the ``unit`` of the size, and the
    ``per_step`` that each step reads of it.

    Args:
        entries: Ledger of the checkpoint that the run resumed from; empty for a new run.
        data: DataModule of the run. Without an attribute ``sources`` only the name of its class is recorded.
        step: Number of updates so far.
    """
    ledger = [dict(entry) for entry in entries]
    done = ledger[-1]["last_step"] if ledger else 0
    if step <= done:
        return ledger
    plan = getattr(data, "plan", None)
    sources = [dict(source) for source in getattr(data, "sources", [{"name": type(data).__name__}])]
    if ledger and ledger[-1]["plan"] == plan and _identities(ledger[-1]["sources"]) == _identities(sources):
        ledger[-1]["last_step"] = step
    else:
        ledger.append({"first_step": done + 1, "last_step": step, "plan": plan, "sources": sources})
    return ledger


def _identities(sources: Sequence[dict[str, Any]]) -> list[Any]:
    """Return what tells sources apart; the name may be a path, which changes when a file is moved."""
    return [source.get("fingerprint") or source["name"] for source in sources]
