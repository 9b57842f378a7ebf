"""Money on its way back: promised, approved, sent, arrived."""
