--- The audience of a message or an action, and whom it was not sent to.
local check = require "kaizala.check"
local chunks = require "kaizala.chunks"
local names = require "kaizala.names"

local audience = {}

--- Most numbers in a request that cannot be split.
audience.WHOLE_MAX = 1000

---@class kaizala.AudienceOptions
---@field subscribers? string[] phone numbers, in a public group; empty: nobody
---@field all_subscribers? boolean all of a public group

---@class kaizala.Failed
---@field subscriber string phone number
---@field subscriber_id? string
---@field error_code string the service's, or the kind of the err that stopped a long list
---@field error_reason string
---@field raw? table the service's entry

--- Raises `invalid` for a group that is known not to be public.
---@param group kaizala.Group
---@param what string the function, for messages
function audience.check_public(group, what)
  if group.type == "Group" then
    check.fail("invalid", ("%s: '%s' is of type Group; only a public group (ConnectGroup) has subscribers")
      :format(what, group.name or group.id))
  end
end

--- Writes the audience into a body.
---@param group kaizala.Group raises `invalid` if it is known to have no subscribers
---@param options kaizala.AudienceOptions
---@param what string the function, for messages
---@param body table receives `subscribers` and `sendToAllSubscribers`
---@return table body
function audience.write(group, options, what, body)
  check.optional(options.all_subscribers, "boolean", what .. ": all_subscribers")
  if options.subscribers ~= nil or options.all_subscribers then audience.check_public(group, what) end
  body.sendToAllSubscribers = options.all_subscribers
  if options.subscribers ~= nil then
    body.subscribers = check.phones(options.subscribers, what .. ": subscribers")
  end
  return body
end

--- Reads whom it was not sent to.
---@param reply table decoded
---@param request string "POST /groups/…", for the error
---@return kaizala.Failed[]? failed nil: it was sent to everybody
function audience.failed(reply, request)
  local result = check.given(reply.failedResult)
  if result == nil then return nil end
  local failed = {}
  for i, raw in ipairs(check.reply(result, "failedResult", "list", request)) do
    check.reply(raw, "failedResult[]", "object", request)
    failed[i] = names.convert(raw)
  end
  return failed
end

--- Posts a body with its whole audience in one request (*waits*), so that all answers belong to one action.
--- Raises `invalid` for more than `WHOLE_MAX` numbers.
---@param client kaizala.Client
---@param request kaizala.RequestOptions path, repeatable, and the body as `json`
---@param what string the function, for messages
---@param read fun(reply: table, request: string) checks the reply; may raise
---@return table reply
---@return kaizala.Failed[]? failed nil: it was sent to everybody
---@return boolean dry_run true if it was printed, not sent
function audience.post_whole(client, request, what, read)
  local count, where = #(request.json.subscribers or {}), "POST " .. request.path
  if count > audience.WHOLE_MAX then
    check.fail("invalid", ("%s: %d subscribers, of at most %d: an action goes out in one request, so that "
      .. "its answers stay together; send one to each part of the list, or one to all_subscribers")
      :format(what, count, audience.WHOLE_MAX))
  end
  local reply, dry_run = client:request {
    method = "POST", path = request.path, json = request.json, repeatable = request.repeatable,
  }
  if dry_run then return reply, nil, true end
  read(reply, where)
  return reply, audience.failed(reply, where), false
end

--- Posts a body with an audience; more than 30 subscribers take several requests (*waits*). Raises an
--- err if the first one fails.
---@param client kaizala.Client
---@param request kaizala.RequestOptions path, repeatable, and the body as `json`
---@param read fun(reply: table, request: string) checks a reply; may raise
---@return table[] replies one for each successful request
---@return kaizala.Failed[]? failed nil: it was sent to everybody
---@return jeton.Err? err why not all requests were made
---@return boolean dry_run true if they were printed, not sent
function audience.post(client, request, read)
  local body, where = request.json, "POST " .. request.path
  local all = body.subscribers
  local parts = all and #all > 0 and chunks.split(all) or { all or {} }
  local replies, failed, was_dry = {}, {}, false
  local rest, err = chunks.each(parts, function(part, i)
    local part_body = {}
    for key, value in pairs(body) do part_body[key] = value end
    part_body.subscribers = all and part
    -- sendToAllSubscribers goes only with the first request.
    if i > 1 then part_body.sendToAllSubscribers = nil end
    local reply, dry_run = client:request {
      method = "POST", path = request.path, json = part_body, repeatable = request.repeatable,
    }
    was_dry = dry_run
    if not dry_run then
      read(reply, where)
      local unreached = audience.failed(reply, where) or {}
      table.move(unreached, 1, #unreached, #failed + 1, failed)
    end
    replies[#replies + 1] = reply
  end)
  table.move(rest, 1, #rest, #failed + 1, failed)
  return replies, #failed > 0 and failed or nil, err, was_dry
end

--- Checks the reply to a message or an action, for `post` and `post_whole`. Raises `invalid`.
---@param reply table
---@param request string
function audience.check_sent(reply, request)
  check.reply(reply.referenceId, "referenceId", "string", request)
end

--- Makes the result for scripts from what `post` returned.
---@param replies table[]
---@param failed? kaizala.Failed[]
---@param err? jeton.Err
---@param dry_run boolean
---@return kaizala.Sent sent
function audience.sent(replies, failed, err, dry_run)
  if dry_run then
    return { reference_id = "dry-run", reference_ids = { "dry-run" }, dry_run = true, raw = replies[1] }
  end
  local sent = names.convert(replies[1])
  sent.reference_ids = {}
  for i, reply in ipairs(replies) do sent.reference_ids[i] = reply.referenceId end
  sent.failed_result, sent.err = failed, err
  return sent
end

return audience
