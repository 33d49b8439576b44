-- What the tests of a group's conversation share: what is said there, and its pages.
local browser = require "browser"
local json = require "jeton.json"
local wire = require "wire"

local talking = {
  alice = "a1f0c3d2-4b5e-4a6f-8c7d-9e0b1a2c3d41",
  bruno = "b2e1d4c3-5c6f-4b70-9d8e-0f1c2b3d4e52",
  chitra = "c3d2e5b4-6d70-4c81-ae9f-102d3c4e5f63",
}

--- The token of Alice, an admin of the tenant.
function talking.token()
  return wire.access()
end

--- Posts an action; returns the reply.
function talking.act(kind, values, group, more)
  local body = { actionType = kind, actionBody = values }
  for name, value in pairs(more or {}) do body[name] = value end
  return wire.ok("POST", "/v1/groups/" .. (group or wire.sales) .. "/actions", {
    token = talking.token(), json = body,
  })
end

--- Posts a message; returns its reference.
function talking.say(text, group, more)
  local body = { message = text }
  for name, value in pairs(more or {}) do body[name] = value end
  return wire.ok("POST", "/v1/groups/" .. (group or wire.sales) .. "/messages", {
    token = talking.token(), json = body,
  }).referenceId
end

--- The details of an action, as the API gives them.
function talking.details(id, token, group)
  return wire.ok("GET", ("/v1/groups/%s/actions/%s?getDetails=true"):format(group or wire.sales, id),
    { token = token or talking.token() }).actionDetails
end

--- Path of the conversation, or of an item in it.
function talking.path(reference_id, group)
  return "/portal/groups/" .. (group or wire.sales) .. "/conversation"
    .. (reference_id and "/" .. reference_id or "")
end

--- The element of an item on a page.
function talking.item(body, reference_id)
  local from = body:find(('id="item-%s"'):format(reference_id), 1, true)
  return from and body:sub(from, (body:find("</article>", from, true)))
end

--- The text of a piece of a page, without markup.
function talking.text(piece)
  return (browser.text(piece:gsub("<[^>]*>", " ")):gsub("%s+", " "))
end

talking.poll = {
  question = "Tea?", choices = json.array { { title = "Green" }, { title = "Black" } },
}

return talking
