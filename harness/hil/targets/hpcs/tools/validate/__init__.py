"""``hil validate``: a procedure played from every crash state, and the table of what came of it."""
