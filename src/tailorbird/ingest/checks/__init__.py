"""What can be wrong with a shop's data, one kind of fault in a file: how it is found, what it costs, what mends it."""
