"""Schema of the database: created and changed on deployment, checked and repaired on demand."""
