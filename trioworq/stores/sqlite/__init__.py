"""The embedded store; `store.open_sqlite_store` opens it."""

# From the store to the file:
#
#   store          the methods of `interface.Store`
#   writes         what a transaction does; pull has the statements of pull jobs, leases those of ownership,
#                  definitions those of queues, routings and pauses
#   due            due jobs, for both kinds
#   reads          questions
#   failures       how jobs leave the failed store; failure_reads is what is asked of it
#   searches       jobs of a queue as people look for them
#   history        what is remembered of jobs that ended well
#   counts         how many jobs there are
#   load           job types and samples of the load; spread shows several types beside each other
#   connection     connections, transactions, and the threads that they work in
#   presence       the locked file that tells other processes that a node is there
