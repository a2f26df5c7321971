"""Every queue at a glance."""

# endpoints   the page
# table       all that it says of a snapshot, and what has changed since another
#               rows        cell by cell
#               sparkline   what went on of late
