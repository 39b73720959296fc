"""After the ranker: hard rules, diversity, and the exploration that comes last."""
