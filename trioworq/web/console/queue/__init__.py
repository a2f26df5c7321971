"""One queue of either kind: how it stands, its definition, and its jobs."""

# endpoints     what the forms do
# page          the page, and the form for a new queue
# names         which queue is meant, and how it stands
# definitions   what was typed into a form → a definition
# listing       its jobs, page by page
# history       its load of the last hour or day
# live          what an open page is sent
