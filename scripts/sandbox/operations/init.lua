--- The table of all operations: the only description of the API. Routing, authorisation, validation with its
--- messages, /_sandbox/openapi.json, docs/api-reference.md and the contract test are made from it. To add an
--- operation, add a row to one of these files, then write the reference:
--- `jeton run scripts/tools/api-reference.lua docs/api-reference.md`.

---@class sandbox.operation
---@field name string "members.add"
---@field summary string one sentence, for the reference
---@field method string
---@field path string "/groups/{group}/members": a part in braces matches any one segment
---@field public boolean|nil no access token needed
---@field permission string|nil of the connector: "groupmember.write"
---@field who "reach"|"audience"|"admin"|"tenant"|nil the caller must have access to {group}, also as a
---subscriber, be an admin of it, or have a tenant-level token
---@field headers sandbox.field[]|nil for the reference only
---@field query sandbox.field[]|nil
---@field body sandbox.field[]|nil
---@field form boolean|nil the body may be an HTML form
---@field wait fun(call: sandbox.call)|nil runs before `run`, outside of its transaction: it may wait. Its
---result is closed after `run`, or if `run` is not reached
---@field reply sandbox.reply_field[] all fields that a success can have
---@field example sandbox.example a call that succeeds on the demo tenant
---@field more sandbox.example[]|nil further ones, one for each variant of its body or reply; absent
---fields are as in the first
---@field run fun(call: sandbox.call): table a reply, or a failure that keeps what was written
---@field event (fun(call: sandbox.call, reply: table): sandbox.event[])|nil what webhooks are told of it, in
---the same transaction
---@field upload boolean|nil the body is multipart/form-data: call.parts

---@class sandbox.reply_field
---@field [1] string name
---@field kind sandbox.field_kind a map is an object whose keys are data: each value is as in `of`
---@field optional boolean|nil may be absent
---@field of sandbox.reply_field[]|nil fields of each object of a list or map
---@field fields sandbox.reply_field[]|nil fields of an object
---@field item sandbox.field|nil of each entry of a list that is no object
---@field any_of sandbox.field[]|nil of a union
---@field variants sandbox.variant[]|nil of a variant
---@field schema string|nil
---@field choices string[]|nil

---@class sandbox.example
---@field name string|nil if there are several: "Job"
---@field given {[1]: string, [2]: string|nil, [string]: string}[]|nil operations that run first, by name,
---each with its own example, or the one of this name, and the fields to keep of their replies:
---{"groups.create", group = "groupId"}. Then "{group}" in params, query and body is replaced
---@field sms string|nil "{pin}" is the PIN of the newest SMS to this number
---@field sign_in string|nil "{code}" is the OAuth code for this number
---@field token "tenant"|"user"|"group"|nil of the demo tenant; the tenant-level one by default
---@field params table<string, string>|nil
---@field headers table<string, string>|nil
---@field query table<string, string>|nil
---@field body table|nil
---@field parts table[]|nil of an upload, as jeton.http takes them

local operations = {}

local FILES = {
  "token_exchange", "login", "users", "tenant", "groups", "subgroups", "members", "subscribers", "messages",
  "actions", "reactions", "media", "bots", "webhooks",
}
for _, name in ipairs(FILES) do
  for _, operation in ipairs(require("sandbox.operations." .. name)) do
    operations[#operations + 1] = operation
  end
end

return operations
