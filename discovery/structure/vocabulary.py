"""The vocabulary of names that is evidence for keys and references."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SURROGATE = _words("id ids uuid guid pk key sk oid uid")
"""The identifying words that are rarely used for anything else."""
IDENTIFYING = SURROGATE | {"no", "nr", "num", "number", "nummer", "code", "cd", "ref", "sku", "nbr"}
"""Last words of columns that identify something."""
NATURAL = _words("name title code slug symbol isbn sku ean iata icao date year month")
"""Names of columns that identify the rows of a table without a number."""
GENERIC = frozenset(
    {*(IDENTIFYING - {"sku"}), "name", "title", "date", "year", "month", "day", "time", "description"}
)
"""Names of keys that do not describe their table."""
UNIQUE = _words("email slug isbn ean gtin sku uuid guid username login iban vin barcode")
"""Last words of columns that are unique by rule, if they are unique in many rows."""
COUNTING = _words(
    """seq sequence sequential line stop position pos order ordering ordinal index idx lap round version item rank
    step part instance stint serial ordinality"""
)
"""Words of columns that number the parts of something."""
SEQUENCE = _words("seq sequence sequential ordinal ordinality idx index line")
"""The words among them that number the parts of one thing without gaps, never a result such as a rank."""
STARTS = _words("start begin from since valid effective started begins")
"""Words of columns for the time from which a row holds."""
MEASURING = _words(
    """amount value price cost total sum count counts quantity qty avg average mean min max median rate ratio percent
    pct percentage score points weight height width length depth size age income population balance salary tax
    discount revenue sales profit temperature temp humidity pressure speed distance duration lat latitude lon lng
    longitude altitude elevation reading measure measurement volume area bytes milliseconds seconds minutes hours
    tests visits views clicks votes likes budget fare fee share"""
)
"""Words of columns that measure: they are unique by accident only."""
DESCRIBING = _words(
    """first last middle full given family surname forename nickname description comment comments note notes text
    message body address street url link image picture photo city country state region remarks summary subject
    content path filename"""
)
"""Words of columns that describe: they are unique by accident only, unless the table is named after them."""
AREAS = _words("country nation state region county district province municipality canton city")
"""Words of areas, each of which statistics have in one row."""
PLACED = _words("phone fax mobile telephone zip postal postcode post house area currency tax")
"""Words before a number or code that does not identify the row."""
RECORDED = _words(
    """timestamp time created updated modified changed inserted deleted logged ts at recorded received sent
    processed"""
)
"""Words of columns for the moment of a record."""
PERIODS = _words(
    """date day month year week quarter season period start begin from since valid effective hour semester term
    half"""
)
"""Words of columns for the time for which a row holds."""
QUANTITIES = _words("total num number n count avg sum max min percent no")
"""First words of columns that count things: ``total_orders`` refers to no order."""
VALUES = MEASURING | DESCRIBING | PERIODS | RECORDED | {"name", "title", "type"}
"""Last words of columns that hold a value and no reference."""
CALENDARS = _words("calendar date day season year period month time")
"""Words of tables that a date or a year refers to."""
SELF = _words(
    """parent reports reply previous prev next superior root replaces replaced predecessor successor ancestor
    duplicate original referrer referred referral"""
)
"""Words of columns that refer to another row of their own table."""
PERSON_ROLES = _words(
    """manager boss supervisor mentor reports rep representative support salesperson seller agent clerk staff
    advisor adviser instructor teacher tutor author owner assignee assigned approver approved reviewer reviewed
    editor edited created updated modified deleted submitted creator sender recipient receiver reporter requester
    contact to mother father spouse create write update modify assign approve submit by user uid"""
)
PERSONS = _words(
    """employee staff user person member worker personnel account contact author agent instructor teacher
    professor"""
)
PLACE_ROLES = _words(
    """origin dest destination source target src dst from to departure arrival depart arrive start end via pickup
    dropoff orig begin"""
)
PLACES = _words(
    """airport station stop location city place port node warehouse zone terminal point vertex site hub depot
    address"""
)
SIDES = _words("home away visitor winner loser opponent champion host guest winning losing")
TEAMS = _words("team club player squad franchise competitor participant")
ROLES = ((PERSON_ROLES, PERSONS), (PLACE_ROLES, PLACES), (SIDES, TEAMS))
"""Words of columns with the tables that they refer to: ``created_by`` of ``users``, ``dest`` of ``airports``."""
NOISE = _words(
    """raw dim fact fct stg src tbl table data dataset list export entity master basics lookup ref dict full sample
    current latest csv dump info details the of"""
)
"""Words of table names that do not describe their rows."""
CODES = _words(
    """zip zipcode postal postcode plz postleitzahl phone telephone telefon telefono fax fips ssn isbn issn ean
    iban bic gtin upc siret siren imei vat"""
)
"""Words of codes that may begin with zeros."""
CODES_AT_END = _words("postalcode phonenumber tel mobile barcode ndc cusip naics")
"""The same, as last words."""
NUMBERED = _words(
    "street house suite apartment account card passport license licence tax bank routing tracking"
)
"""Things with numbers of many digits: ``account_number``, but neither ``account_id`` nor ``account_balance``."""
MEASURES = _words("count counts total amount qty quantity id rate share sum cost price sessions")
"""Last words of columns that hold no code."""
TIMES = _words(
    """date day dt time timestamp ts at on created updated modified born birth dob start end begin from until
    to datum fecha epoch"""
)
"""Words of columns of dates and times, also where these are written as numbers."""
EPOCHS = _words("timestamp ts epoch unix")
"""Words of columns of seconds since 1970, which may be as old as 1982."""
MONEY = _words(
    """price amount cost total subtotal fee salary payment balance revenue tax freight preis betrag summe
    kosten prix montant precio importe valor discount"""
)
"""Words of amounts, which have at most two decimals."""
COORDINATES = _words("lat latitude lng lon long longitude")
"""Words of degrees."""
CHOICES = _words("""status state type kind gender sex category level mode class rating priority severity""")
"""Columns of few values that a rule fixes."""
OPEN = _words(
    """country city town county province region name brand model product customer company carrier airline
    airport origin destination currency language user"""
)
"""Columns whose next file has further values."""
FLAG_FIRST = _words("is has was can should allow allows ist hat est")
"""First words of Booleans."""
FLAG_LAST = _words(
    """active enabled disabled deleted discontinued flag paid valid visible published aktiv bezahlt actif
    activo ativo"""
)
"""Last words of Booleans."""
