"""From the log to models: interactions, training, the registry, and evaluation without shoppers."""
