-- Every statement that the sandbox runs on its state, by name. `fold` is Python's str.casefold, `clock` its time.

-- name: add_schedule
INSERT INTO opal_schedules (id, third_party_provider, remote_id, name)
VALUES (:on_call_schedule_id, :third_party_provider, :remote_id, :name);

-- name: opal_schedules
SELECT id AS on_call_schedule_id, third_party_provider, remote_id, name
FROM opal_schedules
WHERE id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY number;

-- name: opal_schedule
SELECT id AS on_call_schedule_id, third_party_provider, remote_id, name
FROM opal_schedules
WHERE id = :id AND id NOT IN (SELECT id FROM late WHERE due > clock() AND NOT is_applied);

-- name: groups
-- `ids` is a JSON list; null takes every group.
SELECT number, id, name, description, type
FROM opal_groups
WHERE number > :after
    AND (:name IS NULL OR name = :name)
    AND (:type IS NULL OR type = :type)
    AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
ORDER BY number
LIMIT :limit;

-- name: group
SELECT id, name, type FROM opal_groups WHERE id = :id;

-- name: group_schedules
SELECT s.id AS on_call_schedule_id, s.third_party_provider, s.remote_id, s.name
FROM opal_group_schedules AS g
JOIN opal_schedules AS s ON s.id = g.schedule_id
WHERE g.group_id = :group_id
ORDER BY g.position;

-- name: forget_group_schedules
DELETE FROM opal_group_schedules;

-- name: forget_opal_groups
DELETE FROM opal_groups;

-- name: add_opal_group
INSERT INTO opal_groups (number, id, name, description, type) VALUES (:number, :id, :name, '', :type);

-- name: clear_group
DELETE FROM opal_group_schedules WHERE group_id = :group_id;

-- name: attach_to_group
INSERT INTO opal_group_schedules (group_id, position, schedule_id) VALUES (:group_id, :position, :schedule_id);

-- name: add_shadow
INSERT INTO rootly_shadows (
    id, schedule_id, shadowable_type, shadowable_id, shadow_user_id, starts_at, ends_at, created_at, updated_at
) VALUES (
    :id, :schedule_id, :shadowable_type, :shadowable_id, :shadow_user_id, :starts_at, :ends_at, :created_at, :updated_at
);

-- name: shadow
SELECT * FROM rootly_shadows
WHERE id = :id AND id NOT IN (SELECT id FROM late WHERE due > clock() AND NOT is_applied);

-- name: shadows_page
SELECT * FROM rootly_shadows
WHERE schedule_id = :schedule_id AND id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY number DESC;

-- name: change_shadow
UPDATE rootly_shadows SET
    schedule_id = :schedule_id,
    shadowable_type = :shadowable_type,
    shadowable_id = :shadowable_id,
    shadow_user_id = :shadow_user_id,
    starts_at = :starts_at,
    ends_at = :ends_at,
    updated_at = :updated_at
WHERE id = :id;

-- name: delete_shadow
DELETE FROM rootly_shadows WHERE id = :id;

-- name: overlapped_shadows
SELECT * FROM rootly_shadows
WHERE schedule_id = :schedule_id AND starts_at < :ends_at AND ends_at > :starts_at
    AND id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY number;

-- name: add_override
INSERT INTO rootly_overrides (id, schedule_id, user_id, starts_at, ends_at, created_at, updated_at)
VALUES (:id, :schedule_id, :user_id, :starts_at, :ends_at, :created_at, :updated_at);

-- name: override
SELECT * FROM rootly_overrides
WHERE id = :id AND id NOT IN (SELECT id FROM late WHERE due > clock() AND NOT is_applied);

-- name: overlapped_overrides
SELECT * FROM rootly_overrides
WHERE schedule_id = :schedule_id AND starts_at < :ends_at AND ends_at > :starts_at
    AND id NOT IN (SELECT id FROM late WHERE due > clock() AND NOT is_applied)
ORDER BY number;

-- name: overrides_page
SELECT * FROM rootly_overrides
WHERE schedule_id = :schedule_id AND id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY number DESC;

-- name: change_override
UPDATE rootly_overrides SET user_id = :user_id, updated_at = :updated_at WHERE id = :id;

-- name: delete_override
DELETE FROM rootly_overrides WHERE id = :id;

-- name: shifted_schedules
SELECT schedule_id AS id FROM rootly_overrides UNION SELECT schedule_id FROM rootly_shadows;

-- name: rootly_schedules_all
SELECT id FROM rootly_schedules ORDER BY number;

-- name: rootly_schedule
SELECT * FROM rootly_schedules WHERE id = :id;

-- name: rootly_schedules_page
SELECT * FROM rootly_schedules
WHERE (:is_named IS NULL OR name = :is_named)
    AND (:named IS NULL OR instr(fold(name), :named) > 0)
    AND (:search IS NULL OR instr(fold(name), :search) > 0)
    AND 'schedule/' || id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY number DESC;

-- name: rootly_user
SELECT * FROM rootly_users WHERE id = :id;

-- name: rootly_user_of
SELECT id FROM rootly_users
WHERE fold(email) = :email AND 'user/' || id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY created_at, id
LIMIT 1;

-- name: rootly_users_page
SELECT * FROM rootly_users
WHERE (:email IS NULL OR fold(email) = :email)
    AND (:search IS NULL OR instr(fold(first_name || ' ' || last_name || ' ' || email), :search) > 0)
    AND 'user/' || id NOT IN (SELECT id FROM late WHERE due > clock())
ORDER BY
    CASE :sort
        WHEN 'created_at' THEN created_at
        WHEN '-created_at' THEN -created_at
        WHEN 'updated_at' THEN updated_at
        WHEN '-updated_at' THEN -updated_at
    END,
    CASE :then_sort
        WHEN 'created_at' THEN created_at
        WHEN '-created_at' THEN -created_at
        WHEN 'updated_at' THEN updated_at
        WHEN '-updated_at' THEN -updated_at
    END,
    id;

-- name: forget_rootly_schedules
DELETE FROM rootly_schedules;

-- name: forget_rootly_users
DELETE FROM rootly_users;

-- name: forget_late_entries
-- Ids of what is in the directory are not unique among other ids, so they stand there with their kind.
DELETE FROM late WHERE id LIKE 'schedule/%' OR id LIKE 'user/%';

-- name: add_rootly_schedule
INSERT INTO rootly_schedules (id, name, owner_user_id, created_at, updated_at)
VALUES (:id, :name, :owner_user_id, :made_at, :made_at);

-- name: add_rootly_user
INSERT INTO rootly_users (id, email, first_name, last_name, created_at, updated_at)
VALUES (:id, :email, :first_name, :last_name, :made_at, :made_at);

-- name: hold_back
INSERT OR REPLACE INTO late (id, due, is_applied) VALUES (:id, :due, :is_applied);

-- name: forget_schedule
DELETE FROM opal_schedules WHERE id = :id;

-- name: log_request
INSERT INTO requests (arrived_at, monotonic, target, method, path, key, fault, status, id)
VALUES (:arrived_at, :monotonic, :target, :method, :path, :key, :fault, :status, :id);
