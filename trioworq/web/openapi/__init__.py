"""The APIs as an OpenAPI 3.1 document, against which the tests hold every answer."""

# A route of the app is described by its method and path, where its face's operations stand. None of this is
# loaded before somebody asks for the document:
#
#   endpoint       GET /openapi.json
#   document       routes and their operations → the document
#   pushing, pulling, definitions, inspection, managing, watching, daemon, health
#                  operations by route, a module for each part of the API
#   parts          operations, bodies, answers: the pieces that they are made of
#   parameters     those of paths and queries; manage_parameters and load_parameters those of managing and
#                  of watching
#   refusals       the answers that are errors; pull_refusals those of the pull side,
#                  detail_refusals those of what answers them in JSON
#   job_shapes, pull_shapes, definition_shapes, manage_shapes, load_shapes, daemon_shapes
#                  the JSON shapes, by name; shapes is what they are written in
