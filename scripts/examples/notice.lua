-- Sends a notice to the subscribers of a public group, 30 per request, and to nobody twice.
--
-- Run:   jeton run --sandbox notice.lua [TEXT [NUMBERS [GROUP [FAILED]]]]
--        jeton -c notice.yaml run notice.lua TEXT [NUMBERS [GROUP [FAILED]]]
--        TEXT is a file with the notice (data/notice.txt beside this script); NUMBERS a CSV file with a
--        column phone (data/subscribers.csv), or `all` subscribers; GROUP an ID (default: the
--        connector's first public group); FAILED a CSV file to write (default: failed.csv).
--        As a job it takes `args: { text: PATH, numbers: all, group: ID, failed: PATH }`; see notice.yaml.
--
-- Out:   how many got it. FAILED lists the others with the reason; the status is then 1. `jeton.state` keeps
--        who got it, for each text and group: another run sends only to the rest. If a request had no reply,
--        its numbers may have got the notice: they are `unknown`, and it is not sent to them again.
local crypto = require "jeton.crypto"
local csv = require "jeton.csv"
local jeton = require "jeton"
local kaizala = require "kaizala"
local state = require "jeton.state"

local CHUNK = 30 -- numbers per request

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function public_group(kz)
  for group in kz:groups { details = true } do
    if group.type == "ConnectGroup" then return group end
  end
  error("the connector has access to no public group", 0)
end

-- Removes duplicates.
local function read_numbers(group, source)
  local numbers, seen = {}, {}
  local function add(phone)
    if not seen[phone] then numbers[#numbers + 1] = phone end
    seen[phone] = true
  end
  if source == "all" then
    for subscriber in group:subscribers() do add(subscriber.mobile_number) end
    return numbers
  end
  for row, line in csv.rows(source, { columns = { "phone" } }) do
    if not row.phone:find "^%+[1-9]%d+$" or #row.phone < 9 or #row.phone > 16 then
      error(("%s:%d: '%s' is not a number with + and country code"):format(source, line, row.phone), 0)
    end
    add(row.phone)
  end
  return numbers
end

-- The results of earlier runs by number: "sent" or "unknown". The state has an entry for each request.
local function read_journal(notice)
  local done = {}
  for _, key in ipairs(state.keys()) do
    local entry = key:find(notice, 1, true) and state.get(key) or { phones = {} }
    for _, phone in ipairs(entry.phones) do done[phone] = entry.status end
  end
  return done
end

local function write_journal(key, phones, status)
  state.set(key, { phones = phones, status = status })
  state.commit()
end

-- After an err of these kinds the request was certainly not processed. After others this is unknown.
local function was_refused(err)
  return err.kind == "auth" or err.kind == "throttled" or err.kind == "config"
    or (err.kind == "invalid" and not err.request)
    or (err.kind == "http" and err.status and err.status < 500)
end

-- Sends to a chunk. Gives the reasons by number for those who did not get it, and an err that stops the run.
local function send(group, text, chunk, key)
  write_journal(key, chunk, "unknown") -- first, so that nobody gets it twice if the run is killed
  local ok, sent = pcall(group.send_message, group, text, { subscribers = chunk })
  local reasons, reached = {}, {}
  if not ok then
    local refused = was_refused(sent)
    if refused then write_journal(key, reached, "sent") end
    for _, phone in ipairs(chunk) do reasons[phone] = (refused and "" or "unknown: ") .. tostring(sent) end
    return reasons, sent
  end
  for _, failed in ipairs(sent.failed_result or {}) do reasons[failed.subscriber] = failed.error_reason end
  for _, phone in ipairs(chunk) do
    if not reasons[phone] then reached[#reached + 1] = phone end
  end
  write_journal(key, reached, "sent")
  return reasons
end

local args = jeton.args
local text = read(args.text or args[1] or jeton.folder .. "/data/notice.txt")
local kz = kaizala.connect()
local id = args.group or args[3]
local group = id and kz:group(id):details() or public_group(kz)
local numbers = read_numbers(group, args.numbers or args[2] or jeton.folder .. "/data/subscribers.csv")

local notice = crypto.hex(crypto.sha256(group.id .. "\n" .. text))
local done, rest, reasons = read_journal(notice), {}, {}
for _, phone in ipairs(numbers) do
  if not done[phone] then
    rest[#rest + 1], reasons[phone] = phone, "not tried"
  elseif done[phone] == "unknown" then
    reasons[phone] = "unknown: the request of an earlier run had no reply"
  end
end

local err
for first = 1, #rest, CHUNK do
  local chunk = table.move(rest, first, math.min(first + CHUNK - 1, #rest), 1, {})
  local failed, why = send(group, text, chunk, notice .. ":" .. #state.keys() + 1)
  for _, phone in ipairs(chunk) do reasons[phone] = failed[phone] end
  err = why
  if err then break end
end

local rows, failed_path = { { "phone", "reason" } }, args.failed or args[4] or "failed.csv"
for _, phone in ipairs(numbers) do
  if reasons[phone] then rows[#rows + 1] = { phone, reasons[phone] } end
end
if not jeton.dry_run then csv.write(failed_path, rows) end
local others = #rows > 1 and "; for the others see " .. failed_path or ""
print(("%d of %d have it%s"):format(#numbers - #rows + 1, #numbers, others))
if err then error(err, 0) end
return #rows == 1
