"""Tailorbird: a personalisation engine that a shop hosts itself."""

__version__ = "0.1.0"
