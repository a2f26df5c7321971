"""The in-memory store; `store` has the methods of `interface.Store`."""

# What it is made of:
#
#   places         the order of jobs
#   push           push jobs
#   pull           pull jobs and their leases
#   failures       the failed store, of both kinds
#   groups         failures of the same error
#   history        what is remembered of jobs that ended well
#   counts         how many jobs there are
#   load           job types, samples of the load, and chores
#   definitions    queues, routings and pauses
#   ownership      nodes and their leases
#   browsing       the methods of `browsing.BrowsedStore`, on what is above
