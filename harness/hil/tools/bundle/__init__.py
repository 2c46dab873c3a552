"""Bundles: the evidence of a campaign as one file that can be handed on and checked elsewhere."""
