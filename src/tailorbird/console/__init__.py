"""The operators' web pages: what the engine does now, as whom, with which items and models.

Server-made pages with a little script (`desk`); one module per page. `routes` is all that the server needs.
"""

from tailorbird.console.doors import routes

__all__ = ["routes"]
