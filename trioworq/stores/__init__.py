"""Durable state behind one interface (`interface.Store`); nothing above this folder sees SQL."""

# What the stores share; they are memory/, sqlite/ and mysql/:
#
#   interface      what a store does, and all that others know of one
#                    managing       its part for those who look after jobs
#                    browsing       its part for people who look around
#                    lists          pages of jobs
#                    claims         what joins a transaction when it begins: starts, claims, takes
#   opening        from the options to an open store
#   operations     writes as values
#   writing        a store's writing methods, as such values
#   batching       group commit: the writes of many callers in one transaction
#                    commits        what has been committed, counted
#   starts         which pushed jobs may be stored as running
#   rows           rows of the tables ⇄ values
#   paging         lists, page by page
#   searching      where searches end, and what they look for
#   migrations     the schema's versions
