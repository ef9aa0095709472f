"""Synthetic patients by Synthea: encounters, observations, procedures, claims. Headers are in upper case."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from dataforge import (
    BigInt,
    Clean,
    Csv,
    Date,
    Double,
    Format,
    Integer,
    Key,
    Label,
    Name,
    Numeric,
    References,
    Row,
    SmallInt,
    Text,
    TimestampTz,
    Uuid,
)

FORMAT = Csv(ignore_case=True)

Id = Annotated[Uuid, Key()]
Amount = Annotated[Decimal, Numeric(12, 2), Clean()]
Patient = Annotated[Uuid, References("patients")]
Encounter = Annotated[Uuid, References("encounters")]
Organization = Annotated[Uuid, References("organizations")]
Provider = Annotated[Uuid, References("providers")]
Payer = Annotated[Uuid, References("payers")]


class PatientRow(Row, table="patients", file="patients.csv"):
    """A patient."""

    id: Id
    birthdate: Date
    deathdate: Date | None = None
    ssn: Label
    drivers: Label | None = None
    passport: Label | None = None
    prefix: Label | None = None
    first: Name
    middle: Name | None = None
    last: Name
    suffix: Label | None = None
    maiden: Name | None = None
    marital: Label | None = None
    race: Label
    ethnicity: Label
    gender: Literal["F", "M"]
    birthplace: Name
    address: Name
    city: Name
    state: Name
    county: Name
    fips: Label | None = None
    zip: Label
    lat: Double
    lon: Double
    healthcare_expenses: Amount
    healthcare_coverage: Amount
    income: Integer


class OrganizationRow(Row, table="organizations", file="organizations.csv"):
    """An organization, such as a hospital."""

    id: Id
    name: Name
    address: Name
    city: Name
    state: Label
    zip: Label
    lat: Double
    lon: Double
    phone: Name
    revenue: Amount
    utilization: Integer


class ProviderRow(Row, table="providers", file="providers.csv"):
    """A clinician."""

    id: Id
    organization: Organization
    name: Name
    gender: Literal["F", "M"]
    speciality: Name
    address: Name
    city: Name
    state: Label
    zip: Label
    lat: Double
    lon: Double
    encounters: Integer
    procedures: Integer


class PayerRow(Row, table="payers", file="payers.csv"):
    """A health insurance. ``NaN`` is an average of nothing."""

    id: Id
    name: Name
    ownership: Label
    address: Text | None = None
    city: Text | None = None
    state_headquartered: Label | None = None
    zip: Label | None = None
    phone: Text | None = None
    amount_covered: Amount
    amount_uncovered: Amount
    revenue: Amount
    covered_encounters: Integer
    uncovered_encounters: Integer
    covered_medications: Integer
    uncovered_medications: Integer
    covered_procedures: Integer
    uncovered_procedures: Integer
    covered_immunizations: Integer
    uncovered_immunizations: Integer
    unique_customers: Integer
    qols_avg: Annotated[Double, Format(null=("NaN",))] | None = None
    member_months: Integer


class EncounterRow(Row, table="encounters", file="encounters.csv"):
    """A visit."""

    id: Id
    start: TimestampTz
    stop: TimestampTz
    patient: Patient
    organization: Organization
    provider: Provider
    payer: Payer
    encounterclass: Label
    code: BigInt
    description: Name
    base_encounter_cost: Amount
    total_claim_cost: Amount
    payer_coverage: Amount
    reasoncode: BigInt | None = None
    reasondescription: Name | None = None


class Allergy(Row, table="allergies", file="allergies.csv"):
    """An allergy."""

    start: Date
    stop: Date | None = None
    patient: Patient
    encounter: Encounter
    code: BigInt
    system: Label
    description: Name
    type: Label
    category: Label
    reaction1: BigInt | None = None
    description1: Name | None = None
    severity1: Label | None = None
    reaction2: BigInt | None = None
    description2: Name | None = None
    severity2: Label | None = None


class CarePlan(Row, table="careplans", file="careplans.csv"):
    """A plan of care."""

    id: Id
    start: Date
    stop: Date | None = None
    patient: Patient
    encounter: Encounter
    code: BigInt
    description: Name
    reasoncode: BigInt | None = None
    reasondescription: Name | None = None


class Condition(Row, table="conditions", file="conditions.csv"):
    """A diagnosed condition."""

    start: Date
    stop: Date | None = None
    patient: Patient
    encounter: Encounter
    system: Label
    code: BigInt
    description: Name


class Device(Row, table="devices", file="devices.csv"):
    """A device that a patient uses."""

    start: TimestampTz
    stop: TimestampTz | None = None
    patient: Patient
    encounter: Encounter
    code: BigInt
    description: Name
    udi: Label


class ImagingStudy(Row, table="imaging_studies", file="imaging_studies.csv"):
    """An image of a study."""

    id: Id
    date: TimestampTz
    patient: Patient
    encounter: Encounter
    series_uid: Label
    bodysite_code: BigInt
    bodysite_description: Name
    modality_code: Label
    modality_description: Name
    instance_uid: Annotated[Label, Key()]
    sop_code: Label
    sop_description: Name
    procedure_code: BigInt


class Immunization(Row, table="immunizations", file="immunizations.csv"):
    """An immunization; codes have leading zeros."""

    date: Annotated[TimestampTz, Key()]
    patient: Annotated[Patient, Key()]
    encounter: Encounter
    code: Annotated[Label, Key()]
    description: Name
    base_cost: Amount


class Medication(Row, table="medications", file="medications.csv"):
    """A prescription."""

    start: TimestampTz
    stop: TimestampTz | None = None
    patient: Patient
    payer: Payer
    encounter: Encounter
    code: BigInt
    description: Name
    base_cost: Amount
    payer_coverage: Amount
    dispenses: Integer
    totalcost: Amount
    reasoncode: BigInt | None = None
    reasondescription: Name | None = None


class Observation(Row, table="observations", file="observations.csv"):
    """An observation; the value is a number or a text."""

    date: TimestampTz
    patient: Patient
    encounter: Encounter | None = None
    category: Label | None = None
    code: Label
    description: Name
    value: Text
    units: Label | None = None
    type: Literal["numeric", "text"]


class PayerTransition(Row, table="payer_transitions", file="payer_transitions.csv"):
    """A period of a patient's insurance."""

    patient: Annotated[Patient, Key()]
    memberid: Uuid | None = None
    start_date: Annotated[TimestampTz, Key()]
    end_date: TimestampTz
    payer: Payer
    secondary_payer: Payer | None = None
    plan_ownership: Label | None = None
    owner_name: Name | None = None


class Procedure(Row, table="procedures", file="procedures.csv"):
    """A procedure."""

    start: TimestampTz
    stop: TimestampTz
    patient: Patient
    encounter: Encounter
    system: Label
    code: BigInt
    description: Name
    base_cost: Amount
    reasoncode: BigInt | None = None
    reasondescription: Name | None = None


class Supply(Row, table="supplies", file="supplies.csv"):
    """Supplies that were used."""

    date: Date
    patient: Patient
    encounter: Encounter
    code: BigInt
    description: Name
    quantity: Integer


class Claim(Row, table="claims", file="claims.csv"):
    """A claim."""

    id: Id
    patientid: Patient
    providerid: Provider
    primarypatientinsuranceid: Payer | None = None
    secondarypatientinsuranceid: Payer | None = None
    departmentid: SmallInt
    patientdepartmentid: SmallInt
    diagnosis1: BigInt
    diagnosis2: BigInt | None = None
    diagnosis3: BigInt | None = None
    diagnosis4: BigInt | None = None
    diagnosis5: BigInt | None = None
    diagnosis6: BigInt | None = None
    diagnosis7: BigInt | None = None
    diagnosis8: BigInt | None = None
    referringproviderid: Provider | None = None
    appointmentid: Encounter
    currentillnessdate: TimestampTz
    servicedate: TimestampTz
    supervisingproviderid: Provider
    status1: Label
    status2: Label | None = None
    statusp: Label
    outstanding1: Amount
    outstanding2: Amount | None = None
    outstandingp: Amount
    lastbilleddate1: TimestampTz
    lastbilleddate2: TimestampTz | None = None
    lastbilleddatep: TimestampTz
    healthcareclaimtypeid1: SmallInt
    healthcareclaimtypeid2: SmallInt
