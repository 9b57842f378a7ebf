"""What residents wrote and a platform doubted."""
