"""How people reach the domains: arguments in, words out."""
