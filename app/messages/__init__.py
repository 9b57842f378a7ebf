"""Without this package nobody would hear of anything: it turns facts into messages, each once."""
