--- Bots: make, list, change, delete, act as one, add to a group.
local json = require "jeton.json"
local access = require "sandbox.rules.access"
local assumptions = require "sandbox.base.assumptions"
local bots = require "sandbox.data.bots"
local demo = require "sandbox.seed.demo"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"
local shapes = require "sandbox.http.shapes"
local token_service = require "sandbox.rules.token_service"
local users = require "sandbox.data.users"

local DONE = { result = "true" }

-- The bot, if the caller made it or holds a tenant-level token.
local function need_bot(call, id)
  local bot = bots.by_id(call.db, id)
  local caller = call.caller
  if not bot or bot.tenant_id:lower() ~= caller.user.tenant_id:lower() then
    refusal.not_found "there is no bot with this id"
  end
  ---@cast bot sandbox.bot
  if not access.is_tenant_level(caller) and bot.creator_id:lower() ~= caller.user.id:lower() then
    refusal.forbidden "only the creator of the bot or a tenant-level token may do this"
  end
  return bot
end

-- Checks that the caller may act as the bot: a group token must not give access to other groups.
local function need_own_bot(call, id)
  local bot, caller = need_bot(call, id), call.caller
  if caller.kind == "group" and bots.is_elsewhere(call.db, bot.id, caller.group) then
    refusal.forbidden "this token reaches its own group only, and the bot is in another"
  end
  return bot
end

local function create(call)
  local fields = call.body
  local picture = pictures.read(call, "profilePic", fields.profilePic) --[[@as string]]
  return { botUserId = bots.create(call.db, call.caller.user, fields.name, picture, call.now) }
end

local function list(call)
  local caller, out = call.caller, {}
  local creator = not access.is_tenant_level(caller) and caller.user.id or nil
  for i, bot in ipairs(bots.list(call.db, caller.user.tenant_id, creator)) do
    out[i] = {
      botUserId = bot.id,
      name = bot.name,
      profilePic = pictures.show(call, bot.picture),
      tenantId = bot.tenant_id,
      creatorId = bot.creator_id,
      creator = bot.creator_phone or "",
      creatorName = bot.creator_name or "",
      creatorProfilePic = pictures.show(call, bot.creator_picture or ""),
      status = assumptions.bot_status,
    }
  end
  return { bots = json.array(out) }
end

local function update(call)
  local bot = need_own_bot(call, call.params.bot)
  users.update(call.db, bot.id, {
    name = call.body.name, picture = pictures.read(call, "profilePic", call.body.profilePic),
  })
  return DONE
end

local function delete(call)
  bots.delete(call.db, need_own_bot(call, call.params.bot).id)
  return DONE
end

local function access_token(call)
  local bot = need_own_bot(call, call.params.bot)
  return token_service.of_bot(call.world, call.now, call.caller.connector, bot)
end

local function add_to_group(call)
  local bot = need_bot(call, call.body.botUserId)
  groups.add_member(call.db, call.group, bot.id, assumptions.bot_role)
  return DONE
end

local GIVEN = { { "bots.create", bot = "botUserId" } }

---@type sandbox.operation[]
return {
  {
    name = "bots.create",
    summary = "Creates a bot: a user that a program can act as.",
    method = "POST",
    path = "/bot",
    permission = "bot.write",
    body = {
      { "name", kind = "string", required = true, not_empty = true, max = limits.name_characters },
      { "profilePic", kind = "string", max = limits.picture_bytes, default = "" },
    },
    reply = { { "botUserId", kind = "id" } },
    example = { body = { name = "Reporter", profilePic = "iVBORw0KGgo=" } },
    run = create,
  },
  {
    name = "bots.list",
    summary = "Lists the bots that the caller created; with a tenant-level token all of the tenant.",
    method = "GET",
    path = "/bot",
    permission = "bot.read",
    reply = {
      { "bots", kind = "list", of = {
        { "botUserId", kind = "id" },
        { "name", kind = "string" },
        { "profilePic", kind = "string" },
        { "tenantId", kind = "id" },
        { "creatorId", kind = "id" },
        { "creator", kind = "string" },
        { "creatorName", kind = "string" },
        { "creatorProfilePic", kind = "string" },
        { "status", kind = "string" },
      } },
    },
    example = { given = { { "bots.create" } } },
    run = list,
  },
  {
    name = "bots.update",
    summary = "Changes a bot's name or picture. Allowed for its creator and tenant-level tokens, also below.",
    method = "PUT",
    path = "/bot/{bot}",
    permission = "bot.update",
    body = {
      { "name", kind = "string", not_empty = true, max = limits.name_characters },
      { "profilePic", kind = "string", max = limits.picture_bytes },
    },
    reply = shapes.DONE,
    example = { given = GIVEN, params = { bot = "{bot}" }, body = { name = "Reporter 2" } },
    run = update,
  },
  {
    name = "bots.delete",
    summary = "Deletes a bot. Its tokens become invalid at once; its messages stay.",
    method = "DELETE",
    path = "/bot/{bot}",
    permission = "bot.remove",
    reply = shapes.DONE,
    example = { given = GIVEN, params = { bot = "{bot}" } },
    run = delete,
  },
  {
    name = "bots.access_token",
    summary = "Returns an access token of the bot, with the bot's own rights.",
    method = "GET",
    path = "/bot/accessToken/{bot}",
    permission = "bot.read",
    reply = {
      { "accessToken", kind = "string" },
      { "accessTokenExpiry", kind = "integer" },
      { "scope", kind = "string" },
    },
    example = { given = GIVEN, params = { bot = "{bot}" } },
    run = access_token,
  },
  {
    name = "bots.add_to_group",
    summary = "Makes a bot a member of a group.",
    method = "POST",
    path = "/groups/{group}/bot",
    permission = "bot.write",
    who = "admin",
    body = { { "botUserId", kind = "id", required = true } },
    reply = shapes.DONE,
    example = { given = GIVEN, params = { group = demo.names.sales }, body = { botUserId = "{bot}" } },
    run = add_to_group,
  },
}
