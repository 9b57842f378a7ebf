"""Without this package what an operator does by hand, with keys and the audit, would be SQL typed at night."""
