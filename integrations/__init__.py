"""How the outside world fulfils what the domains ask of it: one folder per provider, none knows another."""
