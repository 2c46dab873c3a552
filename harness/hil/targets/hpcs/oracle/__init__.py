"""The oracle: what is left of the keys, by evidence of its own."""
