-- The answers of the stand-in: real shapes, the posted attributes echoed with an id of its own. Shadows are kept
-- as they were answered, for the closing look of a run lists them.
local answers = { count = 0, kept = {} }

local META = '"meta":{"current_page":%d,"next_page":%s,"prev_page":null,"total_count":%d,"total_pages":%d}'
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

local function page(items)
    local number, size = tonumber(ngx.var["arg_page%5Bnumber%5D"]) or 1, tonumber(ngx.var["arg_page%5Bsize%5D"]) or 100
    local pages = math.ceil(#items / size)
    local meta = META:format(number, number < pages and number + 1 or "null", #items, pages)
    local shown = table.concat(items, ",", (number - 1) * size + 1, math.min(number * size, #items))
    answer(200, '{"data":[' .. shown .. '],' .. meta .. ',"links":{}}')
end

function answers.shadows(schedule_id)
    local items = answers.kept[schedule_id] or {}
    answers.kept[schedule_id] = items
    if ngx.req.get_method() ~= "POST" then
        return page(items)
    end
    local body = posted()
    -- Rootly answers in the time zone of the key's user and with milliseconds.
    local attributes = members(body, body:find('"attributes"', 1, true)):gsub('Z"', '.000+00:00"')
    local item = '{"id":"' .. new_id() .. '","type":"on_call_shadows","attributes":{"schedule_id":"' .. schedule_id
        .. '",' .. attributes .. ',"created_at":"2026-01-01T00:00:00.000+00:00","updated_at":"2026-01-01T00:00:00.000+00:00"}}'
    items[#items + 1] = item
    answer(201, '{"data":' .. item .. '}')
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
