"""Where the papers are."""
