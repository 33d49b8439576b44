--- The pages of past runs, live, for a browser of this machine: `jeton history --serve`.
---
--- Who may look: the first browser that opens the address that was printed. Its token is exchanged for
--- a cookie, once, and stands in no later address. Pages of other sites can do nothing: Host and
--- Sec-Fetch-Site are checked, nothing may be framed or stored, and nothing here changes anything.
local crypto = require "jeton.crypto"
local elements = require "html.elements"
local json = require "jeton.json"
local server = require "jeton.server"
local calendar = require "history.calendar"
local jobs = require "history.jobs"
local page = require "history.page"
local parts = require "history.parts"
local run_page = require "history.run"
local source = require "history.source"
local tables = require "history.tables"
local timeline = require "history.timeline"

local serve = {}

local h = elements.h

local KEY_BYTES <const> = 32
local COOKIE <const> = "jeton_history_%d" -- by port, since browsers keep cookies by host
local PAGE_ROWS <const> = 15
local BARS_MAX <const> = 40 -- of the timeline, about
local RUN_ID <const> = "^%w+$"
local DATE <const> = "^%d%d%d%d%-%d%d%-%d%d$"
local HEADERS = {
  ["Cache-Control"] = "no-store", ["Referrer-Policy"] = "no-referrer", ["X-Content-Type-Options"] = "nosniff",
  ["X-Frame-Options"] = "DENY", ["Cross-Origin-Resource-Policy"] = "same-origin",
  ["Content-Type"] = "text/html; charset=utf-8",
}

local function respond(status, body, more)
  local headers = {}
  for name, value in pairs(HEADERS) do
    headers[name] = value
  end
  for name, value in pairs(more or {}) do
    headers[name] = value
  end
  return { status = status, body = body, headers = headers }
end

local function document(status, title, body)
  local text, policy = page.document(title, require "history.style", body)
  return respond(status, text, { ["Content-Security-Policy"] = policy .. "; frame-ancestors 'none'" })
end

local function refuse(status, message)
  return document(status, "jeton: history", { h.h1 { h.a { href = "/", "History" } }, h.p { message } })
end

local function escape(text)
  return (text:gsub("[^%w_.-]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

---@type history.links
local links = {
  run = function(id) return "/run/" .. id end,
  day = function(date) return "/?day=" .. date .. "#runs" end,
}

-- The page of all runs -------------------------------------------------------------------------

---@class history.query what the address asks for
---@field job string|nil
---@field failed string|nil any text
---@field day string|nil
---@field page integer

local function read_query(fields)
  return {
    job = fields.job ~= "" and fields.job or nil, failed = fields.failed,
    day = (fields.day or ""):match(DATE), page = math.tointeger(tonumber(fields.page)) or 1,
  }
end

local function address(query, number)
  local fields = { "page=" .. number }
  for _, name in ipairs { "job", "failed", "day" } do
    fields[#fields + 1] = query[name] and name .. "=" .. escape(query[name]) or nil
  end
  return "/?" .. table.concat(fields, "&") .. "#runs"
end

local function pick(runs, query)
  local list = {}
  for _, run in ipairs(runs) do
    local wanted = (not query.job or run.job == query.job) and (not query.failed or run.state == "failed")
      and (not query.day or run.started:sub(1, 10) == query.day)
    list[#list + 1] = wanted and run or nil
  end
  return list
end

local function filters(by_job, query)
  local options, named = { h.option { value = "", "All jobs" } }, {}
  for _, job in ipairs(by_job) do
    if not named[job.name] then
      named[job.name] = true
      options[#options + 1] = h.option {
        value = job.name, selected = job.name == query.job, parts.one_line(job.name),
      }
    end
  end
  return h.form {
    class = "filters", action = "/#runs",
    h.label { "Job ", h.select { name = "job", options } },
    h.label { "Day ", h.input { type = "date", name = "day", value = query.day } },
    h.label { h.input { type = "checkbox", name = "failed", value = "1", checked = query.failed ~= nil },
      " Only failed" },
    h.button { "Show" },
    (query.job or query.failed or query.day) and h.a { href = "/#runs", "Show all" },
  }
end

local function pager(query, last)
  return last > 1 and h.nav {
    class = "pager", aria_label = "Pages",
    query.page > 1 and h.a { href = address(query, query.page - 1), rel = "prev", "‹ Newer" },
    h.span { class = "soft", ("Page %d of %d"):format(query.page, last) },
    query.page < last and h.a { href = address(query, query.page + 1), rel = "next", "Older ›" },
  }
end

local function run_section(runs, by_job, query, all)
  local found = pick(runs, query)
  local last = math.max((#found + PAGE_ROWS - 1) // PAGE_ROWS, 1)
  query.page = math.max(1, math.min(query.page, last))
  local from = (query.page - 1) * PAGE_ROWS + 1
  local shown = table.move(found, from, math.min(from + PAGE_ROWS - 1, #found), 1, {})
  return h.section {
    id = "runs",
    h.h2 { "Runs" }, filters(by_job, query),
    h.p { class = "soft", #found == 0 and "No such runs." or parts.plural(#found, "run") .. "." },
    #found > 0 and tables.runs(shown, { all = all, links = links, brief = true }), pager(query, last),
  }
end

local function history_page(state, fields)
  local history = assert(json.decode(assert(source(state.all))))
  history.all, history.configuration = state.all, state.configuration
  local runs = jobs.runs(history.runs)
  local by_job = jobs.group(runs)
  return document(200, "jeton: history", {
    page.head(history, runs, by_job),
    #runs > 0 and {
      calendar.section(runs, history.now_ms // 1000, links),
      timeline.section(by_job, history.now_ms, history.all, links, BARS_MAX),
      tables.jobs(by_job, history.all), run_section(runs, by_job, read_query(fields), history.all),
    },
  })
end

local function show_run(state, id)
  local history = id:find(RUN_ID) and assert(json.decode(assert(source(state.all, id))))
  if not history or #history.runs == 0 then
    return refuse(404, "There is no such run; it may have been too old to keep.")
  end
  return document(200, "jeton: run " .. id, run_page.body(history.runs))
end

-- Who may look ---------------------------------------------------------------------------------

local function is_own_host(state, host)
  return host and state.hosts[host:lower()]
end

local function has_cookie(state, header)
  for name, value in (header or ""):gmatch "([^=;%s]+)=([^;%s]*)" do
    if name == state.cookie_name and crypto.equal(state.cookie, value) then
      return true
    end
  end
  return false
end

local function exchange(state)
  state.token = nil
  local cookie = ("%s=%s; HttpOnly; SameSite=Strict; Path=/"):format(state.cookie_name, state.cookie)
  return respond(303, "", { Location = "/", ["Set-Cookie"] = cookie })
end

-- nil: go on.
local function check(state, request)
  local site = request.headers["sec-fetch-site"]
  local token = request.query.token
  if not is_own_host(state, request.headers.host) then
    return refuse(403, "This address is not the one that jeton printed.")
  elseif site and site ~= "same-origin" and site ~= "none" then
    return refuse(403, "Other sites may not lead here. Open the address that jeton printed.")
  elseif request.method ~= "GET" and request.method ~= "HEAD" then
    return refuse(405, "Nothing can be changed here.")
  elseif has_cookie(state, request.headers.cookie) then
    return token and respond(303, "", { Location = "/" }) or nil
  elseif not state.token then
    return refuse(403, "The address that jeton printed has been opened, and its key works once. "
      .. "For another browser, end `jeton history --serve` and start it again: it prints a new one.")
  end
  return token and crypto.equal(state.token, token) and exchange(state)
    or refuse(403, "Open the address that `jeton history --serve` printed: it has the key, which works once.")
end

local function handle(state, request)
  local refused = check(state, request)
  if refused then
    return refused
  elseif request.path == "/" then
    return history_page(state, request.query)
  elseif request.path == "/favicon.ico" then -- which browsers ask for by themselves
    return respond(204, "")
  end
  local id = request.path:match "^/run/(.+)$"
  return id and show_run(state, id) or refuse(404, "There is no such page.")
end

-- A browser leaves out the port 80.
local function own_hosts(host, port)
  local hosts = {}
  for _, name in ipairs { host:find ":" and "[" .. host .. "]" or host, "localhost", "127.0.0.1", "[::1]" } do
    hosts[name .. ":" .. port] = true
    hosts[name] = port == 80 or nil
  end
  return hosts
end

--- Serves until a signal ends the run.
---@param text string JSON: `{"host":…, "port":…, "configuration": text or null, of all}`
function serve.main(text)
  local options = assert(json.decode(text))
  local configuration = options.configuration
  local state = {
    token = crypto.base64url(crypto.random(KEY_BYTES)), cookie = crypto.base64url(crypto.random(KEY_BYTES)),
    all = configuration == json.null, configuration = configuration ~= json.null and configuration or nil,
  }
  local listening = assert(server.listen {
    host = options.host, port = options.port, max_body = 1,
    handler = function(request) return handle(state, request) end,
  })
  state.hosts = own_hosts(options.host, listening.port)
  state.cookie_name = COOKIE:format(listening.port)
  local shown = options.host:find ":" and "[" .. options.host .. "]" or options.host
  print(("http://%s:%d/?token=%s"):format(shown, listening.port, state.token))
  listening:wait()
end

return serve
