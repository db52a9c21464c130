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

-- The users and schedules that the samples name.
INSERT INTO rootly_schedules (number, id, name, owner_user_id, created_at, updated_at) VALUES
    (1, 'a56d5989-eb30-481b-b7ab-f424fa655cd5', 'Payments primary', 101, 1735725600000, 1767261600000),
    (2, 'cfc61328-50da-44b1-b200-e2da86326fb7', 'Checkout primary', 102, 1735812000000, 1767261600000),
    (3, '9b03fa72-a4fb-4fa3-9ba7-903940e95822', 'Search primary', 103, 1735898400000, 1767261600000),
    (4, '1b04fb88-ecf2-4cf6-8481-5cb6e9d20208', 'Identity primary', 104, 1735984800000, 1767261600000),
    (5, '8b51c080-83ba-4a79-a7f3-37cdb86d9f81', 'Kubernetes primary', 105, 1736071200000, 1767261600000),
    (6, 'fa96b7cf-cd3f-4179-93df-a8495cbd126d', 'Databases primary', 106, 1736157600000, 1767261600000),
    (7, 'b383ab9e-e4bd-4ec0-86a2-b3458c531bda', 'Security primary', 107, 1736244000000, 1767261600000),
    (8, '8ff20173-0f5b-4bbd-b7cd-69c8a2b7475a', 'Support primary', 108, 1736330400000, 1767261600000),
    -- names need not be unique
    (9, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f07', 'Support weekend', 110, 1736416800000, 1767261600000),
    (10, 'c1d6a0f4-58f4-4b0b-9c36-0a7d5e2b3f08', 'Support weekend', 111, 1736503200000, 1767261600000);

INSERT INTO rootly_users (id, email, first_name, last_name, created_at, updated_at) VALUES
    (101, 'anna.berg@example.com', 'Anna', 'Berg', 1735722000000, 1767434400000),
    (102, 'ben.osei@example.com', 'Ben', 'Osei', 1735808400000, 1767348000000),
    (103, 'chloe.martin@example.com', 'Chloé', 'Martin', 1735894800000, 1767261600000),
    (104, 'dmitri.volkov@example.com', 'Dmitri', 'Volkov', 1735981200000, 1767261600000),
    (105, 'emi.tanaka@example.com', 'Emi', 'Tanaka', 1736067600000, 1767261600000),
    (106, 'farid.rahimi@example.com', 'Farid', 'Rahimi', 1736154000000, 1767261600000),
    (107, 'grace.oneill@example.com', 'Grace', 'O''Neill', 1736240400000, 1767261600000),
    (108, 'Hugo.Alvarez@example.com', 'Hugo', 'Álvarez', 1736326800000, 1767261600000),
    (109, 'ines.kohler@example.com', 'Ines', 'Köhler', 1736413200000, 1767261600000),
    (110, 'jamal.wright@example.com', 'Jamal', 'Wright', 1736499600000, 1767261600000),
    (111, 'kim.nguyen@example.com', 'Kim', 'Nguyen', 1736586000000, 1767261600000),
    (112, 'lena.novak@example.com', 'Lena', 'Novák', 1736672400000, 1767261600000);

PRAGMA application_id = 0x6f636273; -- "ocbs"
PRAGMA user_version = 1;

COMMIT;
