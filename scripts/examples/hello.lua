-- Says hello: exchanges a token, lists the groups, posts to the first one, lists its members.
--
-- Run:   jeton run --sandbox hello.lua [TEXT]         (no account needed)
--        jeton -c hello.yaml run hello.lua [TEXT]     (against a real service)
--
-- Out:   each step; with the sandbox, also the messages that it has received.
local http = require "jeton.http"
local jeton = require "jeton"
local kaizala = require "kaizala"
local token = require "jeton.token"

local text = jeton.args[1] or "Hello from jeton"

-- The SDK does this by itself; here it is only shown.
local t, err = token.get()
if not t then error(err, 0) end
print(("token      from the %s, valid until %s"):format(t.source, os.date("%Y-%m-%d %H:%M", t.expires_at)))
print("endpoint   " .. t.endpoint_url)

local kz = kaizala.connect()
print("I am       " .. kz:me().name)

local groups = kz:groups():all()
for _, group in ipairs(groups) do
  print(("group      %s  %s"):format(group.id, group.name))
end
local group = groups[1]
if not group then error("the connector has access to no group", 0) end

local sent = group:send_message(text)
print(("posted     %q to %s, as %s"):format(text, group.name, sent.reference_id))

for member in group:members() do
  print(("member     %-16s %-8s %s"):format(member.mobile_number, member.role, member.name))
end

-- A real service does not show messages to connectors; the sandbox does.
local sandbox = os.getenv "JETON_SANDBOX_URL"
if sandbox then
  local state = assert(assert(http.get(sandbox .. "/_sandbox/state")):json())
  for _, message in ipairs(state.messages) do
    print(("received   %q from %s"):format(message.text, message.sender))
  end
end
