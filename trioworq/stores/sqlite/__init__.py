"""The embedded store; `store.open_sqlite_store` opens it."""

# From the store to the file:
#
#   store          the methods of `interface.Store`
#   writes         what a transaction does; pull has the statements of pull jobs, leases those of ownership,
#                  definitions those of queues, routings and pauses
#   due            due jobs, for both kinds
#   reads          questions
#   failures       the failed store: what is asked of it, and how jobs leave it
#   history        what is remembered of jobs that ended well
#   counts         how many jobs there are
#   load           job types and samples of the load
#   connection     connections, transactions, and the threads that they work in
#   presence       the locked file that tells other processes that a node is there
