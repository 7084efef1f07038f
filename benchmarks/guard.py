"""Comparison of newly measured ratios with the recorded ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.ratios import Ratio, Report, read
from benchmarks.side_by_side import print_table

TOLERANCE: Final = 0.10
"""A ratio that is worse by this fraction has regressed."""


@dataclass(frozen=True)
class Verdict:
    """Result of the comparison of one ratio.

    Args:
        what: Name of the ratio, or of the benchmark if all of it failed.
        recorded: Recorded ratio, if any.
        measured: Newly measured ratio, if any.
        change: Relative improvement: -0.1 is ten percent worse, whether higher or lower is better.
        finding: Short description.
        fails: Whether the guard fails.
    """

    what: str
    recorded: float | None
    measured: float | None
    change: float | None
    finding: str
    fails: bool


def compare(name: str, recorded: Report | None, measured: Report | None) -> list[Verdict]:
    """Compare a benchmark's new report with the recorded one.

    Args:
        name: Name of the benchmark.
        recorded: Recorded report; None if none exists.
        measured: New report; None if the benchmark failed.
    """
    if measured is None:
        return [Verdict(name, None, None, None, "failed", fails=True)]
    now = {ratio.what: ratio for ratio in read(name, measured)}
    before = {ratio.what: ratio for ratio in read(name, recorded)} if recorded is not None else {}
    same = recorded is None or _setting(recorded) == _setting(measured)
    verdicts = [_verdict(what, before.get(what), ratio, same=same) for what, ratio in now.items()]
    verdicts += [
        Verdict(what, ratio.value, None, None, "not measured", fails=True)
        for what, ratio in before.items()
        if what not in now
    ]
    return verdicts


def _verdict(what: str, before: Ratio | None, now: Ratio, *, same: bool) -> Verdict:
    if not math.isfinite(now.value) or now.value <= 0:
        recorded = None if before is None else before.value
        return Verdict(what, recorded, now.value, None, "no number", fails=True)
    if before is None:
        return Verdict(what, None, now.value, None, "not on record", fails=False)
    if not same:
        return Verdict(what, before.value, now.value, None, "other setting", fails=True)
    better = now.value / before.value if now.higher_is_better else before.value / now.value
    regressed = better <= 1 - TOLERANCE + 1e-9
    return Verdict(what, before.value, now.value, better - 1, "REGRESSED" if regressed else "", regressed)


def _setting(report: Report) -> tuple[object, object]:
    """Return the text and the precision, where there are such; ratios are comparable if both are equal."""
    return report.get("setting"), report.get("precision")


def show(verdicts: Sequence[Verdict]) -> bool:
    """Print all verdicts; return True if none fails."""
    rows = [
        [
            each.what,
            "" if each.recorded is None else f"{each.recorded:.3f}",
            "" if each.measured is None else f"{each.measured:.3f}",
            "" if each.change is None else f"{each.change:+.1%}",
            each.finding,
        ]
        for each in verdicts
    ]
    print_table(["ratio, ours to the other", "recorded", "now", "better by", ""], rows)
    failed = [each for each in verdicts if each.fails]
    if failed:
        print(f"\n{len(failed)} of {len(verdicts)} ratios fail: {'; '.join(each.what for each in failed)}")
        if any(each.finding == "other setting" for each in failed):
            print("other setting: give the record's --files, --tokenizer and --precision, or use --record")
    return not failed
