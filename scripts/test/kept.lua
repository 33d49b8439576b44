--- What is remembered of each file between runs: how long it took, and which of its tests failed.
local host = require "jeton.test_host"
local json = require "jeton.json"
local totals = require "test.totals"
local worker = require "test.worker"

local kept = {}

local FILES_MAX <const> = 5000 -- the newest
local VERSION <const> = 1

--- Without a state, and from one that cannot be read, nothing is known.
---@return table<string, {ms: integer, at: integer, failed: string[], broken: boolean|nil}>
function kept.load(path)
  local file = path and io.open(path, "rb")
  if not file then return {} end
  local text = file:read "a"
  file:close()
  local state = text and json.decode(text)
  if type(state) ~= "table" or state.version ~= VERSION or type(state.files) ~= "table" then return {} end
  return state.files
end

local function newest(files)
  local names = {}
  for name in pairs(files) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if files[a].at ~= files[b].at then return files[a].at > files[b].at end
    return a < b
  end)
  for index = FILES_MAX + 1, #names do files[names[index]] = nil end
  return files
end

local function failed_of(file, before)
  local failed, ran, left = {}, {}, {}
  for _, test in ipairs(file.tests) do
    local among = test.status == "skip" and test.why == worker.NOT_RUN and left or ran
    among[test.name] = true
    if test.status == "fail" then failed[#failed + 1] = test.name end
  end
  for _, name in ipairs(before and before.failed or {}) do -- of tests whose turn did not come this time
    if left[name] or not ran[name] and file.partly then failed[#failed + 1] = name end
  end
  return json.array(failed)
end

--- Adds what these files came to. Of two runs at once, what the later one says stays.
---@param files test.file[]
---@return boolean|nil, string|table|nil err
function kept.store(path, files)
  if not path then return true end
  local state = kept.load(path)
  for _, file in ipairs(files) do
    local before = state[file.real]
    state[file.real] = {
      at = os.time(),
      ms = file.partly and before and before.ms or file.ms,
      failed = failed_of(file, before),
      broken = (file.broken or file.renamed and totals.of({ file }).fail > 0) and true or nil,
    }
  end
  return host.keep(path, assert(json.encode { version = VERSION, files = newest(state) }))
end

return kept
