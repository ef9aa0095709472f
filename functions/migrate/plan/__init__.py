"""Plan step: the files of a run, their byte ranges, and the shadow tables."""
