-- Exchange unless the token is cached, list of groups, a message to the first.
local kaizala = require "kaizala"

local first
for group in kaizala.connect():groups() do first = first or group end
first:send_message "Hello"
