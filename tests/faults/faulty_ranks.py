"""A command of the toolkit in which something happens to a process in a step.

    python -m tests.faults.faulty_ranks FAULTS COMMAND...

A program of its own, because Lightning starts the other ranks by the same command line. FAULTS is a JSON list
of {"rank", "hook", "step", "signals", "nan"}: in the first call of the task's method ``hook`` at an optimizer
step, the rank sends itself signals, or its loss is not a number. Each process writes the file ``pid-<rank>``.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.tasks import FinetuneTask, PretrainTask


def install(fault: dict[str, Any], kind: type) -> None:
    hook = fault["hook"]
    method = getattr(kind, hook)
    is_due = True

    def faulty(self: Any, *args: Any) -> Any:
        nonlocal is_due
        due = is_due and self.trainer.global_step == fault.get("step", 0)
        is_due = is_due and not due
        for name in fault.get("signals", ()) if due else ():
            os.kill(os.getpid(), signal.Signals[name])
        result = method(self, *args)
        return result * float("nan") if due and fault.get("nan") else result

    setattr(kind, hook, faulty)


if __name__ == "__main__":
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    Path(f"pid-{rank}").write_text(str(os.getpid()))
    for fault in json.loads(sys.argv[1]):
        if fault["rank"] == rank:
            for kind in (PretrainTask, FinetuneTask, ZeroShotTask):
                if hasattr(kind, fault["hook"]):
                    install(fault, kind)
    sys.exit(main(sys.argv[2:]))
