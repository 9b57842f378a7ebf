"""Acting for others (代办): legal persons, their agents, guardians and proxies."""
