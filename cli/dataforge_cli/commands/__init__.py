"""The commands, one module each; ``dataforge_cli.main`` lists them."""
