-- gets.lua URL N: N requests one after the other.
local http = require "jeton.http"

local url, n = ...
local bytes = 0
for i = 1, tonumber(n) do
  local response = assert(http.get(url .. "/item/" .. i))
  bytes = bytes + #response.body
end
print(bytes)
