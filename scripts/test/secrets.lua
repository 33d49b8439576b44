--- Secrets in what would be written to a file that is kept.
local native = require "jeton.test_native"
local jwt = require "test.jwt"

local secrets = {}

local KEY <const> = "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-"

-- What services begin their keys with.
local KEYS = {
  "%f[%w]AKIA[%u%d]+", "%f[%w]AIza[%w_-]+", "%f[%w]gh[pousr]_%w+", "%f[%w]github_pat_[%w_]+",
  "%f[%w]glpat%-[%w_-]+", "%f[%w]xox[abprs]%-[%w-]+", "%f[%w]sk_live_%w+", "%f[%w]rk_live_%w+",
  "%f[%w]whsec_[%w+/=]+", "%f[%w]SG%.[%w_-]+%.[%w_-]+",
}
local KEY_BYTES_MIN <const> = 16
local RUN_BYTES_MIN <const> = 32 -- of letters and digits that nobody would write

local function line_at(text, position)
  local _, breaks = text:sub(1, position - 1):gsub("\n", "")
  return breaks + 1
end

local function differs(masked, text)
  local at = 1
  if masked == text then return nil end
  while masked:byte(at) == text:byte(at) do at = at + 1 end
  return at
end

--- The first line that surely has one, and what it is; nil: none has.
---@param text string
---@param mask? fun(text: string): string that hides more
---@return integer|nil line, string|nil what, integer|nil at position
function secrets.find(text, mask)
  local known, key = differs(native.mask(text), text), text:find(KEY)
  local signed = jwt.each(text, function(_, position) return position end)
  local more = mask and differs(mask(text), text)
  if known then return line_at(text, known), "a secret of this run", known end
  if more then return line_at(text, more), "what the cassette masks", more end
  if signed then return line_at(text, signed), "a signed token (JWT)", signed end
  if key then return line_at(text, key), "a private key", key end
end

--- Small letters, capitals and digits in one run, and no UUID, no hex: drawn by chance.
local function looks_drawn(run)
  local _, digits = run:gsub("%d", "")
  local _, capitals = run:gsub("%u", "")
  local _, small = run:gsub("%l", "")
  return digits >= 3 and capitals >= 3 and small >= 3
end

--- The same, and what only looks like one.
---@return integer|nil line, string|nil what, integer|nil at position
function secrets.suspect(text)
  local line, what, at = secrets.find(text)
  if line then return line, what, at end
  for _, pattern in ipairs(KEYS) do
    local first, last = text:find(pattern)
    if first and last - first + 1 >= KEY_BYTES_MIN then
      return line_at(text, first), "what looks like a key", first
    end
  end
  for first, run in text:gmatch "()([%w+_-]+)" do
    if #run >= RUN_BYTES_MIN and looks_drawn(run) then
      return line_at(text, first), "what looks like a secret", first
    end
  end
end

return secrets
