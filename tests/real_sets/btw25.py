"""Results of the German federal election of 2025 in Baden-Württemberg, by municipality and by constituency.

The files with shares repeat the counts, as 3771.0 where some are missing.
"""

from __future__ import annotations

from typing import Annotated

from dataforge import Count, Csv, Double, Header, Key, Label, Name, References, Row

FORMAT = Csv(encoding="latin-1")


class Counts(Row):
    """The numbers of votes; a party without a candidate has none."""

    Wahlberechtigte: Count | None = None
    Wahlberechtigte_ohne_Wahlschein: Count
    Wahlberechtigte_mit_Wahlschein: Count
    Wahlberechtigte_nach_Paragraph_25_Abs_2_BWO: Annotated[
        Count, Header("Wahlberechtigte_nach_§25_Abs.2_BWO")
    ]
    Wählerinnen: Annotated[Count, Header("Wähler(innen)")]
    Wählerinnen_mit_Wahlschein: Annotated[Count, Header("Wähler(innen)_mit_Wahlschein")]
    Ungültige_Erststimmen: Count
    Gültige_Erststimmen: Count
    CDU_Erststimmen: Count
    SPD_Erststimmen: Count
    GRÜNE_Erststimmen: Count | None = None
    FDP_Erststimmen: Count
    AfD_Erststimmen: Count
    Die_Linke_Erststimmen: Count
    dieBasis_Erststimmen: Count | None = None
    FREIE_WÄHLER_Erststimmen: Count | None = None
    Tierschutzpartei_Erststimmen: Count | None = None
    Die_PARTEI_Erststimmen: Count | None = None
    Volt_Erststimmen: Count | None = None
    ÖDP_Erststimmen: Count | None = None
    Bündnis_C_Erststimmen: Count | None = None
    MLPD_Erststimmen: Count | None = None
    BÜNDNIS_DEUTSCHLAND_Erststimmen: Count | None = None
    BSW_Erststimmen: Count | None = None
    FRiDi_Erststimmen: (
        Annotated[Count, Header("FRiDi_-_unabhängig_-_unbestechlich_-_ehrlich_-_bürgernah_Erststimmen")]
        | None
    ) = None
    Initiative_Gegenwind_Erststimmen: Count | None = None
    Parteilos_Erststimmen: Count | None = None
    Volkmar_Raidt_Erststimmen: Count | None = None
    WIR_SIND_ZUSAMMEN_STARK_WSZ_Erststimmen: (
        Annotated[Count, Header("WIR_SIND_ZUSAMMEN_STARK_(WSZ)_Erststimmen")] | None
    ) = None
    Ungültige_Zweitstimmen: Count
    Gültige_Zweitstimmen: Count
    CDU_Zweitstimmen: Count
    SPD_Zweitstimmen: Count
    GRÜNE_Zweitstimmen: Count
    FDP_Zweitstimmen: Count
    AfD_Zweitstimmen: Count
    Die_Linke_Zweitstimmen: Count
    dieBasis_Zweitstimmen: Count
    FREIE_WÄHLER_Zweitstimmen: Count
    Tierschutzpartei_Zweitstimmen: Count
    Die_PARTEI_Zweitstimmen: Count
    Volt_Zweitstimmen: Count
    ÖDP_Zweitstimmen: Count
    Bündnis_C_Zweitstimmen: Count
    MLPD_Zweitstimmen: Count
    BÜNDNIS_DEUTSCHLAND_Zweitstimmen: Count
    BSW_Zweitstimmen: Count
    FRiDi_Zweitstimmen: (
        Annotated[Count, Header("FRiDi_-_unabhängig_-_unbestechlich_-_ehrlich_-_bürgernah_Zweitstimmen")]
        | None
    ) = None
    Initiative_Gegenwind_Zweitstimmen: Count | None = None
    Parteilos_Zweitstimmen: Count | None = None
    Volkmar_Raidt_Zweitstimmen: Count | None = None
    WIR_SIND_ZUSAMMEN_STARK_WSZ_Zweitstimmen: (
        Annotated[Count, Header("WIR_SIND_ZUSAMMEN_STARK_(WSZ)_Zweitstimmen")] | None
    ) = None


class Shares(Counts):
    """The numbers of votes and their shares."""

    Initiative_Gegenwind_Zweitstimmen_rel: Double | None = None
    Parteilos_Erststimmen_rel: Double | None = None
    Ungültige_Zweitstimmen_rel: Double
    Volt_Erststimmen_rel: Double | None = None
    Volt_Zweitstimmen_rel: Double
    BÜNDNIS_DEUTSCHLAND_Zweitstimmen_rel: Double
    Initiative_Gegenwind_Erststimmen_rel: Double | None = None
    BSW_Zweitstimmen_rel: Double
    CDU_Erststimmen_rel: Double
    dieBasis_Erststimmen_rel: Double | None = None
    FREIE_WÄHLER_Zweitstimmen_rel: Double
    MLPD_Erststimmen_rel: Double | None = None
    Bündnis_C_Erststimmen_rel: Double | None = None
    dieBasis_Zweitstimmen_rel: Double
    ÖDP_Erststimmen_rel: Double | None = None
    BÜNDNIS_DEUTSCHLAND_Erststimmen_rel: Double | None = None
    Tierschutzpartei_Erststimmen_rel: Double | None = None
    SPD_Erststimmen_rel: Double
    Die_PARTEI_Erststimmen_rel: Double | None = None
    FRiDi_Erststimmen_rel: (
        Annotated[Double, Header("FRiDi_-_unabhängig_-_unbestechlich_-_ehrlich_-_bürgernah_Erststimmen_rel")]
        | None
    ) = None
    Ungültige_Erststimmen_rel: Double
    Bündnis_C_Zweitstimmen_rel: Double
    WIR_SIND_ZUSAMMEN_STARK_WSZ_Erststimmen_rel: (
        Annotated[Double, Header("WIR_SIND_ZUSAMMEN_STARK_(WSZ)_Erststimmen_rel")] | None
    ) = None
    FRiDi_Zweitstimmen_rel: (
        Annotated[Double, Header("FRiDi_-_unabhängig_-_unbestechlich_-_ehrlich_-_bürgernah_Zweitstimmen_rel")]
        | None
    ) = None
    Gültige_Erststimmen_rel: Double
    FDP_Erststimmen_rel: Double
    Tierschutzpartei_Zweitstimmen_rel: Double
    CDU_Zweitstimmen_rel: Double
    WIR_SIND_ZUSAMMEN_STARK_WSZ_Zweitstimmen_rel: (
        Annotated[Double, Header("WIR_SIND_ZUSAMMEN_STARK_(WSZ)_Zweitstimmen_rel")] | None
    ) = None
    MLPD_Zweitstimmen_rel: Double
    ÖDP_Zweitstimmen_rel: Double
    SPD_Zweitstimmen_rel: Double
    Volkmar_Raidt_Erststimmen_rel: Double | None = None
    Die_Linke_Erststimmen_rel: Double
    FREIE_WÄHLER_Erststimmen_rel: Double | None = None
    Die_Linke_Zweitstimmen_rel: Double
    FDP_Zweitstimmen_rel: Double
    Parteilos_Zweitstimmen_rel: Double | None = None
    GRÜNE_Zweitstimmen_rel: Double
    GRÜNE_Erststimmen_rel: Double | None = None
    AfD_Zweitstimmen_rel: Double
    Gültige_Zweitstimmen_rel: Double
    Die_PARTEI_Zweitstimmen_rel: Double
    BSW_Erststimmen_rel: Double | None = None
    Volkmar_Raidt_Zweitstimmen_rel: Double | None = None
    AfD_Erststimmen_rel: Double


class Municipality(Counts, table="latest_btw25_bw_gemeinden", file="latest-btw25-bw-gemeinden.csv"):
    """The votes in a municipality; the last record is the sum of the state."""

    AGS: Annotated[Label, Key()]
    Gemeindename: Name


class MunicipalityShare(
    Shares, table="latest_btw25_bw_gemeinden_rel", file="latest-btw25-bw-gemeinden-rel.csv"
):
    """The shares in a municipality."""

    AGS: Annotated[Label, Key(), References("latest_btw25_bw_gemeinden")]
    Gemeindename: Name


class Constituency(Counts, table="latest_btw25_bw_kreise", file="latest-btw25-bw-kreise.csv"):
    """The votes in a constituency; the last record is the sum of the state."""

    Wahlkreisnummer: Annotated[Label, Key()]
    Wahlkreisname: Name


class ConstituencyShare(Shares, table="latest_btw25_bw_kreise_rel", file="latest-btw25-bw-kreise-rel.csv"):
    """The shares in a constituency."""

    Wahlkreisnummer: Annotated[Label, Key(), References("latest_btw25_bw_kreise")]
    Wahlkreisname: Name
