"""Everything that arrives: events, items, users and identities, from HTTP or from files, checked before it is kept."""
