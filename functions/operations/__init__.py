"""Operations over HTTP: start backups, restores and exports, and report their status. State machines do the work."""
