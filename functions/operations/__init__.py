"""Operations over HTTP: backups and restores are started and looked at. Its state machines do the work."""
