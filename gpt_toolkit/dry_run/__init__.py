"""``gpt-toolkit doctor``: everything that can be checked before the first step.

Data, vocabulary, shapes, memory and time of what ``fit`` with the same arguments would do. A few steps are
really done, and thrown away; nothing is written into the run's folder.
"""

from gpt_toolkit.dry_run.dry_run import Examination
from gpt_toolkit.dry_run.run_spec import Subject

__all__ = ["Examination", "Subject"]
