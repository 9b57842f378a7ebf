"""How Alipay is spoken to, and whom of those who speak for it we believe."""
