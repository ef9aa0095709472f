"""An owner turns the table of geolocations into a partitioned one."""

from __future__ import annotations

PARTITION = """
    ALTER TABLE olist.geolocations RENAME TO old;
    ALTER TABLE olist.old RENAME CONSTRAINT geolocations_pkey TO old_pkey;
    CREATE TABLE olist.geolocations (LIKE olist.old INCLUDING CONSTRAINTS) PARTITION BY LIST (geolocation_state);
    CREATE TABLE olist.geolocations_sp PARTITION OF olist.geolocations FOR VALUES IN ('SP');
    CREATE TABLE olist.geolocations_others PARTITION OF olist.geolocations DEFAULT;
    ALTER TABLE olist.geolocations ADD CONSTRAINT geolocations_pkey PRIMARY KEY
        (geolocation_zip_code_prefix, geolocation_lat, geolocation_lng, geolocation_city, geolocation_state);
    ALTER TABLE olist.geolocations OWNER TO dataforge_owner; ALTER TABLE olist.geolocations_sp OWNER TO dataforge_owner;
    ALTER TABLE olist.geolocations_others OWNER TO dataforge_owner; DROP TABLE olist.old;
    GRANT SELECT, INSERT, UPDATE ON olist.geolocations TO dataforge_ingest;
    GRANT SELECT ON olist.geolocations TO dataforge_deliver, dataforge_backup;
    GRANT SELECT, INSERT, UPDATE, REFERENCES ON olist.geolocations TO dataforge_migration_run;
    GRANT SELECT, INSERT, UPDATE, DELETE, REFERENCES ON olist.geolocations TO dataforge_restore_run
"""
