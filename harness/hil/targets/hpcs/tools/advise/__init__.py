"""Which recovery now: reads scroll-back, applies the procedures that campaigns play, and says why."""
