"""Files as other programs export them are declared and read exactly; one small file for each program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from dataforge import (
    INTEGER,
    TEXT,
    ArrayOf,
    BigInt,
    Boolean,
    Bytes,
    Clean,
    Csv,
    Date,
    Double,
    Format,
    Header,
    Integer,
    Interval,
    Json,
    Key,
    Label,
    Name,
    Numeric,
    Row,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
)
from dataforge.formats.json_lines import JsonLines

if TYPE_CHECKING:
    from tests.postgres.sets.conftest import Project

Id = Annotated[Integer, Key()]
Amount = Annotated[Decimal, Numeric(12, 2), Clean()]
BACKSLASH = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v"}


class CopyText(
    Row,
    table="copy_text",
    file="copy.tsv",
    format=Csv(delimiter="\t", quote=None, escape="\\", escapes=BACKSLASH, null=(r"\N",), header=0),
):
    """PostgreSQL: COPY ... TO, in the text format."""

    id: Id
    note: Text | None = None
    flag: Boolean | None = None
    moment: TimestampTz | None = None
    data: Bytes | None = None
    numbers: Annotated[tuple[int, ...], ArrayOf(INTEGER)] | None = None
    document: Json | None = None
    length: Interval | None = None


class CopyCsv(Row, table="copy_csv", file="copy.csv", format=Csv(quoted_null=False)):
    """PostgreSQL: COPY ... TO (FORMAT csv, HEADER)."""

    id: Id
    note: Text | None = None
    code: Uuid | None = None


class Outfile(
    Row,
    table="outfile",
    file="outfile.txt",
    format=Csv(escape="\\", null=(r"\N",), quoted_null=False, doubled=False, header=0),
):
    """MySQL: SELECT ... INTO OUTFILE ... FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"'."""

    id: Id
    note: Text | None = None
    price: Amount | None = None
    moment: Timestamp


class Bcp(
    Row,
    table="bcp",
    file="bcp.dat",
    format=Csv(delimiter="|", quote=None, encoding="utf-16", header=0),
):
    """SQL Server: bcp ... out -w -t"|". An empty text is the character NUL."""

    id: Id
    note: Annotated[Text, Clean(trim=False, controls=True)] | None = None
    rate: Annotated[Decimal, Numeric(5, 4), Clean()]
    moment: Timestamp
    code: Uuid


class Excel(
    Row,
    table="excel",
    file="Mappe1.csv",
    format=Csv(delimiter=";", encoding="cp1252", skip=1),
):
    """Excel with German settings, with a first line that names the delimiter."""

    number: Annotated[Integer, Key(), Header("Nr.")]
    day: Annotated[Date, Header("Datum"), Format(dates="%d.%m.%Y")]
    amount: Annotated[Amount, Header("Betrag €"), Format(decimal=",", thousands=".", symbols=("€",))]
    share: Annotated[Amount, Header("Anteil"), Format(decimal=",", symbols=("%",))]
    paid: Annotated[Boolean, Header("bezahlt"), Format(true=("WAHR",), false=("FALSCH",))] | None = None
    zip: Annotated[Label, Header("PLZ"), Clean(pad="0", width=5)]


class UnicodeText(Row, table="unicode_text", file="Book1.txt", format=Csv(delimiter="\t", encoding="utf-16")):
    """Excel: save as Unicode text."""

    name: Annotated[Label, Key(), Header("Name")]
    day: Annotated[Date, Header("Day"), Format(dates="%m/%d/%Y")]


class Sap(Row, table="sap", file="sap.txt", format=Csv(delimiter="|", quote=None, comment="-")):
    """SAP: a list with lines of dashes, a minus behind the number, and 00.00.0000 for no date."""

    number: Annotated[Label, Key(), Header("Beleg")]
    day: Annotated[Date, Header("Datum"), Format(dates="%d.%m.%Y", null=("00.00.0000",))] | None = None
    amount: Annotated[Amount, Header("Betrag"), Format(decimal=",", thousands=".", minus="1-")]


class Ledger(Row, table="ledger", file="ledger.csv"):
    """Accounting programs write negative numbers in parentheses."""

    id: Id
    amount: Annotated[Amount, Format(thousands=",", symbols=("$",), minus="(1)")]


class Salesforce(Row, table="salesforce", file="Account.csv"):
    """Salesforce's data export: all fields in quotes."""

    id: Annotated[Label, Key(), Header("Id")]
    deleted: Annotated[Boolean, Header("IsDeleted")]
    name: Annotated[Name, Header("Name")]
    created: Annotated[TimestampTz, Header("CreatedDate")]
    revenue: Annotated[Decimal, Numeric(), Header("AnnualRevenue")] | None = None


class Stripe(Row, table="stripe", file="payments.csv", ignore=("Seller Message",)):
    """Stripe's payments: moments in UTC without an offset."""

    id: Annotated[Label, Key()]
    created: Annotated[TimestampTz, Header("Created date (UTC)"), Clean(replace=((r"(?<=\d)$", "Z"),))]
    amount: Annotated[Amount, Header("Amount")]
    captured: Annotated[Boolean, Header("Captured")]


class Shopify(Row, table="shopify", file="orders_export.csv"):
    """Shopify's orders: an offset behind a blank, an apostrophe before numbers that are texts."""

    name: Annotated[Label, Key(), Header("Name")]
    paid: Annotated[TimestampTz, Header("Paid at"), Format(dates="%Y-%m-%d %H:%M:%S %z")] | None = None
    total: Annotated[Amount, Header("Total")]
    zip: Annotated[Label, Header("Billing Zip"), Clean(replace=(("^'", ""),))] | None = None


class Django(Row, table="django", file="dump.jsonl", format=JsonLines(), ignore=("model",)):
    """Django: dumpdata --format=jsonl."""

    pk: Id
    title: Annotated[Name, Header("fields.title")]
    tags: Annotated[Json, Header("fields.tags")]


class Mongo(Row, table="mongo", file="export.json", format=JsonLines()):
    """MongoDB: mongoexport, in extended JSON."""

    id: Annotated[Label, Key(), Header("_id.$oid")]
    created: Annotated[TimestampTz, Header("created.$date")]
    count: Annotated[BigInt, Header("count.$numberLong")]
    address: Json | None = None


class BigQuery(Row, table="bigquery", file="rows.jsonl", format=JsonLines()):
    """BigQuery's export: integers and decimals are texts, moments are in UTC."""

    id: Annotated[BigInt, Key()]
    price: Annotated[Decimal, Numeric(), Clean()] | None = None
    moment: Annotated[TimestampTz, Clean(replace=((" UTC$", "Z"),))] | None = None
    parts: Annotated[tuple[int, ...], ArrayOf(INTEGER)] | None = None


class Pandas(Row, table="pandas", file="frame.csv", ignore=("",)):
    """pandas: DataFrame.to_csv with its index; integers of a column with gaps are floats."""

    name: Annotated[Label, Key()]
    count: Integer | None = None
    flag: Boolean | None = None
    day: Date | None = None


class RFrame(Row, table="r_frame", file="frame_r.csv", format=Csv(null=("NA",)), ignore=("",)):
    """R: write.csv with row names; NA is NULL, and "NA" is a text."""

    name: Annotated[Label, Key()]
    country: Text | None = None
    size: Double | None = None
    flag: Boolean | None = None


class Epochs(Row, table="epochs", file="epochs.csv"):
    """Unix timestamps, in seconds and milliseconds."""

    id: Id
    seconds: Annotated[TimestampTz, Format(epoch="s")]
    milliseconds: Annotated[Timestamp, Format(epoch="ms")]


class Oracle(Row, table="oracle", file="oracle.csv"):
    """Oracle SQL Developer: names of months, nine decimals of a second."""

    id: Annotated[Integer, Key(), Header("ID")]
    day: Annotated[Date, Header("HIRED"), Format(dates="%d-%b-%y")]
    moment: Annotated[Timestamp, Header("CHANGED"), Format(dates="%d-%b-%y %I.%M.%S.%f %p")]
    other: Annotated[Timestamp, Header("OTHER")]


class Tpc(
    Row, table="tpc", file="region.tbl", format=Csv(delimiter="|", quote=None, record_end="|\n", header=0)
):
    """TPC: each field ends with a delimiter."""

    id: Id
    name: Name


class Formula(Row, table="formula", file="formula.csv", format=Csv(strict=False)):
    """Texts that are protected from spreadsheets as formulas; Swiss and French thousands."""

    code: Annotated[Label, Key(), Clean(replace=(('^="(.*)"$', r"\1"),))]
    swiss: Annotated[Amount, Format(thousands="'")]
    french: Annotated[Amount, Format(decimal=",", thousands="\u202f")]
    at: Annotated[Time, Format(dates="%I:%M %p")]


class Movies(
    Row,
    table="movies",
    file="movies.dat",
    format=Csv(delimiter="::", quote=None, encoding="latin-1", header=0),
):
    """MovieLens: two characters between fields, lists of words, a number that is a Unix timestamp."""

    id: Id
    title: Name
    genres: Annotated[tuple[str, ...], ArrayOf(TEXT), Format(separator="|")]
    rated: Annotated[TimestampTz, Format(epoch="s")]


class Works(
    Row,
    table="works",
    file="works.csv",
    format=Csv(delimiter="+|", quote=None, record_end="&|\n", encoding="utf-16", header=0),
):
    """SQL Server: marks of several characters around texts with line ends, and base64."""

    id: Id
    note: Text | None = None
    photo: Annotated[Bytes, Format(base64=True)] | None = None


class WorldBank(Row, table="world_bank", file="API.csv", format=Csv(skip=2), ignore=("", "Indicator Code")):
    """The World Bank's indicators: lines before the header, and a comma at the end of each line."""

    country: Annotated[Label, Key(), Header("Country Name")]
    year_1960: Annotated[Double, Header("1960")] | None = None


@dataclass(frozen=True)
class Case:
    """A file and the rows that are expected of it, as PostgreSQL shows them."""

    body: bytes
    rows: tuple[str, ...]


CASES: dict[type[Row], Case] = {
    CopyText: Case(
        b'1\ta\\tb\\nc\\\\N\tt\t2020-01-31 10:00:00+00\t\\\\x00ff\t{1,2}\t{"a": 1}\t1 day 02:00:00\n'
        b"2\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n3\t\\\\N\tf\t\\N\t\\N\t\\N\t\\N\t\\N\n4\t\tf\t\\N\t\\N\t\\N\t\\N\t\\N\n",
        (
            '(1,"a\tb\nc\\\\N",t,"2020-01-31 10:00:00+00","\\\\x00ff","{1,2}","{""a"": 1}","1 day 02:00:00")',
            "(2,,,,,,,)",
            '(3,"\\\\N",f,,,,,)',
            '(4,"",f,,,,,)',
        ),
    ),
    CopyCsv: Case(
        b'id,note,code\n1,"a ""b""\n,c",6f1c2a9b-0d3e-4c5f-8a7b-112233445566\n2,,\n3,"",\n',
        ('(1,"a ""b""\n,c",6f1c2a9b-0d3e-4c5f-8a7b-112233445566)', "(2,,)", '(3,"",)'),
    ),
    Outfile: Case(
        b'1,"a \\"b\\", c\\\\\\\nd",1.50,"2020-01-31 10:00:00"\n2,\\N,\\N,"2020-01-31 10:00:00"\n'
        b'3,"",\\N,"2020-01-31 10:00:00"\n',
        (
            '(1,"a ""b"", c\\\\\nd",1.50,"2020-01-31 10:00:00")',
            '(2,,,"2020-01-31 10:00:00")',
            '(3,"",,"2020-01-31 10:00:00")',
        ),
    ),
    Bcp: Case(
        "1|Zürich|.5000|2020-01-31 10:00:00.0000000|6F1C2A9B-0D3E-4C5F-8A7B-112233445566\r\n"
        "2||-.2500|2020-01-31 10:00:00.1234560|6F1C2A9B-0D3E-4C5F-8A7B-112233445566\r\n"
        "3|\0|0|2020-01-31 10:00:00.000|6F1C2A9B-0D3E-4C5F-8A7B-112233445566\r\n".encode("utf-16"),
        (
            '(1,Zürich,0.5000,"2020-01-31 10:00:00",6f1c2a9b-0d3e-4c5f-8a7b-112233445566)',
            '(2,,-0.2500,"2020-01-31 10:00:00.123456",6f1c2a9b-0d3e-4c5f-8a7b-112233445566)',
            '(3,"",0.0000,"2020-01-31 10:00:00",6f1c2a9b-0d3e-4c5f-8a7b-112233445566)',
        ),
    ),
    Excel: Case(
        "sep=;\r\nNr.;Datum;Betrag €;Anteil;bezahlt;PLZ\r\n1;31.01.2020;-1.234,50 €;12,5%;WAHR;1067\r\n"
        '2;1.2.2020;"0,99 €";100%;;80331\r\n'.encode("cp1252"),
        ("(1,2020-01-31,-1234.50,12.50,t,01067)", "(2,2020-02-01,0.99,100.00,,80331)"),
    ),
    UnicodeText: Case("Name\tDay\r\nИван\t1/31/2020\r\n".encode("utf-16"), ("(Иван,2020-01-31)",)),
    Sap: Case(
        b"--------------------------\nBeleg|Datum|Betrag\n--------------------------\n"
        b"0000000100|31.01.2020|     1.234,50-\n0000000101|00.00.0000|         0,50 \n",
        ("(0000000100,2020-01-31,-1234.50)", "(0000000101,,0.50)"),
    ),
    Ledger: Case(
        b'id,amount\n1,"$1,234.50"\n2,"($1,234.50)"\n3,(5)\n', ("(1,1234.50)", "(2,-1234.50)", "(3,-5.00)")
    ),
    Salesforce: Case(
        b'"Id","IsDeleted","Name","CreatedDate","AnnualRevenue"\n'
        b'"0015000000WlrRiAAJ","false","A ""B""\nC","2020-01-31T10:00:00.000+0000",""\n'
        b'"0015000000WlrRjAAJ","true","D","2020-01-31T10:00:00.000Z","1.5E7"\n',
        (
            '(0015000000WlrRiAAJ,f,"A ""B""\nC","2020-01-31 10:00:00+00",)',
            '(0015000000WlrRjAAJ,t,D,"2020-01-31 10:00:00+00",15000000)',
        ),
    ),
    Stripe: Case(
        b"id,Created date (UTC),Amount,Captured,Seller Message\nch_1,2020-01-31 10:00:05,10.00,true,Payment complete.\n",
        ('(ch_1,"2020-01-31 10:00:05+00",10.00,t)',),
    ),
    Shopify: Case(
        b"Name,Paid at,Total,Billing Zip\n#1001,2020-01-31 10:00:00 -0500,5.00,'01067\n#1002,,6.00,\n",
        ('(#1001,"2020-01-31 15:00:00+00",5.00,01067)', "(#1002,,6.00,)"),
    ),
    Django: Case(
        b'{"model": "blog.post", "pk": 1, "fields": {"title": "A", "tags": ["x"]}}\n', ('(1,A,"[""x""]")',)
    ),
    Mongo: Case(
        b'{"_id":{"$oid":"5f1c2a9b0d3e4c5f8a7b1122"},"created":{"$date":"2020-01-31T10:00:00Z"},'
        b'"count":{"$numberLong":"9007199254740993"},"address":{"city":"Bonn"}}\n',
        ('(5f1c2a9b0d3e4c5f8a7b1122,"2020-01-31 10:00:00+00",9007199254740993,"{""city"": ""Bonn""}")',),
    ),
    BigQuery: Case(
        b'{"id":"9007199254740993","price":"1.10","moment":"2020-01-31 10:00:00.5 UTC","parts":["1","2"]}\n'
        b'{"id":"1"}\n',
        ("(1,,,)", '(9007199254740993,1.1,"2020-01-31 10:00:00.5+00","{1,2}")'),
    ),
    Pandas: Case(
        b",name,count,flag,day\n0,a,1.0,True,2020-01-31\n1,b,,,\n", ("(a,1,t,2020-01-31)", "(b,,,)")
    ),
    RFrame: Case(
        b'"","name","country","size","flag"\n"1","a","NA",1e-05,TRUE\n"2","b",NA,NA,NA\n',
        ("(a,NA,1e-05,t)", "(b,,,)"),
    ),
    Epochs: Case(
        b"id,seconds,milliseconds\n1,1580464800,1580464800123\n2,-1.5,0\n",
        (
            '(1,"2020-01-31 10:00:00+00","2020-01-31 10:00:00.123")',
            '(2,"1969-12-31 23:59:58.5+00","1970-01-01 00:00:00")',
        ),
    ),
    Oracle: Case(
        b'"ID","HIRED","CHANGED","OTHER"\n'
        b"1,31-JAN-20,31-JAN-20 10.00.00.000000000 PM,2020-01-31 10:00:00.123456000\n",
        ('(1,2020-01-31,"2020-01-31 22:00:00","2020-01-31 10:00:00.123456")',),
    ),
    Tpc: Case(b"0|AFRICA|\n1|AMERICA|\n", ("(0,AFRICA)", "(1,AMERICA)")),
    Movies: Case(
        "1::Amélie (2001)::Comedy|Romance::978300760\n".encode("latin-1"),
        ('(1,"Amélie (2001)","{Comedy,Romance}","2000-12-31 22:12:40+00")',),
    ),
    Works: Case(
        "1+|a\nb|c+|AP8=&|\n2+|+|&|\n".encode("utf-16"),
        ('(1,"a\nb|c","\\\\x00ff")', "(2,,)"),
    ),
    WorldBank: Case(
        b'"Data Source","World",\n\n"Country Name","Indicator Code","1960",\n"Aruba","X.Y","",\n"Togo","X.Y","1.5",\n',
        ("(Aruba,)", "(Togo,1.5)"),
    ),
    Formula: Case(
        'code,swiss,french,at\n="00123",1\'234.50,"1\u202f234,50",9:05 PM\n'.encode(),
        ("(00123,1234.50,1234.50,21:05:00)",),
    ),
}


def test_exports_of_other_programs_are_read_exactly(declare: Callable[[ModuleType], Project]) -> None:
    module = ModuleType("exports")
    vars(module).update({model.__name__: model for model in CASES})
    project = declare(module)
    project.put({model.__file_name__ or "": case.body for model, case in CASES.items()})
    project.migrate(quality_threshold=0)
    rejected = project.forge.rejections("table", "line", "errors")
    assert rejected == []
    for model, case in CASES.items():
        assert tuple(project.rows(model.__table_name__)) == case.rows, model.__doc__
