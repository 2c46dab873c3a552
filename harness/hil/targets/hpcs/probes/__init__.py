"""Probes: what an instance has to refuse or to do in order, asked of it from outside before a campaign.

A campaign of crashes shows what becomes of keys when processes die. It does not show that a unit refuses a
replayed command, or that a pre-check stands: an operator who makes no mistake never meets them. So each is
tried once, on the rig of the golden state, and a probe that fails turns the gate of the campaign.
"""
