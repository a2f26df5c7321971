"""The in-memory store; `store` has the methods of `interface.Store`."""

# What it is made of:
#
#   places         the order of jobs
#   pull           pull jobs and their leases
#   failures       the failed store, of both kinds
#   ownership      nodes and their leases
