-- send.lua N: so many messages to the first group.
local kaizala = require "kaizala"
local task = require "jeton.task"

local numbers = {}
for i = 1, tonumber((...)) do numbers[i] = i end
local group = kaizala.connect():groups():next()
task.map(numbers, function(i) group:send_message("Message " .. i) end, { limit = 4 })
