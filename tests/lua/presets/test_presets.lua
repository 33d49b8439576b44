-- Every preset: where its facts come from, keys that connectors have, and variables only where they cannot
-- lead a secret to another host.
local lu = require "luaunit"
local json = require "jeton.json"
local presets = require "presets.show"
local yaml = require "jeton.yaml"

local KEYS = [[
provider issuer token_url authorize_url device_url revoke_url refresh_url token_hosts grant client_id
client_secret client_auth key key_id algorithm certificate tls client_assertion assertion subject_token
subject_token_type actor_token actor_token_type refresh_token scope scope_separator audience resource pkce
redirect_uri params authorize_params refresh_params headers body reply early default_lifetime
refresh_lifetime login_lifetime dead_errors endpoint allow_hosts authorization header ca_file timeout
retries rate_limit
]]
local NESTED = {
  reply = "access_token token_type refresh_token expires_in expires_at refresh_expires_in scope endpoint ok"
    .. " error error_description unit",
  assertion = "issuer subject audience lifetime backdate scope_claim claims",
  client_assertion = "audience",
}

local function set(words)
  local found = {}
  for word in words:gmatch "%S+" do found[word] = true end
  return found
end

local names = {}
for file in assert(io.popen 'ls "$JETON_SOURCE/scripts/presets/services"'):lines() do
  names[#names + 1] = assert(file:match "^([a-z0-9-]+)%.yaml$", file)
end

local function each(check)
  for _, name in ipairs(names) do check(name, assert(yaml.decode((require("presets.services." .. name))))) end
end

-- Calls fn with every text below value, and with the key that it stands under at the top.
local function texts(value, fn, top)
  if type(value) == "string" then return fn(value, top) end
  if type(value) ~= "table" then return end
  for key, inner in pairs(value) do texts(inner, fn, top or key) end
end

local TestPresets = {}

--- Their keys are read, and their requests tried, by tests/unit/config/test_hooks.c.
function TestPresets.test_senders()
  local count = 0
  for file in assert(io.popen 'ls "$JETON_SOURCE/scripts/presets/senders"'):lines() do
    local name = assert(file:match "^([a-z0-9-]+)%.yaml$", file)
    local preset = assert(yaml.decode((require("presets.senders." .. name))))
    lu.assertTrue(#preset.about.title > 0 and #preset.about.sources > 0, name)
    for _, source in ipairs(preset.about.sources) do
      lu.assertStrMatches(source.url, "https://%S+", nil, nil, name)
      lu.assertStrMatches(source.seen, "20%d%d%-%d%d%-%d%d", nil, nil, name)
    end
    for key in pairs(preset) do lu.assertTrue(set "about vars needs webhook"[key], name .. ": " .. key) end
    local says = preset.webhook.sender_retries ~= nil -- or that nobody says it
    for _, line in ipairs(preset.about.unsure) do says = says or line:find "sent again" ~= nil end
    lu.assertTrue(says, name)
    count = count + 1
  end
  lu.assertTrue(count >= 36)
end

-- Without these what is sent again would be refused, or handled twice, and files not be had or uploaded.
function TestPresets.test_what_no_other_test_would_miss()
  for where, expected in pairs {
    ["senders.discord webhook.verify.time.window"] = "15m",
    ["senders.sendgrid webhook.verify.time.window"] = "24h",
    ["senders.zoom webhook.verify.time.window"] = "2h",
    ["senders.square webhook.sender_retries"] = "3d",
    ["services.box connector.allow_hosts.1"] = "upload.box.com",
    ["services.box-ccg connector.allow_hosts.1"] = "upload.box.com",
    ["services.box-jwt connector.allow_hosts.1"] = "upload.box.com",
    ["services.box-jwt connector.assertion.backdate"] = "5s",
    ["services.github-app connector.allow_hosts.1"] = "uploads.github.com",
    ["services.github-user connector.allow_hosts.1"] = "uploads.github.com",
    ["services.slack connector.allow_hosts.1"] = "files.slack.com",
    ["services.slack-user connector.allow_hosts.1"] = "files.slack.com",
    ["services.zoho vars.region.values.8"] = "uk",
  } do
    local name, path = where:match "^(%S+) (%S+)$"
    local value = assert(yaml.decode((require("presets." .. name))))
    for key in path:gmatch "[^.]+" do value = (value or {})[tonumber(key) or key] end
    lu.assertEquals(value, expected, where)
  end
end

function TestPresets.test_about()
  lu.assertTrue(#names >= 30)
  each(function(name, preset)
    local about = preset.about
    lu.assertTrue(type(about.title) == "string" and #about.title > 0, name)
    lu.assertTrue(#about.sources + #about.unsure > 0, name)
    for _, source in ipairs(about.sources) do
      lu.assertTrue(#source.what > 0, name)
      lu.assertStrMatches(source.url, "https://%S+", nil, nil, name)
      lu.assertStrMatches(source.seen, "20%d%d%-%d%d%-%d%d", nil, nil, name)
    end
    for key in pairs(preset) do lu.assertTrue(set "about vars needs connector"[key], name .. ": " .. key) end
  end)
end

function TestPresets.test_keys()
  local keys = set(KEYS)
  each(function(name, preset)
    for key, value in pairs(preset.connector) do
      lu.assertTrue(keys[key], name .. ": " .. key)
      for inner in pairs(NESTED[key] and value or {}) do
        lu.assertTrue(set(NESTED[key])[inner], name .. ": " .. key .. "." .. inner)
      end
    end
    lu.assertEquals(preset.connector.provider, "oauth2", name)
    for _, key in ipairs { "client_id", "client_secret", "refresh_token", "key", "subject_token" } do
      lu.assertNil(preset.connector[key], name)
    end
  end)
end

-- Keys that a connector has, and the preset itself does not say.
function TestPresets.test_needs()
  local keys, free = set(KEYS), set "params authorize_params refresh_params headers"
  each(function(name, preset)
    for _, path in ipairs(preset.needs or {}) do
      local top, inner = path:match "^([a-z_]+)%.?([a-z_]*)$"
      lu.assertTrue(keys[top], name .. ": " .. path)
      lu.assertTrue(inner == "" or free[top] or set(NESTED[top] or "")[inner] or false, name .. ": " .. path)
      local said = preset.connector[top]
      if inner ~= "" and said then said = said[inner] end
      lu.assertNil(said, name .. ": " .. path)
    end
    lu.assertTrue(preset.needs == nil or #preset.needs > 0, name)
  end)
end

-- A whole host, its labels, or a segment of a path; a variable that may be any host is only a whole one.
function TestPresets.test_variables()
  each(function(name, preset)
    local used = {}
    texts(preset.connector, function(text, top)
      for before, variable, after in text:gmatch "()%{([a-z_]+)%}()" do
        local token = variable == "token" and (top == "authorization" or top == "header")
        local scope = variable == "scope" and top == "authorize_params" and text == "{scope}"
        if not (token or scope) then
          local where = name .. ": " .. text
          local var = preset.vars[variable]
          lu.assertNotNil(var, where)
          local host_start = text:match "^https://()" or 1
          local host_end = text:find("[/?]", host_start) or #text + 1
          lu.assertTrue(host_start > 1 or set "allow_hosts token_hosts assertion"[top], where)
          lu.assertStrMatches(text:sub(before - 1, before - 1), "[/.]?", nil, nil, where)
          lu.assertStrMatches(text:sub(after, after), "[/.?]?", nil, nil, where)
          if var.host then lu.assertTrue(before == host_start and after == host_end, where) end
          if var.segment then lu.assertTrue(before > host_end, where) end
          used[variable] = true
        end
      end
      lu.assertNil(text:find("*", 1, true), name .. ": a wildcard: " .. text)
    end)
    for variable, var in pairs(preset.vars) do
      lu.assertTrue(used[variable], name .. ": " .. variable)
      local kinds = 0
      for _, kind in ipairs { "values", "pattern", "host", "segment" } do
        kinds = kinds + (var[kind] and 1 or 0)
      end
      lu.assertEquals(kinds, 1, name .. ": " .. variable)
      lu.assertTrue(#var.about > 0, name)
      local allowed = var.values or type(var.pattern) == "table" and var.pattern or { var.pattern }
      for _, text in ipairs(allowed) do
        lu.assertStrMatches(text, "[a-z0-9*.-]+", nil, nil, name)
      end
    end
  end)
end

function TestPresets.test_shown()
  local function show(name, as_json)
    return presets.show(json.encode {
      names = json.array { "slack", "xero", "zoho" }, senders = json.array { "kaizala", "xero" }, name = name,
      json = as_json,
    })
  end
  lu.assertEquals(show(json.null, false),
    "kaizala  sender   Kaizala\nslack    service  Slack, as an app's bot\n" ..
    "xero     service  Xero\nxero     sender   Xero\nzoho     service  Zoho, by region\n")
  lu.assertEquals(show("zoho", false), require "presets.services.zoho")
  lu.assertEquals(show("kaizala", false), require "presets.senders.kaizala")
  lu.assertEquals(show("xero", false),
    require "presets.services.xero" .. "---\n" .. require "presets.senders.xero")
  local one = json.decode(show("zoho", true))
  lu.assertEquals(one.vars.region.values[1], "com")
  lu.assertEquals(one.connector.token_url, "https://accounts.zoho.{region}/oauth/v2/token")
  lu.assertNil(one.sender)
  lu.assertEquals(json.decode(show("kaizala", true)).webhook.verify.kind, "token")
  local both = json.decode(show("xero", true))
  local sender = both.sender
  lu.assertEquals({ both.kind, sender.kind, sender.webhook.verify.kind }, { "service", "sender", "hmac" })
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances { { "TestPresets", TestPresets } } == 0
