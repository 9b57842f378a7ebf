"""How WeChat and WeChat Pay are spoken to, and whom of those who speak for them we believe."""
