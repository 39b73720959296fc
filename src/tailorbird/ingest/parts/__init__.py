"""A catalogue out of several systems: what each of them says of an item is a part, and parts are merged into items."""
