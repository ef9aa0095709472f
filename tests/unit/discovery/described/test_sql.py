"""SQL beside the data: statements of five programs, read without their data."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.described.sql_statements import statements, without_comments
from discovery.described.sql_tables import read_sql

POSTGRESQL = r"""
-- PostgreSQL database dump; don't split here
CREATE TYPE public.mood AS ENUM ('new', 'paid;');
CREATE TABLE public.orders (
    id bigint NOT NULL,
    customer_id integer NOT NULL,
    total numeric(10,2) DEFAULT 0.0,
    state public.mood,
    CONSTRAINT positive CHECK ((total >= (0)::numeric))
);
CREATE TABLE public.customers (id integer NOT NULL, name character varying(40) DEFAULT 'C:\'::text);
COPY public.orders (id, customer_id) FROM stdin;
1	'
CREATE TABLE invented (x int);
\.
CREATE FUNCTION public.f() RETURNS void AS $_$ BEGIN; CREATE TABLE other (y int); 'a END $_$ LANGUAGE plpgsql;
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE CASCADE;
"""
MYSQL = r"""
-- MySQL dump 10.13
/*!40101 SET NAMES utf8 */;
CREATE TABLE `orders` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `customer_id` int(11) NOT NULL COMMENT 'it\'s; one',
  `total` decimal(10,2) DEFAULT '0.00' CHECK (`total` >= 0),
  `state` enum('new','paid;') DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `k` (`customer_id`),
  CONSTRAINT `fk` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;
INSERT INTO `orders` VALUES (1,1,2.00,'\'); CREATE TABLE invented (x int);
CREATE TABLE invented (x int)');
# a comment that isn't a string
CREATE TABLE `customers` (`id` int unsigned NOT NULL, `name` varchar(40), PRIMARY KEY (`id`));
"""
SQL_SERVER = """
USE [shop]
GO
SET ANSI_NULLS ON
GO
CREATE TABLE [dbo].[orders](
    [id] [bigint] IDENTITY(1,1) NOT NULL,
    [customer_id] [int] NOT NULL ROWGUIDCOL,
    [total] [decimal](10, 2) NULL,
    [state] [nvarchar](max) NULL CHECK ([state] IN ('new', 'paid;')),
 CONSTRAINT [pk] PRIMARY KEY CLUSTERED ([id] ASC) WITH (PAD_INDEX = OFF, STATISTICS_NORECOMPUTE = OFF) ON [PRIMARY],
 CHECK (([total]>=(0)))
) ON [PRIMARY] TEXTIMAGE_ON [PRIMARY]
GO
INSERT [dbo].[orders] VALUES (N'it''s
CREATE TABLE invented (x int)
')
INSERT [dbo].[orders] VALUES (2)
GO
CREATE TABLE customers (id int NOT NULL PRIMARY KEY, name nvarchar(40))
ALTER TABLE [dbo].[orders]  WITH CHECK ADD  CONSTRAINT [fk] FOREIGN KEY([customer_id])
REFERENCES [dbo].[customers] ([id])
GO
ALTER TABLE [dbo].[orders] CHECK CONSTRAINT [fk]
GO
"""
SQLITE = """
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "orders" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT, customer_id INTEGER NOT NULL REFERENCES customers,
    total NUMERIC(10,2) CHECK(total>=0), state TEXT CHECK (state IN ('new', 'paid;'))) STRICT;
INSERT INTO orders VALUES(1,1,'CREATE TABLE invented (x int);');
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40)) WITHOUT ROWID;
COMMIT;
"""
ORACLE = """
CREATE TABLE "SHOP"."ORDERS" ("ID" NUMBER(18,0) NOT NULL ENABLE, "CUSTOMER_ID" NUMBER(9) NOT NULL ENABLE,
    "TOTAL" NUMBER(10,2), "STATE" VARCHAR2(4000 CHAR) CHECK ("STATE" IN ('new', 'paid;')),
    CONSTRAINT "PK" PRIMARY KEY ("ID") USING INDEX PCTFREE 10 ENABLE, CHECK ("TOTAL" >= 0) ENABLE
) SEGMENT CREATION IMMEDIATE PCTFREE 10
/
CREATE TABLE customers (id NUMBER(9) CONSTRAINT c PRIMARY KEY, name VARCHAR2(40 BYTE));
ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES customers (id) ENABLE;
"""


@pytest.mark.parametrize("sql", [POSTGRESQL, MYSQL, SQL_SERVER, SQLITE, ORACLE])
def test_dump_of_each_program_describes_types_keys_references_and_checks(sql: str) -> None:
    description = read_sql("dump.sql", io.StringIO(sql).read)
    assert not description.notes
    tables = {table.name.lower(): table for table in description.tables}
    assert set(tables) == {"orders", "customers"}
    orders = tables["orders"]
    kinds = {c.name.lower(): (c.declared.kind if c.declared else None, c.nullable) for c in orders.columns}
    assert kinds["id"] == ("bigint", False)
    assert kinds["total"] == ("numeric", True)
    assert kinds["customer_id"][1] is False
    state = next(c for c in orders.columns if c.name.lower() == "state")
    assert state.declared
    assert state.declared.source == 'Literal["new", "paid;"]'
    name = next(c for c in tables["customers"].columns if c.name.lower() == "name")
    assert name.declared
    assert name.declared.source == "Annotated[str, VarChar(40)]"
    assert [key.lower() for key in orders.key] == ["id"]
    [reference] = orders.references
    assert ([c.lower() for c in reference.columns], reference.parent.lower()) == (
        ["customer_id"],
        "customers",
    )
    assert ("total", ">=", 0) in {
        (check.column.lower(), check.operator, check.value) for check in orders.checks
    }


def test_unknown_statements_and_parts_are_named_and_the_others_are_used() -> None:
    sql = """
        CREATE TABLE a (id int PRIMARY KEY, b frobnicate(((, c text);
        CREATE TABLE ;
        CREATE TABLE d (id int, x geometry(Point, 4326), CHECK (f(id) > g(x)));
        ALTER TABLE d ADD CONSTRAINT ??? PRIMARY KEY id;
        CREATE TABLE e (id int);
    """
    description = read_sql("schema.sql", io.StringIO(sql).read)
    assert [table.name for table in description.tables][-2:] == ["d", "e"]
    assert len(description.notes) >= 3
    assert all(note.startswith("schema.sql") for note in description.notes)


def test_lengths_choose_the_type_of_a_text_and_unused_checks_are_counted() -> None:
    sql = """
        CREATE TABLE a (x text CHECK (char_length(x) >= 1 AND char_length(x) <= 200), y text, z text CHECK (z ~ 'a'));
        ALTER TABLE ONLY a ADD CONSTRAINT c CHECK ((char_length(y) >= 1));
        ALTER TABLE ONLY a ADD CONSTRAINT d CHECK ((f(z) > 3));
    """
    description = read_sql("dump.sql", pieces(sql))
    [table] = description.tables
    assert [c.declared.source for c in table.columns if c.declared] == ["Label", "Name", "Text"]
    assert description.notes == ("dump.sql: 2 checks are not used, such as that of a: REGEXP_LIKE(z, 'a')",)


def pieces(text: str) -> Callable[[int], str]:
    return io.StringIO(text).read


@pytest.mark.parametrize(
    "hostile",
    [
        "/*" * 100_000,
        "$a$" * 100_000,
        "'" + "''" * 100_000,
        "(" * 100_000,
        "CREATE TABLE x (" + "(" * 1_000 + ")" * 1_000 + ");",
        "CREATE TABLE x (a int" + ", b int" * 50_000 + ");",
        "\\" * 100_000 + "`",
        "CREATE TABLE \0 (a int);",
    ],
)
def test_hostile_text_leaves_the_next_statement_readable(hostile: str) -> None:
    description = read_sql("dump.sql", pieces(f"{hostile}\nCREATE TABLE last (id int PRIMARY KEY);\n"))
    assert "last" in [table.name for table in description.tables]


def test_unclosed_quote_costs_only_its_statement() -> None:
    sql = "CREATE TABLE a (b text DEFAULT 'x);\nSELECT 1;\nCREATE TABLE c (d int);\n"
    assert list(statements(pieces(sql))) == ["CREATE TABLE c (d int)"]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_statements_are_the_same_for_every_size_of_reads(size: int) -> None:
    stream = io.StringIO(POSTGRESQL)
    assert list(statements(lambda _: stream.read(size))) == list(statements(pieces(POSTGRESQL)))


TEXTS = st.text(st.sampled_from("ab;'\"\\-/*$`[]()\n\u00e9"), max_size=12)


@st.composite
def scripts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A dump with rows and comments of any text, and the statements of DDL in it."""
    parts, wanted = [], []
    for number in range(draw(st.integers(1, 6))):
        text = draw(TEXTS)
        match draw(st.sampled_from(["create", "insert", "comment", "copy", "dollar"])):
            case "create":
                quote = draw(st.sampled_from("'\""))
                written = f"{quote}{text.replace(quote, quote * 2)}{quote}"
                wanted.append(f"CREATE TABLE t{number} (a text DEFAULT {written})")
                parts.append(f"{wanted[-1]};")
            case "insert":
                doubled = text.replace("'", "''")
                parts.append("".join(("INSERT INTO t VALUES ('", doubled, "');")))
            case "comment":
                parts.append(f"-- {text}".replace("\n", " "))
            case "copy":
                row = text.replace("\\", "").replace("\n", " ")
                parts.append(f"COPY t FROM stdin;\n{row}\n\\.")
            case "dollar":
                parts.append(f"CREATE FUNCTION f() AS $x${text}$x$;")
    return "\n".join(parts) + "\n", wanted


@given(scripts(), st.integers(1, 300))
@settings(max_examples=100)
def test_statements_are_found_between_rows_and_comments_of_any_text(
    script: tuple[str, list[str]], size: int
) -> None:
    text, wanted = script
    # A backtick would make it a dump of MySQL, in which a backslash escapes.
    stream = io.StringIO(text.replace("`", ""))
    without = [statement.replace("`", "") for statement in wanted]
    assert [bare(s) for s in statements(lambda _: stream.read(size))] == [bare(s) for s in without]


def bare(statement: str) -> str:
    """The statement without white space and comments, which may be part of a text."""
    return "".join(without_comments(statement).split())
