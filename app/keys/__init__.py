"""Without this package a key could be added to the ring and never leave it (个人信息保护法 51, GB/T 22239).

`columns` finds what is sealed, `rotation` seals it with the newest key, `reindexing` computes the hashes by which
numbers are found. All three run beside a working portal's tables, in short transactions, and can be run again.
"""
