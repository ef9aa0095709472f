"""PostgreSQL as Amazon RDS serves it: TLS only, and tokens for the members of `rds_iam`.

A server cannot check such a token itself, because its only means of asking another program (PAM, LDAP, RADIUS) are not in
the available builds, or limit the length of a password. So a separate process is in front of it.
"""
