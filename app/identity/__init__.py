"""Who is calling: residents, the apps they arrive by, their sessions and proofs, and the hall's staff."""
