-- Posts the new items of a feed to a group, each as a card with its picture.
--
-- Run:   jeton run --sandbox rss.lua [FEED [GROUP]]       (FEED: data/feed.xml beside this script)
--        jeton -c rss.yaml run rss.lua FEED [GROUP]
--        FEED is a file or a URL, RSS 2.0 or Atom; GROUP an ID (default: the connector's first group).
--        As a job it takes `args: { feed: URL, group: ID, limit: 5 }`; see rss.yaml.
--
-- Out:   a line for each posted item. A run posts at most 5, the oldest first; the next run posts the others.
--        `jeton.state` keeps what was posted, so that nothing is posted twice. If a picture is missing, the
--        item is posted without it, with a warning on standard error.
local feed = require "lib.feed"
local http = require "jeton.http"
local jeton = require "jeton"
local kaizala = require "kaizala"
local log = require "jeton.log"
local state = require "jeton.state"
local xml = require "lib.xml"

local LIMIT, TITLE_MAX, TEXT_MAX = 5, 200, 1000 -- items a run; characters

-- Tags that do not separate words.
local INLINE = { a = true, b = true, em = true, i = true, span = true, strong = true, u = true }

local function is_url(text)
  return text:find "^https?://" ~= nil
end

local function read(source)
  if not is_url(source) then
    local file <close> = assert(io.open(source, "rb"))
    return file:read "a"
  end
  local response, err = http.get(source)
  if not response then error(err, 0) end
  if response.status ~= 200 then
    local moved = response.headers.location or ""
    error(("%s: answered with status %d %s"):format(source, response.status, moved), 0)
  end
  return response.body
end

-- The text of HTML, cut to a number of characters.
local function plain(html, max)
  local text = (html or ""):gsub("<([^<>]*)>", function(tag)
    return INLINE[tag:match "^%A*(%a*)":lower()] and "" or " "
  end)
  text = text:gsub("&(#?%w+);", function(name)
    return name == "nbsp" and " " or xml.entity(name)
  end)
  text = xml.trim((text:gsub("%s+", " ")))
  if utf8.len(text) <= max then return text end
  return text:sub(1, utf8.offset(text, max) - 1) .. "…"
end

-- The location of a picture: a URL, or, if the feed is a file, a file in its folder and nowhere else.
local function locate(picture, source)
  if is_url(picture) then return picture end
  if is_url(source) then
    local base = picture:find "^/" and source:match "^%a+://[^/?#]+" or source:match "^[^?#]*/"
    return base .. picture
  end
  if picture:find "^/" or picture:find("..", 1, true) then
    error(http.error { kind = "invalid", message = picture .. " is not in the feed's folder" }, 0)
  end
  return (source:match "^.*/" or "") .. picture
end

-- A list with the uploaded picture; empty if it is missing or the service refuses it.
local function upload(kz, item, source)
  if not item.picture then return nil end
  local ok, result = pcall(function() return kz:upload(locate(item.picture, source)) end)
  if ok then return { result } end
  if result.kind ~= "invalid" and result.kind ~= "http" then error(result, 0) end
  log.warn("posted without its picture", { item = item.id, reason = result.message })
end

local function post(kz, group, item, source)
  local title, text = plain(item.title, TITLE_MAX), plain(item.text, TEXT_MAX)
  if text == "" then text = title end
  group:announce {
    title = title ~= "" and title or nil,
    message = xml.trim(text .. "\n" .. (item.link or "")),
    media = upload(kz, item, source),
  }
  print("posted " .. (title ~= "" and title or item.id))
end

local args = jeton.args
local source = args.feed or args[1] or jeton.folder .. "/data/feed.xml"
local id, limit = args.group or args[2], args.limit or LIMIT
local key = "posted:" .. source
local posted, known, new = state.get(key) or {}, {}, {}
for _, item in ipairs(feed.parse(read(source), source)) do
  if posted[item.id] then known[item.id] = true else table.insert(new, 1, item) end
end
if #new == 0 then return end

local kz = kaizala.connect()
local group = id and kz:group(id) or kz:groups():next()
if not group then error("the connector has access to no group", 0) end
for i = 1, math.min(#new, limit) do
  post(kz, group, new[i], source)
  -- Written now, so that this one is not posted again if the next one fails. Only items of the feed are kept.
  known[new[i].id] = true
  state.set(key, known)
  state.commit()
end
