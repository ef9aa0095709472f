"""Patches of ministack for behaviour of AWS that it lacks: one module per patch, with its reason.

Runs on the Python of `.local/cloud-venv`. Every patch checks that its target exists. For each
patch, a test shows that the emulator still needs it, so that patches are removed when a newer emulator does not.
"""
