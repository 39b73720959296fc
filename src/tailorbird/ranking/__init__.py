"""From the pool's columns to one score per candidate."""
