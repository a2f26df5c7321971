"""Takes the console's pictures for the documentation, of a shop that is at work.

trade      what the shop's queues do all day
worker     what answers its push jobs
clients    who pushes jobs, and who fetches some
past       a week of its load
camera     pages → pictures
"""
