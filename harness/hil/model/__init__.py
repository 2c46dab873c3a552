"""The pure core: faults, evidence, rules and verdicts. Imports nothing else, neither ours nor others'."""
