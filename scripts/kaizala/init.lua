--- The Kaizala SDK: groups, members and messages, with the connectors of the configuration.
---
---     local kz = require "kaizala".connect()
---     for group in kz:groups() do print(group.id, group.name) end
---
--- Functions raise an err (a table with `kind`, `message`, `status`, `code`, `retryable`,
--- `request`) when the service or the network fails, and a string with the position on misuse.
local check = require "kaizala.check"
local client = require "kaizala.client"
local token = require "jeton.token"
-- These files add methods to clients and groups.
require "kaizala.actions"
require "kaizala.bots"
require "kaizala.media"
require "kaizala.reactions"
require "kaizala.subgroups"
require "kaizala.subscribers"
require "kaizala.webhooks"

local kaizala = {}

--- Chooses a connector; no request yet.
---@param name? string of a configured connector; else the run's (`-C`, or the job's), else the only
--- one that is configured
---@return kaizala.Client client raises an err of kind `config` when there is no such connector, or
--- several and none was named, or it is of another provider
function kaizala.connect(name)
  if name ~= nil and type(name) ~= "string" then
    local hint = name == kaizala and ": call it with a point, kaizala.connect()" or ""
    check.misuse(("connect: name must be a string, got %s%s"):format(type(name), hint))
  end
  local connector, err = token.connector(name, "kaizala")
  if not connector then error(err, 0) end
  return client.new(connector)
end

return kaizala
