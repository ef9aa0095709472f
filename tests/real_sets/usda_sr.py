"""The USDA's National Nutrient Database for Standard Reference, release 28."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from dataforge import Boolean, Clean, Csv, Integer, Key, Label, Name, Numeric, References, Row, SmallInt, Text

FORMAT = Csv(delimiter="^", quote="~", encoding="cp1252", header=0)

Factor = Annotated[Decimal, Numeric(4, 2), Clean()]
Quantity = Annotated[Decimal, Numeric(7, 3), Clean()]
NdbNo = Annotated[Label, References("food_des")]


class Source(Row, table="data_src", file="DATA_SRC.txt"):
    """A source of data."""

    datasrc_id: Annotated[Label, Key()]
    authors: Text | None = None
    title: Name
    year: SmallInt | None = None
    journal: Text | None = None
    vol_city: Text | None = None
    issue_state: Text | None = None
    start_page: Integer | None = None
    end_page: Integer | None = None


class Derivation(Row, table="deriv_cd", file="DERIV_CD.txt"):
    """How a value was determined."""

    deriv_cd: Annotated[Label, Key()]
    deriv_desc: Name


class SourceCode(Row, table="src_cd", file="SRC_CD.txt"):
    """A type of data."""

    src_cd: Annotated[SmallInt, Key()]
    srccd_desc: Name


class FoodGroup(Row, table="fd_group", file="FD_GROUP.txt"):
    """A group of foods."""

    fdgrp_cd: Annotated[Label, Key()]
    fdgrp_desc: Name


class Description(Row, table="langdesc", file="LANGDESC.txt"):
    """A factor of LanguaL."""

    factor_code: Annotated[Label, Key()]
    description: Name


class Nutrient(Row, table="nutr_def", file="NUTR_DEF.txt"):
    """A nutrient."""

    nutr_no: Annotated[Label, Key()]
    units: Name
    tagname: Name | None = None
    nutrdesc: Name
    num_dec: SmallInt
    sr_order: Integer


class Food(Row, table="food_des", file="FOOD_DES.txt"):
    """A food."""

    ndb_no: Annotated[Label, Key()]
    fdgrp_cd: Annotated[Label, References("fd_group")]
    long_desc: Name
    shrt_desc: Name
    comname: Text | None = None
    manufacname: Text | None = None
    survey: Boolean | None = None
    ref_desc: Text | None = None
    refuse: SmallInt | None = None
    sciname: Text | None = None
    n_factor: Factor | None = None
    pro_factor: Factor | None = None
    fat_factor: Factor | None = None
    cho_factor: Factor | None = None


class FoodFactor(Row, table="langual", file="LANGUAL.txt"):
    """A factor of a food."""

    ndb_no: Annotated[NdbNo, Key()]
    factor_code: Annotated[Label, Key(), References("langdesc")]


class Weight(Row, table="weight", file="WEIGHT.txt"):
    """The weight of a household measure."""

    ndb_no: Annotated[NdbNo, Key()]
    seq: Annotated[SmallInt, Key()]
    amount: Quantity
    msre_desc: Name
    gm_wgt: Quantity
    num_data_pts: Integer | None = None
    std_dev: Quantity | None = None


class Footnote(Row, table="footnote", file="FOOTNOTE.txt"):
    """A footnote of a food, or of one of its nutrients; one has only the food."""

    ndb_no: NdbNo
    footnt_no: Label | None = None
    footnt_typ: Label | None = None
    nutr_no: Annotated[Label, References("nutr_def")] | None = None
    footnt_txt: Name | None = None
