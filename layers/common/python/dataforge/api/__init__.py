"""The API as it is told: one OpenAPI document for the routes of all functions, and the models that requests are judged by.

A capability is a module (``records``, ``service``, ...) with ``TAG``, ``MODELS`` (of requests), ``SHAPES`` (of answers) and
``paths()``, named in ``document``. A test holds the document to every function's routes and to those of the gateway.

Functions import at their start only what they judge by (``batch``), and the document when it is asked for: making it takes
longer than answering a request.
"""
