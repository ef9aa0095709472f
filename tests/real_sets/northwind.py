"""The trading company Northwind. Unquoted commas in addresses damage 209 records."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from dataforge import (
    Boolean,
    Bytes,
    Clean,
    Csv,
    Header,
    Integer,
    Key,
    Label,
    Name,
    Numeric,
    References,
    Row,
    SmallInt,
    Text,
    Timestamp,
)

FORMAT = Csv(null=("NULL", ""))

Price = Annotated[Decimal, Numeric(10, 2), Header("unitPrice"), Clean()]
CompanyName = Annotated[Name, Header("companyName")]
ContactName = Annotated[Name, Header("contactName")]
ContactTitle = Annotated[Name, Header("contactTitle")]
PostalCode = Annotated[Name, Header("postalCode")]
EmployeeId = Annotated[Integer, Header("employeeID"), References("employees")]
RegionId = Annotated[Integer, Header("regionID"), References("regions")]
TerritoryId = Annotated[Label, Header("territoryID"), References("territories")]
ProductId = Annotated[Integer, Header("productID"), References("products")]


class Category(Row, table="categories", file="categories.csv"):
    """A category of products."""

    category_id: Annotated[Integer, Key(), Header("categoryID")]
    category_name: Annotated[Name, Header("categoryName")]
    description: Name
    picture: Bytes


class Customer(Row, table="customers", file="customers.csv"):
    """A customer."""

    customer_id: Annotated[Label, Key(), Header("customerID")]
    company_name: CompanyName
    contact_name: ContactName
    contact_title: ContactTitle
    address: Name
    city: Name
    region: Name | None = None
    postal_code: PostalCode | None = None
    country: Name
    phone: Name
    fax: Name | None = None


class Employee(Row, table="employees", file="employees.csv"):
    """An employee, who reports to another one."""

    employee_id: Annotated[Integer, Key(), Header("employeeID")]
    last_name: Annotated[Name, Header("lastName")]
    first_name: Annotated[Name, Header("firstName")]
    title: Name
    title_of_courtesy: Annotated[Name, Header("titleOfCourtesy")]
    birth_date: Annotated[Timestamp, Header("birthDate")]
    hire_date: Annotated[Timestamp, Header("hireDate")]
    address: Name
    city: Name
    region: Name | None = None
    postal_code: PostalCode
    country: Name
    home_phone: Annotated[Name, Header("homePhone")]
    extension: Name
    photo: Bytes
    notes: Text
    reports_to: Annotated[Integer, Header("reportsTo"), References("employees")] | None = None
    photo_path: Annotated[Name, Header("photoPath")]


class Region(Row, table="regions", file="regions.csv"):
    """A region."""

    region_id: Annotated[Integer, Key(), Header("regionID")]
    region_description: Annotated[Name, Header("regionDescription")]


class Territory(Row, table="territories", file="territories.csv"):
    """A territory; its id is a zip code."""

    territory_id: Annotated[Label, Key(), Header("territoryID")]
    territory_description: Annotated[Name, Header("territoryDescription")]
    region_id: RegionId


class EmployeeTerritory(Row, table="employee_territories", file="employee-territories.csv"):
    """A territory of an employee."""

    employee_id: Annotated[EmployeeId, Key()]
    territory_id: Annotated[TerritoryId, Key()]


class Supplier(Row, table="suppliers", file="suppliers.csv"):
    """A supplier."""

    supplier_id: Annotated[Integer, Key(), Header("supplierID")]
    company_name: CompanyName
    contact_name: ContactName
    contact_title: ContactTitle
    address: Name
    city: Name
    region: Name | None = None
    postal_code: PostalCode
    country: Name
    phone: Name
    fax: Name | None = None
    home_page: Annotated[Name, Header("homePage")] | None = None


class Shipper(Row, table="shippers", file="shippers.csv"):
    """A shipper."""

    shipper_id: Annotated[Integer, Key(), Header("shipperID")]
    company_name: CompanyName
    phone: Name


class Product(Row, table="products", file="products.csv"):
    """A product. Some suppliers are damaged."""

    product_id: Annotated[Integer, Key(), Header("productID")]
    product_name: Annotated[Name, Header("productName")]
    supplier_id: Annotated[Integer, Header("supplierID"), References("suppliers", enforced=False)]
    category_id: Annotated[Integer, Header("categoryID"), References("categories")]
    quantity_per_unit: Annotated[Name, Header("quantityPerUnit")]
    unit_price: Price
    units_in_stock: Annotated[SmallInt, Header("unitsInStock")]
    units_on_order: Annotated[SmallInt, Header("unitsOnOrder")]
    reorder_level: Annotated[SmallInt, Header("reorderLevel")]
    discontinued: Boolean


class Order(Row, table="orders", file="orders.csv"):
    """An order. Some customers are damaged."""

    order_id: Annotated[Integer, Key(), Header("orderID")]
    customer_id: Annotated[Label, Header("customerID"), References("customers", enforced=False)]
    employee_id: EmployeeId
    order_date: Annotated[Timestamp, Header("orderDate")]
    required_date: Annotated[Timestamp, Header("requiredDate")]
    shipped_date: Annotated[Timestamp, Header("shippedDate")] | None = None
    ship_via: Annotated[Integer, Header("shipVia"), References("shippers")]
    freight: Annotated[Decimal, Numeric(10, 2), Clean()]
    ship_name: Annotated[Name, Header("shipName")]
    ship_address: Annotated[Name, Header("shipAddress")]
    ship_city: Annotated[Name, Header("shipCity")]
    ship_region: Annotated[Name, Header("shipRegion")] | None = None
    ship_postal_code: Annotated[Name, Header("shipPostalCode")] | None = None
    ship_country: Annotated[Name, Header("shipCountry")]


class OrderDetail(Row, table="order_details", file="order-details.csv"):
    """A line of an order. Some orders are damaged."""

    order_id: Annotated[Integer, Key(), Header("orderID"), References("orders", enforced=False)]
    product_id: Annotated[ProductId, Key()]
    unit_price: Price
    quantity: SmallInt
    discount: Annotated[Decimal, Numeric(3, 2), Clean()]
