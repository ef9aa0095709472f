"""The names and references of schemas that are widely used, and of the exports of widely used programs."""

# ruff: noqa: E501  a table is one line

SCHEMAS = {
    "adventure_works": """
Person 900: BusinessEntityID* gaps | PersonType enum:EM/SC/IN | FirstName word | LastName word | ModifiedDate ts
Employee 90: BusinessEntityID* -> Person | NationalIDNumber digits:9 | JobTitle title | BirthDate date | ModifiedDate ts
Department 16: DepartmentID* seq | Name name | GroupName word | ModifiedDate ts
Shift 3: ShiftID* seq | Name name | StartTime ts
EmployeeDepartmentHistory 110: BusinessEntityID* -> Employee | DepartmentID* -> Department | ShiftID* -> Shift | StartDate* date | EndDate date?
SalesTerritory 10: TerritoryID* seq | Name name | CountryRegionCode enum:US/DE/FR
SalesPerson 17: BusinessEntityID* -> Employee | TerritoryID -> SalesTerritory? | SalesQuota price | Bonus price
Customer 1500: CustomerID* seq | PersonID -> Person? | TerritoryID -> SalesTerritory | AccountNumber digits:10
ProductCategory 4: ProductCategoryID* seq | Name name
ProductSubcategory 37: ProductSubcategoryID* seq | ProductCategoryID -> ProductCategory | Name name
UnitMeasure 38: UnitMeasureCode* code:3 | Name name
Product 400: ProductID* gaps | Name title | ProductNumber code:8 | ProductSubcategoryID -> ProductSubcategory? | SizeUnitMeasureCode -> UnitMeasure? | WeightUnitMeasureCode -> UnitMeasure? | ListPrice price
SpecialOffer 16: SpecialOfferID* seq | Description text | DiscountPct price
SpecialOfferProduct 900: SpecialOfferID* -> SpecialOffer | ProductID* -> Product | ModifiedDate ts
SalesOrderHeader 3000: SalesOrderID* gaps | OrderDate date | CustomerID -> Customer | SalesPersonID -> SalesPerson? | TerritoryID -> SalesTerritory | SubTotal price
SalesOrderDetail 6000: SalesOrderDetailID* seq | SalesOrderID -> SalesOrderHeader | OrderQty int:20 | SpecialOfferID => SpecialOfferProduct.SpecialOfferID | ProductID => SpecialOfferProduct.ProductID | UnitPrice price
""",
    "stack_exchange": """
Users 1200: Id* gaps | Reputation big | CreationDate ts | DisplayName name | Views int:500 | UpVotes int:300
Posts 5000: Id* gaps | PostTypeId int:2 | ParentId -> Posts? | CreationDate ts | Score int:50 | ViewCount int:9000 | Body text | OwnerUserId -> Users? | LastEditorUserId -> Users? | Title title?
Comments 4000: Id* gaps | PostId -> Posts | Score int:9 | Text text | CreationDate ts | UserId -> Users?
Votes 9000: Id* seq | PostId -> Posts | VoteTypeId int:12 | CreationDate date
Badges 3000: Id* seq | UserId -> Users | Name word | Date ts
PostLinks 700: Id* gaps | CreationDate ts | PostId -> Posts | RelatedPostId -> Posts | LinkTypeId enum:1/3
Tags 300: Id* seq | TagName title | Count int:900 | ExcerptPostId -> Posts? | WikiPostId -> Posts?
""",
    "word_press": """
wp_users 200: ID* seq | user_login email | user_email email | user_registered ts | display_name name
wp_usermeta 2000: umeta_id* seq | user_id -> wp_users | meta_key word | meta_value text
wp_posts 1500: ID* gaps | post_author -> wp_users | post_date ts | post_content text | post_title title | post_parent -> wp_posts? | menu_order int:9
wp_postmeta 4000: meta_id* seq | post_id -> wp_posts | meta_key word | meta_value text
wp_comments 900: comment_ID* seq | comment_post_ID -> wp_posts | comment_author name | comment_date ts | comment_content text | comment_parent -> wp_comments? | user_id -> wp_users?
wp_terms 120: term_id* seq | name title | slug title
wp_term_taxonomy 130: term_taxonomy_id* seq | term_id -> wp_terms | taxonomy enum:category/post_tag | count int:40
wp_options 400: option_id* seq | option_name title | option_value text | autoload enum:yes/no
""",
    "odoo": """
res_country 200: id* seq | name name | code code:2
res_partner 800: id* gaps | name name | email email? | country_id -> res_country? | parent_id -> res_partner? | is_company bool
res_users 30: id* seq | login email | partner_id -> res_partner | active bool
product_template 150: id* seq | name title | list_price price
product_product 300: id* gaps | product_tmpl_id -> product_template | default_code code:6
sale_order 2000: id* seq | name title | partner_id -> res_partner | user_id -> res_users | date_order ts | amount_total price | create_uid -> res_users
sale_order_line 5000: id* seq | order_id -> sale_order | product_id -> product_product | product_uom_qty int:20 | price_unit price
purchase_order 700: id* gaps | partner_id -> res_partner | date_order ts | amount_total price
purchase_order_line 1500: id* seq | order_id -> purchase_order | product_id -> product_product | price_unit price
""",
    "sales_force": """
User 40: Id* hex | Username email | Email email | ManagerId -> User? | IsActive bool
Account 500: Id* hex | Name title | ParentId -> Account? | OwnerId -> User | CreatedById -> User | AnnualRevenue price?
Contact 900: Id* hex | AccountId -> Account? | LastName word | ReportsToId -> Contact? | OwnerId -> User | Email email?
Opportunity 700: Id* hex | AccountId -> Account | StageName word | Amount price | CloseDate date | OwnerId -> User
OpportunityLineItem 1500: Id* hex | OpportunityId -> Opportunity | Quantity int:20 | UnitPrice price
""",
    "movie_lens": """
movies 900: movieId* gaps | title title | genres enum:Drama/Comedy/Action
ratings 20000: userId* int:600 | movieId* -> movies | rating enum:1.0/2.5/4.0/5.0 | timestamp big
links 900: movieId* -> movies | imdbId digits:7 | tmdbId big?
""",
    "imdb": """
title_basics 3000: tconst* hex | titleType enum:movie/short | primaryTitle title | startYear year | runtimeMinutes int:200?
title_ratings 1000: tconst* -> title_basics | averageRating price | numVotes big
name_basics 2000: nconst* hex | primaryName name | birthYear year?
title_principals 9000: tconst* -> title_basics | ordering* line | nconst -> name_basics | category enum:actor/director/writer
title_akas 5000: titleId* -> title_basics | ordering* line | title title | region code:2? | isOriginalTitle bool
""",
    "school": """
departments 12: dept_id* seq | dept_name name
instructors 60: instructor_id* seq | name name | dept_id -> departments
students 1500: student_id* gaps | first_name word | last_name word | email email | advisor_id -> instructors?
courses 90: course_code* code:6 | title title | dept_id -> departments | credits int:6
prerequisites 120: course_code* -> courses | prerequisite_course_code* -> courses
enrollments 6000: student_id* -> students | course_code* -> courses | enrolled_on date | grade enum:A/B/C?
submissions 9000: submission_id* seq | student_id => enrollments.student_id | course_code => enrollments.course_code | points int:100 | submitted_at ts
""",
    "airline": """
airports 400: iata_code* code:3 | name title | city name | latitude lat | longitude lon
carriers 20: carrier* code:2 | name name
aircraft 250: tailnum* code:6 | model word | seats int:300 | year year?
flights 9000: flight_id* seq | flight_date date | carrier -> carriers | tailnum -> aircraft? | origin -> airports | dest -> airports | dep_delay int:90
""",
    "football": """
stadiums 30: stadium_id* seq | name title | capacity big
teams 40: team_id* seq | team_name name | stadium_id -> stadiums
players 900: player_id* gaps | name name | team_id -> teams | height int:210
matches 1400: match_id* gaps | match_date date | home_team_id -> teams | away_team_id -> teams | home_goals int:7 | away_goals int:7 | stadium_id -> stadiums
goals 3500: goal_id* seq | match_id -> matches | scorer_player_id -> players | assist_player_id -> players? | minute int:95
""",
    "company": """
departments 20: department_id* seq | department_name name | manager_id -> employees? | location_id -> locations
locations 15: location_id* gaps | street_address text | city name | country_id -> countries
countries 25: country_id* code:2 | country_name name | region_id -> regions
regions 4: region_id* seq | region_name name
jobs 19: job_id* code:7 | job_title title | min_salary big | max_salary big
employees 700: employee_id* gaps | first_name word | last_name word | email email | hire_date date | job_id -> jobs | salary big | manager_id -> employees? | department_id -> departments?
job_history 800: employee_id* -> employees | start_date* date | end_date date | job_id -> jobs | department_id -> departments
""",
    "warehouse": """
dim_date 1500: date_key* gaps | full_date date | day_of_week int:7 | month_name word
dim_customer 600: customer_key* seq | customer_id code:8 | customer_name name | city word
dim_product 200: product_key* seq | product_name title | brand word
dim_store 25: store_key* seq | store_name name | region word
fact_sales 9000: order_date_key -> dim_date | ship_date_key -> dim_date | customer_key -> dim_customer | product_key -> dim_product | store_key -> dim_store | quantity int:5 | net_amount price
fact_inventory 6000: date_key* -> dim_date | product_key* -> dim_product | store_key* -> dim_store | on_hand int:100
""",
    "logs": """
devices 40: device_id* code:6 | model word | installed date
readings 9000: device_id -> devices | recorded_at ts | temperature price | humidity int:100
events 8000: event_time ts | user_id int:300 | event_type enum:view/cart/purchase | product_id int:900 | price price
measurements 3000: value big | unit enum:m/s | sensor word | taken ts
page_views 5000: url title | visitor hex | viewed_at ts | seconds int:600
weather 2000: temperature int:40 | humidity int:100 | pressure price | observed_at ts
""",
    "magento": """
store 4: store_id* seq | code code:4 | name name
customer_entity 800: entity_id* gaps | email email | store_id -> store | created_at ts | updated_at ts
catalog_product_entity 300: entity_id* gaps | sku code:9 | type_id enum:simple/bundle | created_at ts
sales_order 2000: entity_id* seq | increment_id digits:9 | customer_id -> customer_entity? | store_id -> store | grand_total price | created_at ts
sales_order_item 5000: item_id* seq | order_id -> sales_order | product_id -> catalog_product_entity | parent_item_id -> sales_order_item? | qty_ordered int:9 | price price
""",
    "library": """
authors 300: author_id* seq | full_name name | birth_year year?
publishers 40: publisher_id* seq | name title
books 900: isbn* digits:13 | title title | publisher_id -> publishers | published_year year | pages int:900
book_authors 1300: isbn* -> books | author_id* -> authors
branches 6: branch_no* seq | branch_name name
copies 2500: copy_no* gaps | isbn -> books | branch_no -> branches | acquired date
members 400: member_id* gaps | name name | email email | referred_by -> members?
loans 5000: loan_id* gaps | copy_no -> copies | member_id -> members | loaned_on date | returned_on date?
""",
    "german": """
Kunden 500: KundenNr* gaps | Name name | Ort word | PLZ digits:5
Artikel 200: ArtikelNr* gaps | Bezeichnung title | Preis price
Auftraege 2000: AuftragsNr* gaps | KundenNr -> Kunden | Datum date
Positionen 6000: AuftragsNr* -> Auftraege | PosNr* line | ArtikelNr -> Artikel | Menge int:20
""",
    "projects": """
users 60: id* seq | username email | email email | created_at ts
projects 90: id* seq | slug title | owner_id -> users | created_at ts
milestones 200: id* gaps | project_id -> projects | title title | due_on date?
issues 3000: id* gaps | project_id -> projects | milestone_id -> milestones? | reporter_id -> users | assignee_id -> users? | duplicate_of_id -> issues? | title title | created_at ts
issue_comments 6000: id* seq | issue_id -> issues | author_id -> users | body text | created_at ts | updated_by -> users?
labels 40: id* seq | name title
issue_labels 3500: issue_id* -> issues | label_id* -> labels
""",
    "damaged": """
customers 900: customer_id* gaps | name name | referrer_id ->! customers?
orders 4000: order_id* gaps | customer_id ->! customers | total price | ordered_at ts
payments 3500: payment_ref* code:9 | order_id ->! orders | amount price
""",
}
