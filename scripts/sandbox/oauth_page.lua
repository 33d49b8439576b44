--- The pages of OAuth: plain HTML, without scripts.
local oauth_page = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local STYLE = "body{font:16px/1.5 sans-serif;max-width:24em;margin:4em auto;padding:0 1em}"
  .. "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}"
  .. "input,button{padding:.5em;margin:.25em 0 1em}[role=alert]{color:#a00}"

local HEADERS = {
  ["Content-Type"] = "text/html; charset=utf-8",
  ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    .. "frame-ancestors 'none'",
  ["X-Content-Type-Options"] = "nosniff",
  ["X-Frame-Options"] = "DENY",
  ["Referrer-Policy"] = "same-origin", -- the address holds `state`; the form must still say its origin
  ["Cache-Control"] = "no-store",
}

---@param text string
---@return string
local function escape(text)
  return (text:gsub("[&<>\"']", ENTITIES))
end

local function page(status, title, content, headers)
  local out = {}
  for name, value in pairs(HEADERS) do
    out[name] = value
  end
  for name, value in pairs(headers or {}) do
    out[name] = value
  end
  return {
    status = status,
    headers = out,
    body = ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
      .. '<meta name="viewport" content="width=device-width"><title>%s</title><style>%s</style></head>'
      .. "<body><main><h1>%s</h1>\n%s</main></body></html>\n")
      :format(escape(title), STYLE, escape(title), content),
  }
end

--- What cannot go on.
---@param status integer
---@param message string
---@return table response
function oauth_page.problem(status, message)
  return page(status, "Cannot sign in", ('<p role="alert">%s</p>\n'):format(escape(message)))
end

--- The form: for the number, and once a PIN was sent, for the PIN.
---@param fields {connector: string, phone: string|nil, has_pin: boolean, problem: string|nil}
---@param hidden {[1]: string, [2]: string}[] names and values
---@param headers table<string, string>|nil
---@return table response
function oauth_page.form(fields, hidden, headers)
  local out = { ("<p>%s asks to act as you.</p>\n"):format(escape(fields.connector)) }
  if fields.problem then
    out[#out + 1] = ('<p role="alert">%s</p>\n'):format(escape(fields.problem))
  end
  out[#out + 1] = '<form method="post" accept-charset="utf-8">\n'
  for _, pair in ipairs(hidden) do
    out[#out + 1] = ('<input type="hidden" name="%s" value="%s">\n'):format(escape(pair[1]), escape(pair[2]))
  end
  local phone = escape(fields.phone or "")
  if fields.has_pin then
    out[#out + 1] = ('<p>A PIN went to %s by SMS.</p>\n<input type="hidden" name="phone" value="%s">\n')
      :format(phone, phone)
    out[#out + 1] = '<label for="pin">PIN</label>\n<input id="pin" name="pin" inputmode="numeric" '
      .. 'autocomplete="one-time-code" required autofocus>\n<button type="submit">Sign in</button>\n'
  else
    out[#out + 1] = '<label for="phone">Phone number, with + and country code</label>\n'
      .. ('<input id="phone" name="phone" type="tel" autocomplete="tel" value="%s" required autofocus>\n')
        :format(phone)
      .. '<button type="submit">Send me a PIN</button>\n'
  end
  out[#out + 1] = "</form>\n"
  return page(fields.problem and 400 or 200, "Sign in to Kaizala", table.concat(out), headers)
end

--- Back to who asked.
---@param location string
---@return table response
function oauth_page.redirect(location)
  return page(302, "Signed in", "<p>You are signed in.</p>\n", { Location = location })
end

return oauth_page
