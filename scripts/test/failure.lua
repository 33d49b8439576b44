--- What a failed check raises: a table that the run of the tests knows, and that says where it was.
local failure = {}

---@class test.Failure
---@field message string
---@field where string|nil "file:line" of the first frame that is not jeton's own
---@field diff string|nil lines
local Failure = {}
Failure.__index = Failure
Failure.__name = "jeton.test.Failure"

function Failure:__tostring()
  local text = self.where and self.where .. ": " .. self.message or self.message
  return self.diff and text .. "\n" .. self.diff or text
end

local ours = {} -- sources of modules whose frames say nothing about the test

--- To be called by a module that raises failures: its own frames are passed over.
function failure.pass_over()
  ours[debug.getinfo(2, "S").source] = true
end
failure.pass_over()

--- "file:line" of the test, or of the script that it runs.
---@return string|nil
function failure.where()
  for level = 3, math.huge do
    local frame = debug.getinfo(level, "Sl")
    if not frame then return nil end
    if frame.currentline > 0 and not ours[frame.source] then
      return ("%s:%d"):format(frame.short_src, frame.currentline)
    end
  end
end

---@param message string
---@param diff string|nil lines
---@param at string|nil failure.where of the call that it is about, at the end of a test
function failure.raise(message, diff, at)
  error(setmetatable({ message = message, where = at or failure.where(), diff = diff }, Failure), 0)
end

--- A mistake in how something is called: like error, at the line of the test.
---@param message string
function failure.misuse(message)
  local at = failure.where()
  error(at and at .. ": " .. message or message, 0)
end

---@return boolean
function failure.is(value)
  return type(value) == "table" and getmetatable(value) == Failure
end

return failure
