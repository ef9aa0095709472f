"""The schema: created and evolved on deploy, examined and repaired on demand."""
