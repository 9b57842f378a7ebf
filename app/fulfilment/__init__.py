"""What a payment brought: told to platforms that hold the money until they know."""
