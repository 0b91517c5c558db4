"""What a connection can say about Metabase itself.

A class of its own, because a connection straight to PostgreSQL has none of these words. The work is done in the
modules beside it.
"""

from __future__ import annotations

from .questionwords import QuestionWords
from .tablewords import TableWords


class MetabaseWords(TableWords, QuestionWords):
    """Words of a connection that only a Metabase server understands."""
