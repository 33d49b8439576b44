-- Creates a job for each ticket in a queue, sends reminders for late ones, and reports completed ones.
--
-- Run:   jeton run --sandbox tickets.lua [QUEUE [GROUP]]
--        jeton -c tickets.yaml run tickets.lua [QUEUE [GROUP]]
--        jeton -c tickets.yaml run tickets.lua done ID       completes a ticket of the connector's own user
--        QUEUE is a CSV file with the columns id, title, assignee (a phone number in the group) and hours
--        until it is due (data/tickets.csv beside this script); GROUP an ID (default: the connector's first
--        group). As a job it takes `args: { queue: PATH, group: ID }` and should run often. See tickets.yaml.
--
-- Out:   a line for each ticket that was opened or closed, or is late (one reminder each). A ticket is opened
--        only once, however long it stays in the queue: `jeton.state` keeps open and closed ones. The group
--        gets a message when one is closed.
local csv = require "jeton.csv"
local jeton = require "jeton"
local kaizala = require "kaizala"
local log = require "jeton.log"
local state = require "jeton.state"

-- Written at once, so that it is not done again if a later step fails.
local function keep(ticket)
  state.set("ticket:" .. ticket.id, ticket)
  state.commit()
end

local function read_queue(path)
  local rows = {}
  for row, line in csv.rows(path, { columns = { "id", "title", "assignee", "hours" } }) do
    local hours = math.tointeger(row.hours)
    if not hours or hours < 1 then
      error(("%s:%d: hours must be a whole number of at least 1, got '%s'"):format(path, line,
        row.hours), 0)
    end
    row.hours = hours
    rows[#rows + 1] = row
  end
  return rows
end

local function open(group, row)
  local job = group:create_job {
    title = ("#%s %s"):format(row.id, row.title),
    assigned_to = { row.assignee },
    due_in_hours = row.hours,
  }
  keep { id = row.id, title = row.title, group = group.id, job = job.id }
  print(("opened #%s for %s: %s"):format(row.id, row.assignee, row.title))
end

-- Checks the job of an open ticket.
local function follow(kz, ticket)
  local group = kz:group(ticket.group)
  local job = group:action(ticket.job):details()
  if job.is_completed then
    local by = job.responses[#job.responses]
    local text = ("#%s %s: done by %s"):format(ticket.id, ticket.title, by.responder_name)
    group:send_message(text)
    ticket.closed = by.last_modified_time
    keep(ticket)
    print("closed " .. text)
  elseif job.due_date < os.time() and not ticket.reminded then
    job:remind()
    ticket.reminded = true
    keep(ticket)
    print(("reminded of #%s %s"):format(ticket.id, ticket.title))
  end
end

-- If the service refuses one, for example because the assignee is not in the group, the others go on.
local function try_open(group, row)
  local ok, err = pcall(open, group, row)
  if ok then return true end
  if err.kind ~= "http" and err.kind ~= "invalid" then error(err, 0) end
  log.error("ticket was not opened", { id = row.id, reason = err.message })
  return false
end

-- Gives false if a ticket could not be opened.
local function poll(kz, queue, group)
  local is_fine = true
  for _, key in ipairs(state.keys()) do
    local ticket = state.get(key)
    if not ticket.closed then follow(kz, ticket) end
  end
  for _, row in ipairs(queue) do
    if not state.get("ticket:" .. row.id) then is_fine = try_open(group, row) and is_fine end
  end
  return is_fine
end

local args = jeton.args
local kz = kaizala.connect()
if args[1] == "done" then
  local ticket = state.get("ticket:" .. (args[2] or ""))
  if not ticket then error("there is no ticket with the id " .. (args[2] or "(none given)"), 0) end
  kz:group(ticket.group):action(ticket.job):respond { completed = true }
else
  local queue = read_queue(args.queue or args[1] or jeton.folder .. "/data/tickets.csv")
  local id = args.group or args[2]
  local group = id and kz:group(id) or kz:groups():next()
  if not group then error("the connector has access to no group", 0) end
  return poll(kz, queue, group)
end
