"""How a hall lays out its days, changes its rules, and closes a session."""
