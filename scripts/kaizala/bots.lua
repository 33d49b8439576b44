--- Bots: users that a program creates and acts as.
local check = require "kaizala.check"
local group = require "kaizala.group"
local iterator = require "kaizala.iterator"
local names = require "kaizala.names"
local token = require "jeton.token"

---@class kaizala.Client
local Client = require "kaizala.client".Client
---@class kaizala.Group
local Group = group.Group

---@class kaizala.Bot
---@field id string
---@field name? string
---@field profile_pic? string
---@field tenant_id? string
---@field creator? string phone number of the creator
---@field creator_id? string
---@field creator_name? string
---@field creator_profile_pic? string
---@field status? string
---@field raw? table the decoded reply that the fields come from
local Bot = {}
Bot.__index = Bot
Bot.__name = "kaizala.Bot"

---@class kaizala.BotToken
---@field access_token string for calls as the bot
---@field expires_at integer epoch seconds
---@field scopes string[]
---@field raw table

-- The client of each bot, kept apart from the fields, which are the service's.
local clients = setmetatable({}, { __mode = "k" })

local function new(client, id)
  local bot = setmetatable({ id = id }, Bot)
  clients[bot] = client
  return bot
end

local function from_raw(client, raw, request)
  check.reply(raw, "bots[]", "object", request)
  local bot = new(client, check.reply(raw.botUserId, "botUserId", "string", request))
  local id = bot.id
  names.convert(raw, nil, bot, Bot)
  bot.id, bot.bot_user_id = id, nil
  return bot
end

--- Makes a bot object without a request; a wrong id is reported by the first call.
---@param id string
---@return kaizala.Bot bot
function Client:bot(id)
  check.method(self, Client, "kz:bot(id)")
  check.id(id, "bot: id")
  return new(self, id)
end

--- Lists the bots that the caller created; with a tenant admin's token all of the tenant (*waits*, when the
--- first is taken).
---@return kaizala.Iterator<kaizala.Bot> bots gives `kaizala.Bot`; raises an err
function Client:bots()
  check.method(self, Client, "kz:bots()")
  return iterator.new(function()
    local reply = self:request { path = "/bot" }
    local list = {}
    for i, raw in ipairs(check.reply(reply.bots, "bots", "list", "GET /bot")) do
      list[i] = from_raw(self, raw, "GET /bot")
    end
    return list
  end)
end

---@class kaizala.BotOptions
---@field name? string
---@field profile_pic? string base64

local function picture(text, what)
  check.optional(text, "string", what)
  if not text:find "^[%w+/\r\n]*=*%s*$" then
    check.fail("invalid", what .. " must be a picture in base64, as crypto.base64 writes it")
  end
  return text
end

local bot_options = { { "name", check.name, "name" }, { "profile_pic", picture, "profilePic" } }

--- Creates a bot (*waits*).
---@param options kaizala.BotOptions name is required
---@return kaizala.Bot bot with `id`, and the given fields; raises an err
function Client:create_bot(options)
  check.method(self, Client, "kz:create_bot({…})")
  local _, body = check.needed(options, "create_bot", bot_options)
  check.name(body.name, "create_bot: name")
  local reply, dry_run = self:request { method = "POST", path = "/bot", json = body }
  local bot = new(self, dry_run and "dry-run"
    or check.reply(reply.botUserId, "botUserId", "string", "POST /bot"))
  bot.name, bot.profile_pic, bot.raw = body.name, body.profilePic, reply
  return bot
end

local function path(self, prefix)
  return prefix .. check.id(self.id, "the bot's id")
end

local function change(self, method, body)
  local target = path(self, "/bot/")
  local reply, dry_run = clients[self]:request { method = method, path = target, json = body }
  return dry_run or check.done(reply, method .. " " .. target)
end

--- Changes the bot's name or picture (*waits*).
---@param options kaizala.BotOptions absent fields stay as they are
---@return boolean true; raises an err
function Bot:update(options)
  check.method(self, Bot, "bot:update({…})")
  local _, body = check.needed(options, "update", bot_options)
  return change(self, "PUT", body)
end

--- Deletes the bot; its tokens become invalid (*waits*).
---@return boolean true; raises an err
function Bot:delete()
  check.method(self, Bot, "bot:delete()")
  return change(self, "DELETE")
end

--- Gets an access token of the bot (*waits*). It is not cached: ask again when it has expired. It is a
--- secret: masked in what jeton writes, and sent only to the connector's hosts.
---@return kaizala.BotToken token raises an err
function Bot:token()
  check.method(self, Bot, "bot:token()")
  local target = path(self, "/bot/accessToken/")
  local request = "GET " .. target
  local reply = clients[self]:request { path = target }
  local expiry = math.tointeger(reply.accessTokenExpiry)
  if not expiry then
    check.fail("invalid", "the reply's field 'accessTokenExpiry' should be an integer", request)
  end
  ---@cast expiry integer
  local scopes = {}
  for scope in (type(reply.scope) == "string" and reply.scope or ""):gmatch "[^,%s]+" do
    scopes[#scopes + 1] = scope
  end
  local access_token = check.reply(reply.accessToken, "accessToken", "string", request)
  local hidden, why = token.hide(access_token, clients[self].connector)
  if not hidden then check.fail("invalid", "the reply's field 'accessToken': " .. why.message, request) end
  return {
    access_token = access_token,
    expires_at = expiry // 1000,
    scopes = scopes,
    raw = reply,
  }
end

--- Makes a bot a member of the group (*waits*).
---@param bot kaizala.Bot|string the bot, or its id
---@return boolean true; raises an err
function Group:add_bot(bot)
  check.method(self, Group, "group:add_bot(bot)")
  local id = getmetatable(bot) == Bot and bot.id or bot
  check.id(id, "add_bot: bot")
  return group.change(self, "POST", group.path(self, "/bot"), { botUserId = id })
end

return { Bot = Bot }
