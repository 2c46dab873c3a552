"""Training for operators: a rotation that was broken off somewhere, a shell, and what came of it."""
