"""The bench: kills rotations, follows a recovery procedure and judges what is left of the keys."""
