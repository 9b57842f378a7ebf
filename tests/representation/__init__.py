"""Acting for others: companies, children, the elderly, and whoever asked for help."""
