-- Posts new rows of a Google sheet, such as the answers to a form, to a space of Google Chat.
--
-- Run:   jeton -c sheet-to-chat.yaml run -C sheet sheet-to-chat.lua SHEET SPACE [RANGE]
--        SHEET is the spreadsheet's ID, SPACE the space's (both are in their URLs); RANGE in A1 notation
--        (default: A:Z of the first sheet). The first row has the names of the columns.
--        As a job it takes `args: { sheet: ID, space: ID, range: A:Z }`. See sheet-to-chat.yaml for the
--        service account.
--
-- Out:   a line for each posted row. The first run only notes how many rows there are, in `jeton.state`.
--        A run posts at most 10 rows. Each has an ID by which Chat knows it again, so that no row is posted
--        twice, even if a reply is lost.
--
-- The tests run this script against a server of their own that answers as Google's documentation says, not
-- against Google: developers.google.com/workspace/sheets/api/samples/reading and
-- developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local jeton = require "jeton"
local state = require "jeton.state"

local LIMIT, CELL_MAX = 10, 500 -- rows a run; characters
local CHAT = "chat" -- the connector: the same service account, with a scope of its own

local function call(request)
  local response, err = http.request(request)
  if not response then error(err, 0) end
  return assert(response:json())
end

local function cut(text)
  local rest = utf8.offset(text, CELL_MAX + 1)
  return rest and rest <= #text and text:sub(1, rest - 1) .. "…" or text
end

-- Empty cells at a row's end are not in the list, others are "".
local function write(names, row)
  local lines = {}
  for i, value in ipairs(row) do
    if value ~= "" then lines[#lines + 1] = ("*%s*: %s"):format(names[i] or i, cut(value)) end
  end
  return table.concat(lines, "\n")
end

local args = jeton.args
local sheet, space = args.sheet or args[1], args.space or args[2]
if not space then return nil, "usage: sheet-to-chat.lua SHEET SPACE [RANGE]" end
local range = args.range or args[3] or "A:Z"

local path = ("spreadsheets/%s/values/%s"):format(http.encode(sheet), http.encode(range))
local rows = call({ connector = true, path = path }).values or {} -- true: the run's connector
local key = sheet .. "!" .. range
local seen = state.get(key)
if not seen or seen > #rows then
  state.set(key, #rows)
  print(("%d rows; those that follow will be posted"):format(math.max(#rows - 1, 0)))
  return
end

for i = math.max(seen + 1, 2), math.min(#rows, math.max(seen, 1) + LIMIT) do
  local text = write(rows[1], rows[i])
  if text ~= "" then
    call {
      connector = CHAT,
      method = "POST",
      path = ("spaces/%s/messages"):format(http.encode(space)),
      query = { requestId = crypto.hex(crypto.sha256(key .. "\n" .. i .. "\n" .. text)):sub(1, 32) },
      json = { text = text },
      repeatable = true, -- thanks to the requestId
    }
    print(("posted row %d"):format(i))
  end
  state.set(key, i)
  state.commit()
end
