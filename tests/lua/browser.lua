-- A browser for the tests of the portal: cookies, forms, redirects when told to.
local http = require "jeton.http"
local lu = require "luaunit"
local signing_in = require "signing_in"
local wire = require "wire"

local browser = {}
browser.__index = browser

local HTML = "text/html; charset=utf-8"

--- options: language ("fr" as the browser would ask), headers for every request.
function browser.new(options)
  options = options or {}
  local headers = { Accept = "text/html,application/xhtml+xml", ["Accept-Language"] = options.language }
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  return setmetatable({ cookies = {}, headers = headers }, browser)
end

--- What a page is about, for messages of tests.
function browser.main(body)
  return body:match "<main.-</main>" or body
end

function browser:cookie_header()
  local parts = {}
  for name, value in pairs(self.cookies) do parts[#parts + 1] = name .. "=" .. value end
  table.sort(parts)
  return #parts > 0 and table.concat(parts, "; ") or nil
end

function browser:request(method, path, options)
  local headers = { Cookie = self:cookie_header() }
  for name, value in pairs(self.headers) do headers[name] = value end
  for name, value in pairs(options and options.headers or {}) do headers[name] = value end
  local response = assert(http.request {
    method = method, url = wire.root .. path, headers = headers, form = options and options.form,
    body = options and options.body,
  })
  for name, value in (response.headers["set-cookie"] or ""):gmatch "([%w_]+)=([^;]*); Path=/" do
    self.cookies[name] = value
  end
  return response
end

function browser:get(path, headers)
  return self:request("GET", path, { headers = headers })
end

--- GETs a page, which must be there.
function browser:page(path)
  local response = self:get(path)
  lu.assertEquals(response.status, 200, browser.main(response.body))
  lu.assertEquals(response.headers["content-type"], HTML)
  return response.body
end

local UNESCAPED = { amp = "&", lt = "<", gt = ">", quot = '"' }

function browser.text(escaped)
  return (escaped:gsub("&(%a+);", UNESCAPED):gsub("&#39;", "'"))
end

local function attributes(tag)
  local out = {}
  for name, value in tag:gmatch '([%w-]+)="([^"]*)"' do out[name] = browser.text(value) end
  return out
end

--- The form of a page that is posted to `action`: its fields with the values that they have.
function browser.form(body, action)
  for head, content in body:gmatch "<form(.-)>(.-)</form>" do
    if attributes(head).action == action and attributes(head).method == "post" then
      local fields = {}
      for tag in content:gmatch "<input(.-)>" do
        local input = attributes(tag)
        local is_chosen = input.type ~= "radio" or tag:find " checked" ~= nil
        if input.name and input.type ~= "checkbox" and is_chosen then
          fields[input.name] = input.value or ""
        end
      end
      for tag, value in content:gmatch "<textarea(.-)>\n?(.-)</textarea>" do
        fields[attributes(tag).name] = browser.text(value)
      end
      return fields
    end
  end
  error("no form leads to " .. action)
end

--- The value of a field by its id, as a person would copy it.
function browser.value(body, id)
  for tag in body:gmatch "<input(.-)>" do
    local input = attributes(tag)
    if input.id == id then return input.value end
  end
end

--- Sends the form of a page. Returns the response, not followed.
function browser:send(body, action, fields, headers)
  local form = browser.form(body, action)
  for name, value in pairs(fields or {}) do form[name] = value end
  return self:request("POST", action, { form = form, headers = headers })
end

--- Sends it, and gives the body of the page that it leads to.
function browser:submit(body, action, fields)
  local response = self:send(body, action, fields)
  lu.assertEquals(response.status, 303, browser.main(response.body))
  return self:page(response.headers.location)
end

--- Signs in; gives the body of the next page.
function browser:sign_in(email)
  return self:submit(self:page "/portal/sign-in", "/portal/sign-in", { email = email })
end

--- Adds a phone number, as it is done once for an account.
function browser:add_phone(phone)
  local page = self:submit(self:page "/portal/phone?other=yes", "/portal/phone", { phone = phone })
  return self:submit(page, "/portal/phone/verify", { pin = signing_in.pin(phone) })
end

local PEOPLE = {
  alice = { "alice@contoso.example", wire.alice },
  bruno = { "bruno@contoso.example", wire.bruno },
  chitra = { "chitra@contoso.example", wire.chitra },
}

--- Somebody of the demo tenant, signed in and with a phone number.
function browser.of(name, options)
  local self = browser.new(options)
  self:sign_in(PEOPLE[name][1])
  self:add_phone(PEOPLE[name][2])
  return self
end

--- Adds a connector; gives its page, id and secret.
function browser:add_connector(fields, permissions)
  self:submit(self:page "/portal/connectors/new", "/portal/connectors/new", fields)
  local choices = {}
  for _, name in ipairs(permissions) do choices["permission_" .. name] = "yes" end
  local page = self:submit(self:page "/portal/connectors/new/permissions",
    "/portal/connectors/new/permissions", choices)
  return page, browser.value(page, "connector-id"), browser.value(page, "connector-secret")
end

return browser
