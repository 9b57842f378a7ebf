"""What every adapter promises, whoever wrote it."""
