"""Without this module production would run any document anybody sends.

The mini-program's documents are the files in `operations/`; a client may send the SHA-256 of one instead of
its text, and in production nothing else is executed.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

OPERATIONS = Path(__file__).parent / "operations"


def document_id(text: str) -> str:
    """The id of a document: SHA-256 of its exact text, in lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def trusted_documents() -> dict[str, str]:
    """Every document of `operations/` by its id."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(OPERATIONS.glob("*.graphql")))
    return {document_id(text): text for text in texts}
