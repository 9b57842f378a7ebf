"""Without this package a fact would be an id: each module says whom one of its facts concerns, and in which values."""
