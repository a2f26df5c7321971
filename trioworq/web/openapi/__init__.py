"""The APIs as an OpenAPI 3.1 document, against which the tests hold every answer."""

# A route of the app is described by its method and path, where its face's operations stand. None of this is
# loaded before somebody asks for the document:
#
#   endpoint       GET /openapi.json
#   document       routes and their operations → the document
#   pushing, definitions, inspection, daemon, health
#                  operations by route, a module for each part of the API
#   parts          operations, parameters, bodies, answers: the pieces that they are made of
#   refusals       the answers that are errors
#   schemas        the JSON shapes
