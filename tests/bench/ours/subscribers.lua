-- subscribers.lua GROUP N: walks so many of its subscribers, and prints their number.
local kaizala = require "kaizala"

local id, n = ...
local count, most = 0, tonumber(n)
for _ in kaizala.connect():group(id):subscribers() do
  count = count + 1
  if count == most then break end
end
print(count)
