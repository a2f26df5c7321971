"""The job management API that RQ's users know, over jobs of both kinds (contract jobs §3.1–§3.3)."""

#   endpoints      what is asked of failed jobs, of any job, and of how many there are
#   queries        what queries name
#   answers        jobs → JSON
#                    views          a job of either kind at any stage, in the API's words
#                    arguments      payloads as the arguments of a function
