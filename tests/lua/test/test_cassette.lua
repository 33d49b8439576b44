-- What is secret in a cassette, what stands for it, and its file.
local files = require "test.cassette_file"
local json = require "jeton.json"
local jwt = require "test.jwt"
local lu = require "luaunit"
local masks = require "test.cassette_mask"

local function call(method, url, headers, body)
  return { method = method, url = url, headers = headers or {}, body = body or "" }
end

local FORM = "grant_type=refresh_token&refresh_token=r1%2Frefresh%2B&client_id=app"
  .. "&client_secret=s3cret-s3cret"
local REPLY = { status = 200, headers = { ["set-cookie"] = "session=abcdef123; Path=/" },
                body = '{"access_token":"a1-access","token_type":"Bearer",'
                  .. '"refresh_token":"r2-refresh","id":5}' }

local TestMask = {}

function TestMask.test_a_flow()
  local vault = masks.vault(nil, function() return "billing" end)
  local first = call("POST", "https://login.example.com/token", {}, FORM)
  local bearer = { authorization = "Bearer a1-access" }
  local second = call("GET", "https://api.example.com/x?since=r2-refresh", bearer)
  vault:learn(first, REPLY)
  vault:learn(second, { headers = {}, body = "echo a1-access" })
  lu.assertEquals(vault:mask(first.body), "grant_type=refresh_token&refresh_token={{token:1}}&client_id=app"
    .. "&client_secret={{secret:billing.client_secret}}")
  lu.assertEquals(vault:mask(REPLY.body),
    '{"access_token":"{{token:2}}","token_type":"Bearer",'
    .. '"refresh_token":"{{token:3}}","id":5}')
  lu.assertEquals(vault:mask(REPLY.headers["set-cookie"]), "session={{cookie:1}}; Path=/")
  lu.assertEquals(vault:mask(second.url), "https://api.example.com/x?since={{token:3}}")
  lu.assertEquals(vault:mask(second.headers.authorization), "Bearer {{token:2}}")
  lu.assertEquals(vault:mask "echo a1-access", "echo {{token:2}}")
end

--- It is looked through once, and not from each place on where a secret may begin.
function TestMask.test_a_long_body_costs_its_length()
  local size = os.getenv "JETON_FAULT" and 400 or 400000 -- under stress.lua
  for _, part in ipairs { "eyJ", "?a=", ";token=", '"token":"', "eyJa." } do
    local began = os.clock()
    masks.vault():look_at_body(part:rep(size // #part), true)
    lu.assertTrue(os.clock() - began < 20, part)
  end
end

function TestMask.test_signed_tokens()
  local cases = {
    ["eyJa.eyJb.c-_"] = "eyJa.eyJb.c-_", ["x-eyJeyJa.eyJb."] = "eyJeyJa.eyJb.", ["eyJa.eyJb"] = "",
    ["eyJ.eyJb.c"] = "", ["eyJa.eyJ.c"] = "", ["a.eyJa.eyJb.c.eyJa"] = "eyJa.eyJb.c", ["eyJa..eyJb.c"] = "",
    ["eyJa.eyJb.eyJc.eyJd.e eyJf.eyJg.h"] = "eyJa.eyJb.eyJc eyJf.eyJg.h",
  }
  for text, expected in pairs(cases) do
    local found = {}
    jwt.each(text, function(token, position)
      lu.assertEquals(text:sub(position, position + #token - 1), token)
      found[#found + 1] = token
    end)
    lu.assertEquals(table.concat(found, " "), expected)
  end
end

function TestMask.test_templates_of_others()
  local vault, text = masks.vault(), "Hello {{first_name}}, {{token}} {{code:x}} {{user.id:1}}"
  lu.assertEquals(vault:unmask(text), text)
  vault:look_at_body('{"password":"a{{b}}c","secret":"{{secret:pwd}}","token":"{{token:1}}"}', true)
  lu.assertEquals(vault:mask "a{{b}}c {{secret:pwd}} {{token:1}}",
    "{{secret:password}} {{secret:pwd}} {{token:1}}")
end

--- YAML has line breaks and characters of its own.
function TestMask.test_a_file_reads_as_it_was_written()
  local body = "a \u{2028} b \u{2029}\u{2029}  \u{FEFF}\u{FFFF}\u{85} \u{10FFFF} \\ \"\t\r\n # : - "
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  local request = call("GET", "https://x/", { a = body }, body)
  local reply = { status = 200, headers = { b = { body, body } }, body = body }
  file:write(files.text(1, {}, { { request = request, reply = reply } }))
  file:flush()
  local _, calls = files.read(path)
  os.remove(path)
  lu.assertEquals(calls[1].request.body, body)
  lu.assertEquals(calls[1].request.headers.a, body)
  lu.assertEquals(calls[1].reply.headers.b, { body, body })
  lu.assertEquals(calls[1].reply.body, body)
end

--- Values within values: sixteen of them to their end.
function TestMask.test_secrets_within_a_value()
  local vault = masks.vault()
  vault:look_at_body("GET /?next=/cb?a=1;b=2;token=abc;def&x=1", true)
  lu.assertEquals(vault:mask "abc;def", "{{token:1}}")
end

--- They stand in placeholders too.
function TestMask.test_secrets_that_are_words()
  local vault, replay = masks.vault(), masks.vault()
  local request = call("POST", "https://x/", {}, "pwd=secret&api_secret=password&token=masked:1")
  vault:learn(request)
  lu.assertEquals(vault:mask(request.body),
    "pwd={{secret:pwd}}&api_{{secret:pwd}}={{secret:api_secret}}&token={{token:1}}")
  lu.assertEquals(vault:mask "a \0010:0\1 secret\1", "a \0010:0\1 {{secret:pwd}}\1")
  lu.assertEquals(replay:unmask "{{secret:pwd}}", "fake-secret-pwd-of-this-cassette")
  request.body = "token=secret&a=fake-secret-pwd-of-this-cassette"
  local mask = replay:mask_request(request)
  lu.assertEquals(mask "fake-secret-pwd-of-this-cassette, secret", "{{secret:pwd}}, {{secret}}")
end

function TestMask.test_a_body_that_is_not_quite_json()
  for _, body in ipairs {
    [[{"access_token":"a1-access","text":"cut \ud83d"}]],
    '{"access_token":"a1-access","id":12345678901234567890123}',
    '{"access_token":"a1-access","x":NaN}', '{"access_token":"a1-access","x":"\xe9"}',
    ')]}\',\n{"access_token":"a1-access"}', 'callback({"access_token" : "a1-access"})',
    '{"access_token":"a1-access","text":"cut off',
    ('{"x":%s1%s,"access_token":"a1-access"}'):format(("["):rep(200), ("]"):rep(200)),
  } do
    local vault = masks.vault()
    vault:learn(call("GET", "https://x/"), { headers = {}, body = body })
    lu.assertNotStrContains(vault:mask(body), "a1-access")
  end
end

function TestMask.test_a_replay_recognises_its_fakes()
  local vault = masks.vault()
  local reply = json.decode(vault:unmask '{"access_token":"{{token:2}}","id_token":"{{jwt:1}}"}')
  lu.assertStrMatches(reply.access_token, "[%w-]+")
  lu.assertStrMatches(reply.id_token, "eyJ[%w_-]+%.eyJ[%w_-]+%.%w+")
  local got = call("POST", "https://x/?t=" .. reply.access_token, {}, "client_secret=another-one&a=1")
  local mask = vault:mask_request(got)
  lu.assertEquals(mask(got.url), "https://x/?t={{token:2}}")
  lu.assertEquals(mask(got.body), "client_secret={{secret}}&a=1")
  lu.assertTrue(masks.same("client_secret={{secret:client_secret}}&a=1", mask(got.body)))
  lu.assertFalse(masks.same("client_secret={{secret:client_secret}}&a=2", mask(got.body)))
  lu.assertFalse(masks.same("https://x/?t={{token:1}}", mask(got.url)))
  lu.assertTrue(masks.same("a *** b", "a {{token:7}} b"))
  lu.assertTrue(masks.same("https://x/hooks/********?a=1&t={{token:2}}",
    "https://x/hooks/any?a=1&t={{secret}}"))
  lu.assertFalse(masks.same("https://x/hooks/********?a=1", "https://x/hooks/any?a=2"))
  lu.assertFalse(masks.same("https://x/hooks/********?a=1", "https://y/hooks/any?a=1"))
end

function TestMask.test_what_is_no_secret_stays()
  local vault = masks.vault()
  local body = '{"code":"not_found","message":"no such thing","token_type":"Bearer","expires_in":3600}'
  vault:learn(call("GET", "https://x/"), { headers = {}, body = body })
  lu.assertEquals(vault:mask(body), body)
  vault:learn(call("POST", "https://x/", {}, "code=splxlOBe&redirect_uri=x"), nil)
  lu.assertEquals(vault:mask "code=splxlOBe&redirect_uri=x", "code={{code:1}}&redirect_uri=x")
end

function TestMask.test_wherever_it_stands()
  local vault = masks.vault()
  local request = call("POST", "https://x/", {}, 'payload={"token":"of-a-payload","text":"hi"}')
  local reply = {
    status = 302,
    headers = { location = "https://app/cb?code=4f0AbCdEfGhIjKlMn&state=s#access_token=of-location" },
    body = '{"tokens":["first-of-list"],"authorization":"Bearer of-a-field","inner":"{\\"client_secret\\":'
      .. '\\"inner-most\\"}","file":"https://s3/x?part=1&X-Amz-Signature=0123abcd","pwd":"pass-word"}',
  }
  vault:learn(request, reply)
  lu.assertEquals(vault:mask(request.body), 'payload={"token":"{{token:1}}","text":"hi"}')
  lu.assertEquals(vault:mask(reply.headers.location),
    "https://app/cb?code={{code:1}}&state=s#access_token={{token:2}}")
  for _, secret in ipairs { "first-of", "of-a-field", "inner-most", "0123abcd", "pass-word" } do
    lu.assertNotStrContains(vault:mask(reply.body), secret)
  end
  lu.assertStrContains(vault:mask(reply.body), "https://s3/x?part=1&X-Amz-Signature={{")
  vault:learn(call("GET", "https://x/"), { headers = {}, body = '{"id":1}\n{"refresh_token":"line-two"}' })
  lu.assertEquals(vault:mask "line-two", "{{token:5}}")
  vault:learn(call("GET", "https://x/"), { headers = {}, body = '<a href="/cb?a=1&amp;token=of-a-page">' })
  lu.assertEquals(vault:mask "of-a-page", "{{token:6}}")
end

--- The value is known as its sender means it, and replaced as it is written.
function TestMask.test_however_it_is_escaped()
  local function location(text) return { status = 302, headers = { location = text }, body = "" } end
  for _, case in ipairs {
    { '{"refresh_token":"a1b2\\u002Bc3d4=="}', '{"refresh_token":"{{token:1}}"}' },
    { '{"password":"\\u00e9cole\\u0026co"}', '{"password":"{{secret:password}}"}' },
    { "password=correct+horse&user=a", "password={{secret:password}}&user=a" },
    { "user=a&password=a%2fb%2fcd", "user=a&password={{secret:password}}" },
    { "user=a&password=hunt%7Eer%21", "user=a&password={{secret:password}}" },
    { "user[password]=hunter22&a=b", "user[password]={{secret:user_password_}}&a=b" },
    { "user[name]=a&user[password]=hunter22", "user[name]=a&user[password]={{secret:user_password_}}" },
    { '\u{FEFF}{"tokens":["first-of","aaa\\/bbb"]}', '\u{FEFF}{"tokens":["{{token:1}}","{{token:2}}"]}' },
    { ')]}\'\n{"token":"aaa\\/bbb"}', ')]}\'\n{"token":"{{token:1}}"}' },
    { '{"token":"first-1","token":"second-2"}', '{"token":"{{token:2}}","token":"{{token:1}}"}' },
    { '{"body":"password=hunter22&b=1"}', '{"body":"password={{secret:password}}&b=1"}' },
    { ('{"a":'):rep(45) .. '{"token":"hunter22"}' .. ("}"):rep(45),
      ('{"a":'):rep(45) .. '{"token":"{{token:1}}"}' .. ("}"):rep(45) },
  } do
    for _, sent in ipairs { true, false } do
      local vault = masks.vault()
      local reply = not sent and { headers = {}, body = case[1] }
      vault:learn(call("POST", "https://x/", {}, sent and case[1]), reply)
      lu.assertEquals(vault:mask(case[1]), case[2])
      lu.assertEquals(vault:mask(vault:unmask(case[2])), case[2])
    end
  end
  for text, masked in pairs {
    ["https://a/cb#access_token=ya29.a%2fb%3d"] = "https://a/cb#access_token={{token:1}}",
    ["https://a/?a=1;user[token]=hunter22"] = "https://a/?a=1;user[token]={{token:1}}",
  } do
    local asked, answered = masks.vault(), masks.vault()
    asked:learn(call("GET", text))
    answered:learn(call("GET", "https://x/"), location(text))
    lu.assertEquals(asked:mask(text), masked)
    lu.assertEquals(answered:mask(text), masked)
  end
end

function TestMask.test_keys_and_signatures()
  local vault = masks.vault()
  vault:learn(call("GET", "https://x/?api_key=qk-short&sig=s%2Fg-888&X-Amz-Signature=f00ba7",
    { ["x-api-key"] = "no-digits", ["ocp-apim-subscription-key"] = "0123456789" }, '{"apiKey":"of-body"}'), {
    headers = { ["x-hub-signature-256"] = "sha256=ab" }, body = "",
  })
  lu.assertEquals(vault:mask "api_key=qk-short&sig=s%2Fg-888&X-Amz-Signature=f00ba7",
    "api_key={{secret:api_key}}&sig={{secret:sig}}&X-Amz-Signature={{secret:x_amz_signature}}")
  lu.assertEquals(vault:mask "no-digits 0123456789 of-body sha256=ab", "{{secret:x_api_key}} "
    .. "{{secret:ocp_apim_subscription_key}} {{secret:apikey}} {{secret:x_hub_signature_256}}")
  local plain = "https://x/?sort_key=created_at&issueKey=AB-1234&keyword=invoice-2024"
  vault:learn(call("GET", plain, { ["idempotency-key"] = "0123456789" }, '{"key":"invoice-2024"}'), nil)
  lu.assertEquals(vault:mask(plain), plain)
end

function TestMask.test_escapes_and_more_names()
  local vault = masks.vault { "PIN" }
  vault:learn(call("POST", "https://x/", {}, '{"pin":"12/34/56","password":"pa\\"ss/word"}'))
  lu.assertEquals(vault:mask '{"pin":"12\\/34\\/56","again":"pa\\"ss/word"}',
    '{"pin":"{{masked:1}}","again":"{{secret:password}}"}')
  lu.assertEquals(vault:mask "q=12%2F34%2F56", "q={{masked:1}}")
end

local TestFile = {}

-- What YAML does not have as it is, or reads as something else.
local ODD = "\u{FEFF}{}\0\x7f\u{85}\u{80}\u{9F}\u{2028}\u{FFFE}\u{FFFF}"

function TestFile.test_it_is_read_as_it_was_written()
  local path = os.tmpname()
  local calls = {
    { request = call("POST", "https://x/y?z=1", { accept = "a", host = "x" }, 'a "b"\n\u{e9}'),
      reply = { status = 201, headers = { date = "d", ["content-length"] = "2", x = "caf\xe9",
                  ["set-cookie"] = { "a=1", "b=\xe9" } },
                body = "\0\xff" } },
    { request = call("GET", "https://x/", { x = "\xff" }, ODD), reply = { broken = "cut" } },
    { request = call("HEAD", "https://x/"),
      reply = { status = 200, headers = { ["content-length"] = "7" }, body = "" } },
  }
  local out = assert(io.open(path, "w"))
  out:write(files.text(1800000000, { "books", "c\u{E9}" }, calls))
  out:close()
  local at, read, renewed = files.read(path)
  os.remove(path)
  lu.assertEquals(at, 1800000000)
  lu.assertEquals(renewed, { "books", "c\u{E9}" })
  lu.assertEquals(read[1].request, call("POST", "https://x/y?z=1", { accept = "a" }, 'a "b"\n\u{e9}'))
  lu.assertEquals(read[1].reply.body, "\0\xff")
  lu.assertEquals(read[1].reply.headers, { ["set-cookie"] = { "a=1", "b=\xe9" }, x = "caf\xe9" })
  lu.assertEquals(read[2].request, call("GET", "https://x/", { x = "\xff" }, ODD))
  lu.assertEquals(read[2].reply.broken, "cut")
  lu.assertEquals(read[3].reply.headers, { ["content-length"] = "7" }) -- what was asked for
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestMask", TestMask }, { "TestFile", TestFile } })
