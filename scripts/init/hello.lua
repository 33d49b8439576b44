-- Posts a numbered greeting to a group. The number is kept between runs.
--
-- Run:   jeton run --sandbox hello.lua [TEXT]     (no account needed)
--        jeton run --job hello                    (as cron does; see jeton.yaml)
--
-- Out:   what was posted where; nothing if cron started it, because cron mails all output.
local jeton = require "jeton"
local kaizala = require "kaizala"
local state = require "jeton.state"

local text = jeton.args.text or jeton.args[1] or "Hello from jeton"

local group = kaizala.connect():groups():next()
if not group then error("the connector has access to no group", 0) end

local number = (state.get "number" or 0) + 1
text = ("%s, no. %d"):format(text, number)
group:send_message(text)
state.set("number", number) -- stored when the run succeeds: a failed one does not count

local by_cron = jeton.job and jeton.job.slot
if not by_cron then print(("posted to %s: %s"):format(group.name, text)) end
