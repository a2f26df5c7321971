"""Scale's endpoints: the load over time, and the jobs that wait, by job type (contract load §4)."""

#   endpoints      what is asked of the load
#   queries        what queries name
#                    times          dates and durations, read and shown
#   paging         one page of a list, and the links to those beside it
#   answers        samples and job types → JSON
