"""Who is one person: the ids that belong together, since when and by what evidence, and which were taken apart."""
