"""The commands, one module each, listed in ``dataforge_cli.main``."""
