"""A shop that does not exist: its catalogue, its shoppers with hidden tastes, their visits, and the truth about them.

Because the truth is known, what the engine learns can be compared with it, and `make serve` has a shop to show. Every
world is one frozen configuration and a seed. See ``docs/simulator.md`` for how the worlds were calibrated.
"""
