--- t:cassette: what a service answered once, again and again.
local compare = require "test.compare"
local failure = require "test.failure"
local fake = require "test.fake"
local file = require "test.cassette_file"
local host = require "jeton.test_host"
local json = require "jeton.json"
local masks = require "test.cassette_mask"
local native = require "jeton.test_native"
local secrets = require "test.secrets"
local show = require "test.show"

failure.pass_over()

local cassette = { methods = {} }

local FILE_MAX <const> = 4 * 1024 * 1024 -- bytes, as YAML is read
local FIELD_MAX <const> = 32 -- a longer name may be a secret itself
local NEAR_MAX <const> = 40 -- bytes that are shown before a secret

-- Another process may exchange at the same time; then its token is taken, and nothing was recorded.
local EXCHANGES_MAX <const> = 5

local PARTS = { "method", "url", "body" } -- of a request that are compared

---@class test.Tape of one test
---@field name string
---@field path string
---@field vault cassette.Vault
---@field calls table[] recorded, as the file has them; or in clear, while recording
---@field renewed string[] connectors that were exchanged as they were defined, in that order
---@field used table<integer, boolean>
---@field compares table<string, boolean>|fun(recorded: table, got: table): boolean
---@field recorded_at integer
---@field at string|nil where t:cassette was called

--- What a request says in its body, as one text.
local function body_of(request)
  if not request.parts then return request.body end
  local parts = {}
  for index, part in ipairs(request.parts) do
    parts[index] = {
      name = part.name, filename = part.filename and part.filename:match "[^/]*$", type = part.content_type,
      sha256 = require("jeton.crypto").hex(require("jeton.crypto").sha256(part.value)),
    }
  end
  return assert(json.encode(parts))
end

local function as_call(request)
  return { method = request.method, url = request.url, headers = request.headers, body = body_of(request) }
end

local function mapped_headers(headers, fn)
  local mapped = {}
  for name, value in pairs(headers) do
    if type(value) == "table" then
      mapped[name] = {}
      for index, each in ipairs(value) do mapped[name][index] = fn(each) end
    else
      mapped[name] = fn(value)
    end
  end
  return mapped
end

-- Replay

local function same_body(recorded, got)
  if masks.same(recorded, got) then return true end
  local first, second = json.decode(recorded), json.decode(got)
  return type(first) == "table" and compare.differences(second, first) == nil
end

local function fits(tape, recorded, got)
  if type(tape.compares) == "function" then return tape.compares(recorded, got) end
  if tape.compares.method and recorded.method ~= got.method then return false end
  if tape.compares.url and not masks.same(recorded.url, got.url) then return false end
  return not tape.compares.body or same_body(recorded.body, got.body)
end

local function find(tape, got)
  local before
  for index, call in ipairs(tape.calls) do
    if fits(tape, call.request, got) then
      if not tape.used[index] then return index end
      before = index
    end
  end
  return nil, before
end

local function closeness(recorded, got)
  local score = (recorded.method == got.method and 2 or 0) + (masks.same(recorded.url, got.url) and 4 or 0)
  local same = 0
  while same < #recorded.url and recorded.url:byte(same + 1) == got.url:byte(same + 1) do same = same + 1 end
  return score + same / (#recorded.url + 1)
end

--- The nearest call, and what of it differs.
local function explain(tape, got, before)
  if before then
    return ("  call %d of the cassette is this one, but it was used already"):format(before)
  end
  local best, best_score = nil, -1
  for _, call in ipairs(tape.calls) do
    local score = closeness(call.request, got)
    if score > best_score then best, best_score = call.request, score end
  end
  if not best then return "  nothing was recorded" end
  local lines = { ("  nearest: %s %s"):format(best.method, best.url) }
  if masks.same(best.url, got.url) and best.method == got.method then
    lines[2] = "  its body differs:"
    for line in compare.differences(masks.value(got.body), masks.value(best.body)):gmatch "[^\n]+" do
      lines[#lines + 1] = "    " .. line
    end
  end
  return table.concat(lines, "\n")
end

local function replay(t, request)
  local tape = t.tape
  local got = as_call(request)
  local mask = tape.vault:mask_request(got)
  got.url, got.body = mask(got.url), mask(got.body)
  local index, before = find(tape, got)
  if index then
    tape.used[index] = true
    local reply = tape.calls[index].reply
    if reply.broken then return { broken = reply.broken } end
    local function unmask(text) return tape.vault:unmask(text) end
    local headers = mapped_headers(reply.headers, unmask)
    return { status = reply.status, headers = headers, body = unmask(reply.body) }
  end
  fake.refuse(t, request, "no recorded call", {
    message = ("no call of the cassette '%s' is %s %s"):format(tape.name, got.method, got.url),
    diff = explain(tape, got, before),
  })
  return false
end

--- All that was recorded must be asked for again.
local function check_all_used(tape)
  local left = {}
  for index, call in ipairs(tape.calls) do
    if not tape.used[index] then
      left[#left + 1] = ("call %d: %s %s"):format(index, call.request.method, call.request.url)
    end
  end
  if #left == 0 then return end
  local asked = #left == 1 and "1 call of the cassette '%s' was not asked for"
    or #left .. " calls of the cassette '%s' were not asked for"
  failure.raise(asked:format(tape.name), table.concat(left, "\n"), tape.at)
end

-- Recording

local function record(t, request)
  local call = { request = as_call(request) }
  table.insert(t.tape.calls, call)
  local status, headers, body = native.forward(request.id)
  if not status then -- headers is the err
    call.reply = { broken = headers.message }
    return call.reply
  end
  call.reply = { status = status, headers = headers, body = body }
  return { status = status, headers = headers, body = body }
end

local function learn(tape)
  for _, call in ipairs(tape.calls) do
    tape.vault:learn(call.request, call.reply and call.reply.body and call.reply)
  end
end

--- What is written: what the vault knows has placeholders, what else the run knows as a secret is masked.
local function masked_calls(tape)
  learn(tape)
  local function mask(text)
    return native.mask(tape.vault:mask(text))
  end
  local masked = {}
  for index, call in ipairs(tape.calls) do
    local request, reply = call.request, call.reply
    masked[index] = {
      request = {
        method = request.method,
        url = mask(request.url),
        headers = mapped_headers(request.headers, mask),
        body = mask(request.body),
      },
      reply = {
        status = reply.status,
        headers = reply.headers and mapped_headers(reply.headers, mask),
        body = reply.body and mask(reply.body),
        broken = reply.broken and mask(reply.broken),
      },
    }
  end
  return masked
end

local function refuse(tape, message, ...)
  failure.raise(message:format(...), nil, tape.at)
end

--- What stands before a secret, from the beginning of a word; nil: nothing that can be shown.
local function near(before)
  local text = before:sub(-NEAR_MAX)
  if #text < #before then text = text:gsub("^[%w+/=_.~-]+", "") end
  text = text:gsub("^[\x80-\xBF]+", "")
  return text:find "%w" and not secrets.suspect(text) and text or nil
end

--- Where in its line a position is: the field of JSON or of a form before it, else how the line begins, and
--- what stands just before it.
local function place_of(text, position)
  local before = text:sub(1, position - 1):match "^.*\n(.*)$" -- its first line is HEAD
  local field = before:match '^.*"([%w_.-]+)\\?"%s*:' or before:match '^.*[?&"]([%w_.-]+)='
  if field and #field < FIELD_MAX then return field end
  local head, after = before:match "^[%s-]*([%w_\"-]*)" .. "…", near(before)
  return after and ("%s after %s"):format(head, show.scalar(after)) or head
end

local function write(tape)
  local text = file.text(tape.recorded_at, tape.renewed, masked_calls(tape))
  local searched = file.without_bytes(text)
  local line, what, at = secrets.suspect(searched)
  local _, named = secrets.find(tape.name)
  if named then
    refuse(tape, "the name of the cassette '%s' holds %s; nothing was written", tape.name, named)
  elseif line then
    refuse(tape, "the cassette '%s' would hold %s, in line %d (%s); nothing was written: name its field "
      .. "in t:cassette(name, { mask = { … } })", tape.name, what, line, place_of(searched, at))
  elseif #text > FILE_MAX then
    refuse(tape, "the cassette '%s' would have more than 4 MiB, which could not be read again", tape.name)
  end
  local written, err = host.write(tape.path, text)
  if not written then refuse(tape, "the cassette cannot be written: %s", err.message) end
end

-- t

local OPTIONS = { mask = "table", match = "any" }

local function check_options(name, options)
  if type(name) ~= "string" or not name:find "^[%w_-]+$" then
    error("t:cassette: a name of letters, digits, - and _ expected", 3)
  end
  for key, value in pairs(options) do
    if not OPTIONS[key] or (key == "mask" and type(value) ~= "table") then
      error(("t:cassette: unknown option '%s'; there are mask (a list) and match"):format(tostring(key)), 3)
    end
  end
  if type(options.match) == "function" then return options.match end
  local compares = {}
  for _, part in ipairs(options.match or PARTS) do
    if part ~= "method" and part ~= "url" and part ~= "body" then
      error(("t:cassette: match has no '%s'; there are method, url and body"):format(tostring(part)), 3)
    end
    compares[part] = true
  end
  return compares
end

local function exists(path)
  return host.stamp(path) ~= nil
end

-- For each connector that is defined, and those that are.
local function when_defined(t, fn)
  t.connected = fn
  local defined = {}
  for name in pairs(t.connectors) do defined[#defined + 1] = name end
  table.sort(defined)
  for _, name in ipairs(defined) do t:connector(name, t.connectors[name]) end
end

local function renew(name)
  local fresh, why = native.renew(name)
  if not fresh then error(why, 0) end
end

local function begin_replay(t, tape)
  if not exists(tape.path) then
    failure.raise(("there is no cassette '%s' yet; record it with: jeton test %s -k '%s' --record"):format(
      tape.name, t.file, t.name:gsub("'", "'\\''")))
  end
  tape.recorded_at, tape.calls, tape.renewed = file.read(tape.path)
  t:clock(tape.recorded_at)
  table.insert(t.responders, replay)
  table.insert(t.at_end, function(passed)
    if passed then check_all_used(tape) end
  end)
  when_defined(t, function(name)
    for index, each in ipairs(tape.renewed) do
      if each == name then
        table.remove(tape.renewed, index)
        return renew(name)
      end
    end
  end)
end

--- Connectors of the real configuration are used in the place of the test's. Their tokens come from its
--- state. They are exchanged as they are defined, so that the exchange is in the cassette, with all that a
--- first one asks: a replay begins without tokens, and does the same.
local function use_real(t, path)
  local names, err = native.real(path)
  if not names then error(("t:cassette: %s"):format(err.message), 0) end
  table.insert(t.at_end, function() native.real(nil) end)
  when_defined(t, function(name)
    if not names[name] then return end
    local before = #t.tape.calls
    for _ = 1, EXCHANGES_MAX do
      renew(name)
      if #t.tape.calls > before then
        table.insert(t.tape.renewed, name)
        return
      end
    end
  end)
end

local locked = {} -- paths of files of tests

local function begin_record(t, tape)
  locked[t.path] = locked[t.path] or host.lock(t.path)
  if not locked[t.path] then failure.raise "another process is recording the cassettes of this file" end
  function t.masked_by_cassette(text) -- for what else is kept, and would be another one in a replay
    learn(tape)
    return tape.vault:mask(text)
  end
  tape.recorded_at, tape.calls, tape.renewed = native.real_now() // 1000, {}, {}
  t:clock(tape.recorded_at)
  native.real_time(true)
  table.insert(t.responders, record)
  table.insert(t.at_end, function(passed)
    native.real_time(false)
    if passed then write(tape) end
  end)
  if t.options.config then use_real(t, t.options.config) end
end

--- name: of the file beside the test. mask: names of more fields whose values are secret. match: what is
--- compared of a request ("method", "url", "body": all), or a function.
---@param name string
---@param options? {mask: string[]|nil, match: string[]|(fun(recorded: table, got: table): boolean)|nil}
function cassette.methods:cassette(name, options)
  options = options or {}
  local compares = check_options(name, options)
  if self.tape then error("t:cassette: this test has one already", 2) end
  local tape = {
    name = name,
    path = file.path(self.path, name),
    vault = masks.vault(options.mask, native.owner),
    used = {},
    compares = compares,
    at = failure.where(),
  }
  self.tape = tape
  local mode = self.options.record
  if mode == "all" or (mode == "missing" and not exists(tape.path)) then
    begin_record(self, tape)
  else
    begin_replay(self, tape)
  end
end

return cassette
