"""Describe the API: one OpenAPI document for the routes of all functions, and the models that validate requests.

A capability is a module (``records``, ``service``, ...) with ``TAG``, ``MODELS`` (of requests), ``SHAPES`` (of answers) and
``paths()``, named in ``document``. A test holds the document to every function's routes and to those of the gateway.

At start, functions import only the models (``batch``). They import the document on the first request for it, because
building it takes longer than answering a request.
"""
