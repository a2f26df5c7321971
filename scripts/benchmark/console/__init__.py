"""What a console that is left open costs the server, while all its queues are at work.

program      the order of what is measured
commandline  the options
watching     who has it open: a client of its event stream, a browser
phases       what is measured, and how
figures      what a run measures
report       figures → a table or JSON
"""
