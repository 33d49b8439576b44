--- What happens when all tests of a file have run, before that is reported.
local ending = {
  notes = {},            ---@type string[] for people
  snapshots_unused = {}, ---@type string[]
  hooks = {},            ---@type (fun(results: table<string, string>))[]
}

--- results: of each test of the file the status; nil for those that were not chosen.
---@param results table<string, "pass"|"fail"|"skip">
function ending.run(results)
  for _, hook in ipairs(ending.hooks) do hook(results) end
end

return ending
