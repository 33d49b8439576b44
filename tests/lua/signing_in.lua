-- Signing in as people do: the PIN from the SMS, the code from the page of OAuth.
local http = require "jeton.http"
local lu = require "luaunit"
local wire = require "wire"

local signing_in = { page = "/api/Oauth/Authorize", redirect_uri = "http://127.0.0.1:8999/done" }

--- The PIN of the newest SMS to a number.
function signing_in.pin(phone)
  local sms = wire.ok("GET", "/_sandbox/sms?phone=" .. http.encode(phone)).sms
  return (assert(sms[#sms], "no SMS to " .. phone).text:match "%d%d%d%d%d%d")
end

local UNESCAPED = { amp = "&", lt = "<", gt = ">", quot = '"' }

--- The hidden fields of a page.
function signing_in.hidden(body)
  local fields = {}
  for name, value in body:gmatch '<input name="([^"]*)" type="hidden" value="([^"]*)">' do
    fields[name] = value:gsub("&(%a+);", UNESCAPED):gsub("&#39;", "'")
  end
  return fields
end

--- Opens the page. options: client_id, redirect_uri, state, and others. Returns response, fields, cookie.
function signing_in.open(options)
  local query = { client_id = wire.application_id, redirect_uri = signing_in.redirect_uri }
  for name, value in pairs(options or {}) do query[name] = value end
  local response = assert(http.request { url = wire.root .. signing_in.page, query = query })
  local cookie = (response.headers["set-cookie"] or ""):match "^[^;]+"
  return response, signing_in.hidden(response.body), cookie
end

--- Sends the form.
function signing_in.submit(fields, cookie, headers)
  local all = { Cookie = cookie }
  for name, value in pairs(headers or {}) do all[name] = value end
  return assert(http.request {
    method = "POST", url = wire.root .. signing_in.page, form = fields, headers = all,
  })
end

--- All of it: gives the redirect's Location.
function signing_in.location(phone, options)
  local _, fields, cookie = signing_in.open(options)
  fields.phone = phone
  local response = signing_in.submit(fields, cookie)
  lu.assertEquals(response.status, 200, response.body)
  fields = signing_in.hidden(response.body)
  fields.pin = signing_in.pin(phone)
  response = signing_in.submit(fields, cookie)
  lu.assertEquals(response.status, 302, response.body)
  return response.headers.location
end

--- The code that it leads to.
function signing_in.code(phone, options)
  return (signing_in.location(phone, options):match "[?&]code=([^&]+)")
end

return signing_in
