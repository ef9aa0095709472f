"""ministack and what it lacks for this app: one module per patch, each with its reason.

Runs on the Python of `.local/cloud-venv`. Every patch checks that what it changes is still there; a test
shows for each that the emulator without it still falls short, so that a newer emulator makes a patch go.
"""
