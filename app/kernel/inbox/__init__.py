"""Whatever comes from outside and must count once: providers' notices and phones' repeated writes."""
