"""Records and files: what the commands read and send."""
