-- Everything the sandbox knows, and the directory it starts with. Numbers give the order of making;
-- instants are epoch milliseconds. A user id is text where it came from a request: it can have 64 bits, unsigned.
BEGIN;

CREATE TABLE opal_schedules (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    third_party_provider TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    name TEXT NOT NULL
);

CREATE TABLE opal_groups (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    type TEXT NOT NULL
);

CREATE TABLE opal_group_schedules (
    group_id TEXT NOT NULL REFERENCES opal_groups (id),
    position INTEGER NOT NULL,
    schedule_id TEXT NOT NULL REFERENCES opal_schedules (id),
    PRIMARY KEY (group_id, position)
) WITHOUT ROWID;

CREATE TABLE rootly_shadows (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    schedule_id TEXT NOT NULL,
    shadowable_type TEXT NOT NULL,
    shadowable_id TEXT NOT NULL,
    shadow_user_id TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

-- A schedule's shadows, newest first, are read straight off this index: it ends in the row's number.
CREATE INDEX rootly_shadows_of_schedule ON rootly_shadows (schedule_id);

CREATE TABLE rootly_schedules (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    owner_user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE rootly_users (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

INSERT INTO opal_groups (number, id, name, description, type) VALUES
    (1, '7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d01', 'Payments Production Admin', 'Admins of the payment hosts', 'OKTA_GROUP'),
    (2, '7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02', 'Platform Operators', 'Operators of the platform', 'OPAL_GROUP'),
    (3, '7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d03', 'Database Break Glass', 'Writers to production data', 'AWS_SSO_GROUP'),
    (4, '7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d04', 'Integrations On-Call', 'Synced with PagerDuty',
        'PAGERDUTY_ON_CALL_SCHEDULE');

INSERT INTO rootly_schedules (number, id, name, owner_user_id, created_at, updated_at) VALUES
    (1, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f01', 'Payments Primary', 101, 1735725600000, 1767261600000),
    (2, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f02', 'Payments Secondary', 101, 1735812000000, 1767261600000),
    (3, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f03', 'Platform Primary', 102, 1735898400000, 1767261600000),
    (4, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f04', 'Platform Secondary', 102, 1735984800000, 1767261600000),
    (5, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f05', 'Database Primary', 105, 1736071200000, 1767261600000),
    (6, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f06', 'Search and Discovery', 107, 1736157600000, 1767261600000),
    -- names need not be unique
    (7, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f07', 'Support Weekend', 110, 1736244000000, 1767261600000),
    (8, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f08', 'Support Weekend', 111, 1736330400000, 1767261600000);

INSERT INTO rootly_users (id, email, first_name, last_name, created_at, updated_at) VALUES
    (101, 'amara.okafor@example.com', 'Amara', 'Okafor', 1735722000000, 1767434400000),
    (102, 'benedikt.vogel@example.com', 'Benedikt', 'Vogel', 1735808400000, 1767348000000),
    (103, 'chiara.rossi@example.com', 'Chiara', 'Rossi', 1735894800000, 1767261600000),
    (104, 'daniel.kim@example.com', 'Daniel', 'Kim', 1735981200000, 1767261600000),
    (105, 'elif.yilmaz@example.com', 'Elif', 'Yılmaz', 1736067600000, 1767261600000),
    (106, 'fatima.haddad@example.com', 'Fatima', 'Haddad', 1736154000000, 1767261600000),
    (107, 'gabriel.souza@example.com', 'Gabriel', 'Souza', 1736240400000, 1767261600000),
    (108, 'Hana.Novak@example.com', 'Hana', 'Nováková', 1736326800000, 1767261600000),
    (109, 'ivan.petrov@example.com', 'Ivan', 'Petrov', 1736413200000, 1767261600000),
    (110, 'jun.watanabe@example.com', 'Jun', 'Watanabe', 1736499600000, 1767261600000),
    (111, 'kerry.oneill@example.com', 'Kerry', 'O''Neill', 1736586000000, 1767261600000),
    (112, 'lucia.fernandez@example.com', 'Lucía', 'Fernández', 1736672400000, 1767261600000);

PRAGMA application_id = 0x6f636273; -- "ocbs"
PRAGMA user_version = 1;

COMMIT;
