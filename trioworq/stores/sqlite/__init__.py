"""The embedded store; `store.open_sqlite_store` opens it."""
