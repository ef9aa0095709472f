"""Tables: the catalogue, its declaration language, and what follows from a declaration."""
