"""The machines: where records rest. Only ``app.py`` imports from here, and drivers appear nowhere else."""
