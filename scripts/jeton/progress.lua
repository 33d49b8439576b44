--- Progress of long work: a bar on a terminal, else a line in the log now and then.
local log = require "jeton.log"
local task = require "jeton.task"
local terminal = require "jeton.progress_line"

local progress = {}

local FIRST_S = 0.5  -- no bar for what is over sooner,
local FRAME_S = 0.1  -- and no more than ten a second
local LONG_S = 10    -- no lines for what is over sooner,
local LINE_S = 30    -- and no more than one in so long,
local STEP = 0.1     -- nor before so much more is done
local CELLS = 16
local LABEL_MAX = 30 -- bytes of a name of a file

---@class jeton.Progress
local Progress = {}
Progress.__index = Progress
Progress.__name = "jeton.Progress"

local drawn -- whose bar is on the terminal: the first of several that are under way

local function duration(seconds)
  seconds = math.ceil(seconds)
  if seconds < 60 then return ("%d s"):format(seconds) end
  if seconds < 3600 then return ("%d min %02d s"):format(seconds // 60, seconds % 60) end
  return ("%d h %02d min"):format(seconds // 3600, seconds % 3600 // 60)
end

local SIZES = { "bytes", "KiB", "MiB", "GiB", "TiB" }

local function amount(self, number)
  if self.unit ~= "bytes" then return ("%.0f"):format(number) end
  local size = 1
  while number >= 1024 and SIZES[size + 1] do
    number, size = number / 1024, size + 1
  end
  return (size == 1 and "%.0f %s" or "%.1f %s"):format(number, SIZES[size])
end

local function part(self)
  return self.total and self.total > 0 and math.min(self.count / self.total, 1)
end

-- "120 of 400, 10/s, 28 s left"
local function state(self, now)
  local text = amount(self, self.count)
  if self.total then text = text .. " of " .. amount(self, self.total) end
  local elapsed = now - self.began
  local rate = elapsed > 0 and self.count / elapsed or 0
  if rate > 0 then
    local digits = (self.unit == "bytes" or rate >= 10) and amount(self, rate) or ("%.1f"):format(rate)
    text = ("%s, %s/s"):format(text, digits)
    if self.total and self.count < self.total then
      text = ("%s, %s left"):format(text, duration((self.total - self.count) / rate))
    end
  end
  return text
end

local function frame(self, now)
  local done = part(self)
  if not done then return ("%s %s"):format(self.label, state(self, now)) end
  local cells = math.floor(done * CELLS)
  return ("%s [%s%s] %3d %% %s"):format(self.label, ("#"):rep(cells), ("."):rep(CELLS - cells),
    math.floor(done * 100), state(self, now))
end

local function draw(self, now)
  if drawn and drawn ~= self then return end
  if now - self.began < FIRST_S or now - self.shown < FRAME_S then return end
  drawn, self.shown, self.told = self, now, true
  self.terminal.show(frame(self, now))
end

local function write_line(self, now)
  local done = part(self)
  if now - self.began < LONG_S or now - self.shown < LINE_S then return end
  if done and done < self.next_step then return end
  self.shown, self.told = now, true
  self.next_step = done and (done // STEP + 1) * STEP
  log.info(("%s: %s"):format(self.label, state(self, now)))
end

local function update(self)
  local mode = self.terminal.mode()
  if self.over or mode == "none" then return end
  local now = self.now()
  if mode == "bar" then
    draw(self, now)
  else
    write_line(self, now)
  end
end

local function number(value, what)
  if type(value) ~= "number" or value ~= value or value < 0 or value == math.huge then
    error(("progress: %s must be a number from 0"):format(what), 3)
  end
  return value
end

local OPTIONS = { label = true, total = true, unit = true }

--- Begins to show how far some work has come.
---@param options? jeton.progress.Options
---@param parts? table what tests put in place of terminal and clock
---@return jeton.Progress
function progress.new(options, parts)
  options, parts = options or {}, parts or {}
  if type(options) ~= "table" then error("progress.new: a table of options expected", 2) end
  for name in pairs(options) do
    if not OPTIONS[name] then error(("progress.new: unknown option '%s'"):format(tostring(name)), 2) end
  end
  if options.label ~= nil and type(options.label) ~= "string" then
    error("progress.new: label must be a string", 2)
  elseif options.unit ~= nil and options.unit ~= "bytes" and options.unit ~= "items" then
    error("progress.new: unit must be 'items' or 'bytes'", 2)
  end
  local self = setmetatable({
    label = options.label or "progress",
    total = options.total and number(options.total, "total"),
    unit = options.unit,
    count = 0,
    next_step = STEP,
    terminal = parts.terminal or terminal,
    now = parts.now or task.now,
  }, Progress)
  self.began = self.now()
  self.shown = -math.huge
  return self
end

--- So much more has been done.
---@param count? number 1 by default
function Progress:add(count)
  self.count = self.count + (count == nil and 1 or number(count, "count"))
  update(self)
end

--- So much has been done, in all.
---@param count number
---@param total? number what there is to do, where that is known only now
function Progress:set(count, total)
  self.count = number(count, "count")
  self.total = total == nil and self.total or total and number(total, "total")
  update(self)
end

--- The work is over: the bar goes, and a line says what was done, if anything was shown before.
function Progress:done()
  if self.over then return end
  self.over = true
  if drawn == self then
    drawn = nil
    self.terminal.show(nil)
  end
  if self.told then
    local text = amount(self, self.count)
    if self.total and self.total ~= self.count then text = text .. " of " .. amount(self, self.total) end
    log.info(("%s: %s in %s"):format(self.label, text, duration(self.now() - self.began)))
  end
end

Progress.__close = Progress.done
Progress.__gc = Progress.done

-- For jeton.http: a file that has been on its way for so long.
---@param name string
---@param elapsed number seconds
---@return jeton.Progress
function progress.transfer(name, elapsed)
  if #name > LABEL_MAX then
    name = name:sub(1, utf8.offset(name, 0, LABEL_MAX) - 1) .. "..."
  end
  local made = progress.new { label = name, unit = "bytes" }
  made.began = made.began - elapsed
  return made
end

-- For task.map: what its option `progress` stands for, and whether it is to be ended with the work.
---@param value true|string|jeton.Progress
---@param total integer
---@return jeton.Progress
---@return boolean own
function progress.of(value, total)
  if getmetatable(value) == Progress then return value, false end
  if value ~= true and type(value) ~= "string" then
    error("progress: true, a label, or what progress.new gives expected", 0)
  end
  return progress.new { label = value ~= true and value or nil, total = total }, true
end

return progress
