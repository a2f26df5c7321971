"""HTTP in: one file for each API family, each endpoint a plain function from Request to Response."""

# A request's way, from the socket to its endpoint:
#
#   door           where clients come in
#                    sockets        what they connect to
#                    inherited      or was opened by the program that started this one
#                    tls            what TLS shows them
#                    tokens         the API tokens that may be asked of them
#                    following      files that are read anew when they change
#   server         the accept loop; each connection begins in the intake lane
#   lane           the intake lane: serves hot routes, as long as a connection asks for nothing else
#                    intake     bytes → requests
#                    hot        which routes those are
#                    encoding   answers → bytes
#   connection     from the first other request on: Hypercorn's protocols on the same stream
#                    http1      its HTTP/1, made strict
#                    http2      its HTTP/2, made patient and strict, and the change to it
#                    frames     how long the frames of HTTP/2 may be
#                    app        the routes on Quart, as Hypercorn serves them
#   edge           what both lanes do with a request: ask the endpoint, explain its errors, log it
#                    guard      who may use which route
#                    heads      what a request's head may look like
#                    bodies     the memory that bodies and answers may take
#                    paths      targets → paths
#                    replies    every refusal
#   routes         every route of the daemon
#   messages       what an endpoint sees: Request, Response, Route
#   fireworq       Fireworq's endpoints, with batch (POST /jobs) and runtime (GET /stats)
#   pull           relay-rs's endpoints
#   manage         those of an API to manage jobs that RQ's users know
#   load           Scale's: the load over time, and the jobs that wait
#   moments        times as clients write them, for pull, manage and load
#   limits         how many items of a list they want
#   health         /livez and /readyz
#   metrics        /metrics, and what it tells of
#                    traffic    what comes in, counted
#                    exposition the numbers as Prometheus reads them
#   wire           JSON ⇄ values
#                    quick      reads what nearly all clients send
#                    lenient    reads all that Fireworq reads
#                    scanner    goes through JSON text, here and for pull
#                    spans      where the values of large texts end
#                    fields     what both read into
#                    compact    payloads as answers show them
#   console        pages for people, who need no API
#   openapi        what all of this is, for programs and people who read OpenAPI
