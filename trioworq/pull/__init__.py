"""The pull side: workers fetch jobs under a lease, keep it, and end it."""

# A job's way, from a client to a worker and back:
#
#   jobs           what the web asks for
