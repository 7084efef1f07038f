"""Storyworld: the built-in world, from which English text is drawn without limit and without a network.

``document`` returns any document of a stream by its position: a story, a letter, a dialogue or another text.
A mix sets the weight of each kind. ``story`` and ``stories`` return stories alone. All are functions of their
arguments alone: the same bytes on every machine and every version of Python, until ``VERSION`` is raised.

``documents`` has the stream of documents, ``datasets`` labeled examples for fine-tuning, ``benchmarks`` the
zero-shot benchmarks. ``facts`` has what holds in all of them, ``vallic`` the sister language of English, and
``wording`` the phrases, which are text files.
"""

from gpt_toolkit.storyworld.documents import MIX, check_mix, document, shares, stories, story
from gpt_toolkit.storyworld.people import SPLITS

__all__ = ["MIX", "SPLITS", "VERSION", "check_mix", "document", "shares", "stories", "story"]

VERSION = 3
"""Version of the documents, raised whenever the text of any of them changes."""
