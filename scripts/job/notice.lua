--- Sends the notice about a run of a job to a group: what `on_failure: { message: … }` does.
local json = require "jeton.json"
local kaizala = require "kaizala"

local notice = {}

-- As the service writes ids, a suffix `@1` included.
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x"

local function fail(text, ...)
  error(text:format(...), 0)
end

-- The only group of this name that the connector reaches.
local function find(kz, name)
  local found, seen = {}, {}
  for group in kz:groups { all = true } do
    if group.name == name and not seen[group.id] then found[#found + 1] = group end
    seen[group.id] = true
  end
  if #found == 0 then
    fail("connector '%s' reaches no group of this name; expected a group's name or its id", kz.connector)
  end
  if #found > 1 then
    fail("connector '%s' reaches %d groups of this name; name it by its id, such as %s", kz.connector,
      #found, found[1].id)
  end
  return found[1]
end

--- Sends the text (*waits*); raises when it did not arrive.
---@param text string JSON: `{"group": id or name, "text": …}`
function notice.send(text)
  local order = assert(json.decode(text))
  local kz = kaizala.connect()
  local group = order.group:find(GUID) and kz:group(order.group) or find(kz, order.group)
  group:send_message(order.text)
end

return notice
