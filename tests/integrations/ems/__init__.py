"""The post: its cipher, its orders, its events."""
