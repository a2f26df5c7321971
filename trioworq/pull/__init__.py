"""The pull side: workers fetch jobs under a lease, keep it, and end it."""

# A job's way, from a client to a worker and back:
#
#   jobs           what the web asks for; hands the rest on to the store
#                    lines      workers that wait, and takes for them
#                      line       those at one queue
#                    lookout    notices leases that end and jobs that fall due
#                    counters   what has been done, in numbers
