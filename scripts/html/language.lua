--- English and French: choosing one, texts by key, dates and numbers.
--- Texts are a table: key → { en = "…", fr = "…" }. `{name}` is a placeholder; a text that depends on
--- `{count}` is a pair: singular, plural.
local language = {}

language.NAMES = { en = "English", fr = "Français" }
language.ORDER = { "en", "fr" }
language.COOKIE = "jeton_language" -- of portal and history: who chose once has chosen for both
language.COOKIE_S = 365 * 86400

local DEFAULT = "en"
local MONTHS = {
  en = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December" },
  fr = { "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
    "novembre", "décembre" },
}
local NO_BREAK_SPACE = "\u{a0}"

--- French has a space before some punctuation; lines must not break there.
---@param code "en"|"fr"
---@param text string
---@return string
function language.typography(code, text)
  if code ~= "fr" then
    return text
  end
  return (text:gsub(" ([:;!?»])", NO_BREAK_SPACE .. "%1"):gsub("« ", "«" .. NO_BREAK_SPACE))
end

local function is_plural(code, count)
  return code == "fr" and count >= 2 or code ~= "fr" and count ~= 1
end

local function text_of(strings, code, key, values)
  local entry = strings[key] or error("no text has the key " .. tostring(key))
  local text = entry[code]
  if type(text) == "table" then
    text = text[is_plural(code, values.count) and 2 or 1]
  end
  return language.typography(code, text)
end

-- Replaces the placeholders; keeps elements as they are.
local function fill(text, values, show)
  local out, is_text, at = {}, true, 1
  for before, name, after in text:gmatch "()%{([%l_]+)%}()" do
    local value = values[name]
    if value == nil then
      error("no value for {" .. name .. "} in: " .. text)
    end
    out[#out + 1] = text:sub(at, before - 1)
    is_text = is_text and type(value) ~= "table"
    out[#out + 1] = math.type(value) == "integer" and show(value) or value
    at = after
  end
  out[#out + 1] = text:sub(at)
  return is_text and table.concat(out) or out
end

--- 12345 → "12,345", in French "12 345".
---@param code "en"|"fr"
---@param value integer
---@return string
function language.number(code, value)
  local text = tostring(value):reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^(%-?),", "%1")
  return (text:gsub(",", code == "fr" and NO_BREAK_SPACE or ","))
end

--- `t "connectors.title"`; `t("reach.groups", { count = 3 })`. If a value is an element of a page (or a
--- list), the result is a list to put into a page, else a string.
---@param strings table<string, table> the texts
---@param code "en"|"fr"
---@return fun(key: string, values: table|nil): any
function language.translator(strings, code)
  return function(key, values)
    return fill(text_of(strings, code, key, values or {}), values or {}, function(number)
      return language.number(code, number)
    end)
  end
end

--- In the time zone of this machine: "24 November 2026, 10:33"; in French "24 novembre 2026 à 10:33".
---@param code "en"|"fr"
---@param epoch_s integer
---@return string
function language.date_time(code, epoch_s)
  local at = os.date("*t", epoch_s)
  local day = code == "fr" and at.day == 1 and "1er" or tostring(at.day)
  return ("%s %s %d%s%02d:%02d"):format(day, MONTHS[code][at.month], at.year, code == "fr" and " à " or ", ",
    at.hour, at.min)
end

---@param code "en"|"fr"
---@param epoch_s integer
---@return string "24 November 2026"
function language.date(code, epoch_s)
  local at = os.date("*t", epoch_s)
  local day = code == "fr" and at.day == 1 and "1er" or tostring(at.day)
  return ("%s %s %d"):format(day, MONTHS[code][at.month], at.year)
end

--- "10:33:05", or with another day than that of `now`: "24 November 2026, 10:33:05".
---@param code "en"|"fr"
---@param epoch_s integer
---@param now integer
---@return string
function language.moment(code, epoch_s, now)
  if os.date("%F", epoch_s) == os.date("%F", now) then
    return os.date("%T", epoch_s) --[[@as string]]
  end
  return language.date_time(code, epoch_s) .. os.date(":%S", epoch_s)
end

--- The language that the browser prefers: the supported one with the highest q, the first of equals.
---@param accept string|nil Accept-Language
---@return "en"|"fr"
function language.from_header(accept)
  local best, best_q
  for range in (accept or ""):sub(1, 1000):gmatch "[^,]+" do
    local code = (range:match "^%s*(%a+)" or ""):lower()
    local q = tonumber(range:match ";%s*q=([%d.]+)" or "1") or 0
    if language.NAMES[code] and q > 0 and (not best_q or q > best_q) then
      best, best_q = code, q
    end
  end
  return best or DEFAULT
end

--- The language of who runs a program.
---@return "en"|"fr"
function language.from_environment()
  for _, name in ipairs { "LC_ALL", "LC_MESSAGES", "LANG" } do
    local locale = os.getenv(name) or ""
    if locale ~= "" then
      local code = locale:match "^%a+"
      return language.NAMES[code] and code or DEFAULT
    end
  end
  return DEFAULT
end

return language
