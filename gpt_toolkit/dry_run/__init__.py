"""``gpt-toolkit doctor``: everything that can be checked before the first step.

It checks data, vocabulary, shapes, memory and time of what ``fit`` would do with the same arguments. A few
steps are really trained and discarded; nothing is written into the run's folder.
"""

from gpt_toolkit.dry_run.dry_run import DryRun
from gpt_toolkit.dry_run.run_spec import RunSpec

__all__ = ["DryRun", "RunSpec"]
