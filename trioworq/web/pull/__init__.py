"""relay-rs's endpoints: workers fetch jobs, keep them and end them (contract pull §2.2–§2.5)."""

#   endpoints      what is asked of the pull side, by verbs and by the later REST routes
#   queries        what paths and queries name
#   orders         bodies → what is to be enqueued, rescheduled or saved
#                    quick      what nearly all clients send
#                    exact      all that is right, and what is wrong with the rest
#   answers        jobs → JSON
