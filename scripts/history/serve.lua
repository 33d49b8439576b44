--- The pages of past runs, live, for a browser of this machine: `jeton history --serve`.
---
--- Who may look: the first browser that opens the address that was printed. Its token is exchanged for
--- a cookie, once, and stands in no later address. Pages of other sites can do nothing: Host and
--- Sec-Fetch-Site are checked, nothing may be framed or stored, and nothing here changes anything.
local crypto = require "jeton.crypto"
local elements = require "html.elements"
local json = require "jeton.json"
local language = require "html.language"
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
local PAGE_BYTES <const> = 59000 -- texts that make it heavier are cut; what follows keeps it below that
local RUN_ROWS <const> = 12
local JOB_ROWS <const> = 10
local NAMES_MAX <const> = 20 -- to choose from; of more jobs one is found by a part of its name
local LANES_MAX <const> = 10 -- of the timeline
local BARS_MAX <const> = 30 -- about
local RUN <const> = "^/run/(%w+)/?(%d*)$" -- a run, an attempt
local RUNS <const> = '"runs":[' -- where they begin in what history.source gives
local ASKED_MAX <const> = 100 -- bytes of a name
local DATE <const> = "^%d%d%d%d%-%d%d%-%d%d$"
local LANGUAGE <const> = language.COOKIE .. "=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age="
  .. language.COOKIE_S
local HEADERS = {
  ["Cache-Control"] = "no-store", ["Referrer-Policy"] = "no-referrer", ["X-Content-Type-Options"] = "nosniff",
  ["X-Frame-Options"] = "DENY", ["Cross-Origin-Resource-Policy"] = "same-origin",
  ["Content-Type"] = "text/html; charset=utf-8",
}

---@param status integer
---@param body string
---@param more table<string, string>|nil headers
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

local function document(status, view, title, body)
  local text, policy = page.document(view, title, require "history.style", body, PAGE_BYTES)
  local chosen = status == 200 and view.chosen
  return respond(status, text, {
    ["Content-Security-Policy"] = policy .. "; frame-ancestors 'none'",
    ["Set-Cookie"] = chosen and LANGUAGE:format(chosen) or nil,
    ["Content-Language"] = view.language,
  })
end

local function refuse(status, view, message)
  local title = view.t "short_title"
  return document(status, view, title, { h.h1 { h.a { href = "/", title } }, h.p { view.t(message) } })
end

local function cookie_of(header, wanted)
  for pair in (header or ""):gmatch "[^;]+" do -- one by one: a long text without "=" costs its length once
    local name, value = pair:match "^%s*([^=%s]+)=(%S*)"
    if name == wanted then
      return value
    end
  end
end

local function escape(text)
  return (text:gsub("[^%w_.-]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

---@type history.links
local links = {
  run = function(id) return "/run/" .. id end,
  day = function(date) return "/?day=" .. date .. "#runs" end,
  job = function(name) return "/?job=" .. escape(name) .. "#runs" end,
  output = function(id, attempt) return ("/run/%s/%d"):format(id, attempt) end,
}

-- Its language: `?lang=`, else what was chosen before, else what the browser prefers.
local function view_of(state, request)
  local chosen = language.NAMES[request.query.lang] and request.query.lang
  local kept = cookie_of(request.headers.cookie, language.COOKIE)
  local code = chosen or language.NAMES[kept] and kept
    or language.from_header(request.headers["accept-language"])
  local view = parts.view(code, state.all, links)
  view.chosen = chosen
  return view
end

-- `address` ends where the language's code follows.
local function switch(view, where)
  local leads = {}
  for i, code in ipairs(language.ORDER) do
    leads[i] = h.a {
      href = where .. code, lang = code, aria_current = code == view.language and "true",
      language.NAMES[code],
    }
  end
  return h.nav { class = "languages", aria_label = view.t "languages", leads }
end

-- The page of all runs -------------------------------------------------------------------------

---@class history.query what the address asks for
---@field job string|nil
---@field failed string|nil any text
---@field day string|nil
---@field page integer of the runs
---@field jobs integer the page of the jobs

local function read_query(fields)
  local job = (fields.job or ""):sub(1, ASKED_MAX)
  return {
    job = job ~= "" and job or nil, failed = fields.failed and "1",
    day = (fields.day or ""):match(DATE), page = math.tointeger(tonumber(fields.page)) or 1,
    jobs = math.tointeger(tonumber(fields.jobs)) or 1,
  }
end

---@param query history.query
---@param name "page"|"jobs"|nil of which another page is asked for
---@param number integer|nil
local function address(query, name, number)
  local fields = {}
  for _, field in ipairs { "page", "jobs", "job", "failed", "day" } do
    local value = field == name and number or query[field]
    fields[#fields + 1] = value and field .. "=" .. escape(tostring(value)) or nil
  end
  return "/?" .. table.concat(fields, "&")
end

-- Exactly where there is such a job, else by a part of the name.
local function asks_for(by_job, wanted)
  local exact = false
  for _, job in ipairs(by_job) do
    exact = exact or job.name == wanted
  end
  return function(name)
    return exact and name == wanted or not exact and name:find(wanted, 1, true) ~= nil
  end
end

local function pick(runs, by_job, query)
  local list, asks = {}, query.job and asks_for(by_job, query.job)
  for _, run in ipairs(runs) do
    local wanted = (not asks or asks(run.job)) and (not query.failed or run.state == "failed")
      and (not query.day or run.started:sub(1, 10) == query.day)
    list[#list + 1] = wanted and run or nil
  end
  return list
end

local function filters(by_job, query, t)
  local options, named = { h.option { value = "", t "filter.all_jobs" } }, {}
  for _, job in ipairs(by_job) do
    if not named[job.name] then
      named[job.name] = true
      options[#options + 1] = h.option {
        value = job.name, selected = job.name == query.job, parts.one_line(job.name),
      }
    end
  end
  local is_long = #options > NAMES_MAX + 1
  return h.form {
    class = "filters", action = "/#runs",
    h.label { t "filter.job", " ", is_long
      and h.input { type = "search", name = "job", value = query.job, placeholder = t "filter.part" }
      or h.select { name = "job", options } },
    h.label { t "filter.day", " ", h.input { type = "date", name = "day", value = query.day } },
    h.label { h.input { type = "checkbox", name = "failed", value = "1", checked = query.failed ~= nil },
      " ", t "filter.only_failed" },
    h.button { t "filter.show" },
    (query.job or query.failed or query.day) and h.a { href = "/#runs", t "filter.show_all" },
  }
end

-- The rows of the page that `query[name]` says, and the way to the others.
local function cut(list, rows, query, name, view)
  local last = math.max((#list + rows - 1) // rows, 1)
  local at = math.max(1, math.min(query[name], last))
  local function lead(number, rel)
    local where = ("%s#%s"):format(address(query, name, number), name == "page" and "runs" or name)
    return number >= 1 and number <= last and h.a { href = where, rel = rel, view.t(name .. "." .. rel) }
  end
  query[name] = at
  local shown = table.move(list, (at - 1) * rows + 1, math.min(at * rows, #list), 1, {})
  return shown, last > 1 and h.nav {
    class = "pager", aria_label = view.t(name .. ".pages"),
    lead(at - 1, "prev"), h.span { class = "soft", view.t("pages.at", { page = at, last = last }) },
    lead(at + 1, "next"),
  }
end

local function run_section(runs, by_job, query, view)
  local t, found = view.t, pick(runs, by_job, query)
  local shown, pager = cut(found, RUN_ROWS, query, "page", view)
  return h.section {
    id = "runs",
    h.h2 { t "runs" }, filters(by_job, query, t),
    h.p { class = "soft", #found == 0 and t "runs.none" or t("count_runs", { count = #found }) .. "." },
    #found > 0 and tables.runs(shown, view, { brief = true }), pager,
  }
end

-- What there is, and whose jobs' runs these are. They are taken from the last page if they are the same.
local function read_history(state)
  local text = assert(source(state.all))
  local from = text:find(RUNS, 1, true)
  local rest, kept = text:sub(from), state.kept
  if not kept or kept.rest ~= rest then
    local runs = jobs.runs(json.decode("{" .. rest).runs)
    kept = { rest = rest, runs = runs, by_job = jobs.group(runs) }
    state.kept = kept
  end
  local history = assert(json.decode(text:sub(1, from - 1) .. RUNS .. "]}"))
  history.configuration = state.configuration
  return history, kept.runs, kept.by_job
end

local function history_page(state, view, fields)
  local history, runs, by_job = read_history(state)
  local query = read_query(fields)
  local shown, pager = cut(by_job, JOB_ROWS, query, "jobs", view)
  return document(200, view, view.t "short_title", {
    switch(view, address(query) .. "&lang="), page.head(history, runs, by_job, view),
    #runs > 0 and {
      calendar.section(runs, history.now_ms // 1000, view),
      timeline.section(by_job, history.now_ms, view, LANES_MAX, BARS_MAX),
      tables.jobs(shown, view, pager), run_section(runs, by_job, query, view),
    },
  })
end

local function show_run(state, view, id, number)
  local history = assert(json.decode(assert(source(state.all, id))))
  if #history.runs == 0 then
    return refuse(404, view, "refused.no_run")
  end
  for _, attempt in ipairs(number ~= "" and history.runs or {}) do
    if tostring(attempt.attempt) == number then
      return respond(200, attempt.output or "", { ["Content-Type"] = "text/plain; charset=utf-8" })
    end
  end
  if number ~= "" then
    return refuse(404, view, "refused.no_page")
  end
  return document(200, view, view.t("run_title", { run = id }), {
    switch(view, links.run(id) .. "?lang="), run_page.body(history.runs, view),
  })
end

-- Who may look ---------------------------------------------------------------------------------

local function is_own_host(state, host)
  return host and state.hosts[host:lower()]
end

local function has_cookie(state, header)
  return crypto.equal(state.cookie, cookie_of(header, state.cookie_name) or "")
end

local function exchange(state)
  state.token = nil
  local cookie = ("%s=%s; HttpOnly; SameSite=Strict; Path=/"):format(state.cookie_name, state.cookie)
  return respond(303, "", { Location = "/", ["Set-Cookie"] = cookie })
end

-- nil: go on.
local function check(state, view, request)
  local site = request.headers["sec-fetch-site"]
  local token = request.query.token
  if not is_own_host(state, request.headers.host) then
    return refuse(403, view, "refused.address")
  elseif site and site ~= "same-origin" and site ~= "none" then
    return refuse(403, view, "refused.foreign")
  elseif request.method ~= "GET" and request.method ~= "HEAD" then
    return refuse(405, view, "refused.method")
  elseif has_cookie(state, request.headers.cookie) then
    return token and respond(303, "", { Location = "/" }) or nil
  elseif not state.token then
    return refuse(403, view, "refused.opened")
  end
  return token and crypto.equal(state.token, token) and exchange(state) or refuse(403, view, "refused.no_key")
end

local function handle(state, request)
  local view = view_of(state, request)
  local refused = check(state, view, request)
  if refused then
    return refused
  elseif request.path == "/" then
    return history_page(state, view, request.query)
  elseif request.path == "/favicon.ico" then -- which browsers ask for by themselves
    return respond(204, "")
  end
  local id, attempt = request.path:match(RUN)
  return id and show_run(state, view, id, attempt) or refuse(404, view, "refused.no_page")
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
