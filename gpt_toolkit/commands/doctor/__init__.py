"""``gpt-toolkit doctor``: everything that can be checked before the first step.

Data, vocabulary, shapes, memory and time of what ``fit`` with the same arguments would do. A few steps are
really done, and thrown away; nothing is written into the run's folder.
"""

from gpt_toolkit.commands.doctor.examination import Examination
from gpt_toolkit.commands.doctor.subject import Subject

__all__ = ["Examination", "Subject"]
