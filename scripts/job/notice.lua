--- Sends the notice about a run of a job to a group, for `on_failure: { message: … }`.
local check = require "kaizala.check"
local json = require "jeton.json"
local kaizala = require "kaizala"

local notice = {}

local HEADINGS = { interrupted = "was interrupted", late = "did not run" }

local function heading(run)
  if not run.cause then
    return "succeeded again"
  end
  return HEADINGS[run.cause] or "failed"
end

local function compose(order)
  local run, previous = order.run, order.previous
  local lines = { ("Job %s %s"):format(run.job, heading(run)) }
  if run.cause then
    lines[2] = "Cause: " .. run.cause .. (run.exit and ", exit status " .. run.exit or "")
    lines[3] = run.message
  end
  if run.cause ~= "late" then
    lines[#lines + 1] = ("Started: %s%s%s"):format(run.started,
      run.took ~= "" and ", took " .. run.took or "", run.attempt > 1 and ", attempt " .. run.attempt or "")
  end
  if not run.cause then
    lines[#lines + 1] = ("Previous run: %s of %s failed (%s)"):format(previous.run, previous.started,
      previous.cause)
  end
  lines[#lines + 1] = order.recorded and "More: jeton logs " .. run.run
    or "It did not start, and could not be recorded."
  return table.concat(lines, "\n")
end

local function find(order)
  local kz = kaizala.connect(order.connector)
  return check.is_id(order.group) and kz:group(order.group) or kz:group_named(order.group)
end

--- Looks the group up (*waits*); raises if it cannot be reached.
---@param text string JSON: `{"connector": name, "group": id or name}`
function notice.check(text)
  local group = find(assert(json.decode(text)))
  if not group.name then group:details() end
end

--- Tells the group (*waits*); raises when the message did not arrive.
---@param text string JSON: `{"group": id or name, "recorded": boolean, "run": history.run, "previous": …}`
function notice.send(text)
  local order = assert(json.decode(text))
  find(order):send_message(compose(order))
end

return notice
