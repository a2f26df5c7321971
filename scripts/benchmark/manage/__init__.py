"""What managing costs beside many jobs: counts and lists, failed jobs run again and removed, all at once.

program      the order of what is measured
commandline  the options
filling      jobs that wait, have failed, have finished
phases       what is measured, and how
steady       pushes at a fixed rate, by clients in turn: how long they take while something goes on
figures      what a run measures
report       figures → a table or JSON
"""
