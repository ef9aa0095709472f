"""Rules that an owner can add to the table of sellers; each refuses the city "nowhere"."""

from __future__ import annotations


def raising(body: str, *, always: bool = False) -> str:
    """A BEFORE ROW trigger with this body, for the city "nowhere" or always."""
    inside = body if always else f"IF NEW.seller_city = 'nowhere' THEN {body}; END IF"
    return (
        f"CREATE FUNCTION public.mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {inside}; RETURN NEW; END $$;"
        "CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON olist.sellers FOR EACH ROW EXECUTE FUNCTION public.mine()"
    )


_ADD = "ALTER TABLE olist.sellers ADD CONSTRAINT mine"
_CITIES = (
    "CREATE TABLE public.cities (city text PRIMARY KEY); INSERT INTO public.cities VALUES ('rio'), ('sp'); "
)
_KEY = f"{_CITIES} {_ADD} FOREIGN KEY (seller_city) REFERENCES public.cities"
_ZERO = "CASE seller_city WHEN 'nowhere' THEN 0 ELSE 1 END"

RULES = {
    "check": (f"{_ADD} CHECK (seller_city <> 'nowhere')", "mine: "),
    "not null": (
        "ALTER TABLE olist.sellers ADD mine text GENERATED ALWAYS AS (nullif(seller_city, 'nowhere')) STORED NOT NULL",
        "NOT NULL of mine",  # prose: ignore
    ),
    "unique index (insert)": (
        "INSERT INTO olist.sellers VALUES (md5('x'), '01037', 'nowhere', 'SP');"
        "CREATE UNIQUE INDEX mine ON olist.sellers (seller_city) WHERE seller_city = 'nowhere';"
        "DELETE FROM olist.sellers WHERE seller_city <> 'nowhere'",
        "mine: ",
    ),
    "foreign key": (_KEY, "mine: "),
    "deferred foreign key": (f"{_KEY} DEFERRABLE INITIALLY DEFERRED", "mine: "),
    "exclusion": (
        f"{_ADD} EXCLUDE USING btree ((seller_city = 'nowhere') WITH =) WHERE (seller_city = 'nowhere');"
        "ALTER TABLE olist.sellers ADD CONSTRAINT mine2 CHECK (seller_city <> 'nowhere')",
        "mine",
    ),
    "raising trigger": (raising("RAISE EXCEPTION E'not there\\nand more'"), "not there"),
    "trigger with a constraint's name": (
        raising("RAISE EXCEPTION 'not there' USING ERRCODE = 'check_violation', CONSTRAINT = 'x'"),
        "not there",
    ),
    "trigger that leaves the row out": (raising("RETURN NULL"), "mine: this trigger of olist.sellers left"),
    "trigger that fails": (raising("PERFORM 1 / 0"), "division by zero"),
    "trigger without a right": (raising("PERFORM FROM dataforge.leases"), "permission denied"),
    "trigger with a mistake": (raising("PERFORM FROM nowhere"), 'relation "nowhere" does not exist'),
    "trigger after the row": (
        raising("RAISE 'not there'").replace("BEFORE INSERT", "AFTER INSERT"),
        "not there",
    ),
    "trigger at commit": (
        raising("RAISE 'not there'")
        .replace("CREATE TRIGGER", "CREATE CONSTRAINT TRIGGER")
        .replace("BEFORE INSERT", "AFTER INSERT")
        .replace("FOR EACH ROW", "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"),
        "not there",
    ),
    "index expression that fails": (
        f"CREATE INDEX mine ON olist.sellers ((1 / {_ZERO}))",
        "division by zero",
    ),
}

DROP = """
    DROP FUNCTION IF EXISTS public.mine() CASCADE;
    DROP RULE IF EXISTS mine ON olist.sellers;
    ALTER TABLE olist.sellers DROP CONSTRAINT IF EXISTS mine, DROP CONSTRAINT IF EXISTS mine2, DROP COLUMN IF EXISTS mine;
    ALTER TABLE olist.customers DROP CONSTRAINT IF EXISTS mine;
    DROP INDEX IF EXISTS olist.mine;
    DROP TABLE IF EXISTS public.cities
"""
