"""How one file is written: its format, encoding, dialect and header."""
