"""Apply: bring the database to the declared schema."""
