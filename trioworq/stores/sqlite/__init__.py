"""The embedded store; `store.open_sqlite_store` opens it."""

# From the store to the file:
#
#   store          the methods of `interface.Store`
#   writes         what a transaction does; pull has the statements of pull jobs, leases those of ownership
#   due            due jobs, for both kinds
#   reads          questions
#   connection     connections, transactions, and the threads that they work in
#   presence       the locked file that tells other processes that a node is there
