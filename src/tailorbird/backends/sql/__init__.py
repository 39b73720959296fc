"""Records at rest in SQL: the log's hot tail, the ledger and the keys. SQLite by default."""
