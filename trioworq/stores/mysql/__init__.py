"""The MySQL and MariaDB store; `store.open_mysql_store` opens it."""

# From the store to the server:
#
#   store          the methods of `interface.Store`
#   writer         one batch, one transaction, whatever happens to the connection meanwhile
#                    writes          its operations; jobs, history, pull, pull_changes, failures, load,
#                                    hastening, nodes, definitions and leases have the statements
#                    due             finds jobs that are due, for jobs and pull
#                    packets         rows that share an INSERT
#                    conversations   statements of several operations in shared round trips
#   reader         questions on connections of their own; reads, pull_reads, failure_reads, lists, searches,
#                  lookup, counts, spread, and for some of it history, load and nodes, have the statements
#                    failure_parts   which failures a filter lets in
#                    ranges          rows of an index, and what else is to hold of them
#   link           a connection, made again whenever it is lost
#   connection     statements and transactions; what is in doubt is closed
#                    wire            trio_mysql's connection with its faults mended
#                    login           MySQL 8's way to show a password
#                    dsn, errors, literals
#   presence       the lock that tells others that a node is there
#   schema         brings the tables up to date
