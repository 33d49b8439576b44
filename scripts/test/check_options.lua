--- The options of a method of t.
local failure = require "test.failure"
local nearest = require "test.nearest"

failure.pass_over()

--- Raises, at the line that called the method, for a name that it does not have and for a wrong type.
---@param what string "t:oauth"
---@param given table
---@param known table<string, string> the type of each; "any" is not looked at
---@param level? integer as of error; default 3: where the caller of this was called
local function check_options(what, given, known, level)
  level = level or 3
  for name, value in pairs(given) do
    local want = known[name]
    if not want then
      local names = {}
      for other in pairs(known) do
        names[#names + 1] = other
      end
      local hint = nearest.hint(tostring(name), names)
      error(("%s: unknown option '%s'%s"):format(what, tostring(name), hint), level)
    elseif want ~= "any" and type(value) ~= want then
      error(("%s: %s must be a %s, got %s"):format(what, name, want, type(value)), level)
    end
  end
end

return check_options
