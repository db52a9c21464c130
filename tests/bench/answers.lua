-- The answers of the stand-in: real shapes, the posted attributes echoed with an id of its own, nothing kept.
local answers = { count = 0 }

local EMPTY = '{"data":[],"meta":{"current_page":1,"next_page":null,"prev_page":null,"total_count":0,"total_pages":0},'
    .. '"links":{"self":"%s","first":"%s","prev":null,"next":null,"last":"%s"}}'
local ME = '{"data":{"id":"101","type":"users","attributes":{"name":"Bench","email":"bench@example.com"}}}'

local function answer(status, body)
    ngx.status = status
    ngx.header["Content-Length"] = #body
    ngx.print(body)
end

local function posted()
    ngx.req.read_body()
    return ngx.req.get_body_data()
end

local function new_id()
    answers.count = answers.count + 1
    return string.format("%08x-0000-4000-8000-000000000000", answers.count)
end

local function members(body, after)
    local opening = body:find("{", after, true)
    return body:sub(opening + 1, body:find("}", opening, true) - 1)
end

function answers.shadows(schedule_id)
    if ngx.req.get_method() ~= "POST" then
        local path = ngx.var.request_uri
        return answer(200, EMPTY:format(path, path, path))
    end
    local body = posted()
    -- Rootly answers in the time zone of the key's user and with milliseconds.
    local attributes = members(body, body:find('"attributes"', 1, true)):gsub('Z"', '.000+00:00"')
    answer(201, '{"data":{"id":"' .. new_id() .. '","type":"on_call_shadows","attributes":{"schedule_id":"' .. schedule_id
        .. '",' .. attributes .. ',"created_at":"2026-01-01T00:00:00.000+00:00","updated_at":"2026-01-01T00:00:00.000+00:00"}}}')
end

function answers.schedules()
    if ngx.req.get_method() ~= "POST" then
        return answer(200, '{"on_call_schedules":[]}')
    end
    answer(200, '{"on_call_schedule_id":"' .. new_id() .. '","name":"Bench",' .. members(posted(), 1) .. '}')
end

function answers.me()
    answer(200, ME)
end

return answers
