-- What JSON cannot do without, the same through every module that reads or writes it. Each value comes
-- back exactly, or is refused by all.
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local server = require "jeton.server"
local state = require "jeton.state"

local TEXT_MAX = 64 * 1024 * 1024 -- bytes of a JSON text, and of a reply

-- Text, and how it is written again.
local exact = {
  ["636674054802000001"] = "636674054802000001",
  ["-9223372036854775808"] = "-9223372036854775808",
  ["-0"] = "-0.0",
  ["5"] = "5",
  ["5.0"] = "5.0",
  ["[]"] = "[]",
  ["{}"] = "{}",
  ["[[],{}]"] = "[[],{}]",
  ['"\\ud83d\\ude00"'] = '"😀"',
}

-- Text that is no exact value, what its refusal says, and what a reply's reader makes of it.
local inexact = {
  ["1e400"] = { "beyond the range of a double", '"1e400"' },
  ["-1e400"] = { "beyond the range of a double", '"-1e400"' },
  ["1e-400"] = { "too near to 0", "0.0" },
  ["18446744073709551615"] = { "beyond 64 bits", "1.8446744073709552e+19" },
  ["NaN"] = { "NaN and Infinity are not values of JSON", '"NaN"' },
  ["-Infinity"] = { "NaN and Infinity are not values of JSON", '"-Infinity"' },
  ['"\\ud800"'] = { "without its other half", '"\u{FFFD}"' },
  ['"\\udc00\\ud800\\n\\ud83d\\ude00"'] = { "without its other half", '"\u{FFFD}\u{FFFD}\\n😀"' },
}

-- What JSON refuses and a reader of replies takes; with lenient it is Latin-1.
local not_utf8 = {
  ['"a\xf0\x9f\x98"'] = '"a\u{FFFD}"',
  ['{"\xff":"\xed\xa0\xbd\xed\xb8\x80 \xed\xa0\xbd\x01"}'] = '{"\u{FFFD}":"😀 \u{FFFD}\\u0001"}',
}

-- Text, and what its refusal says.
local bad_texts = {
  [("["):rep(10000) .. ("]"):rep(10000)] = "nested deeper than 128 levels",
  [('{"a":'):rep(10000) .. "1" .. ("}"):rep(10000)] = "nested deeper than 128 levels",
}

local deep = {}
for _ = 1, 10000 do deep = { deep } end

-- Values that no text stands for, and what their refusal says.
local bad_values = {
  ["NaN"] = { 0 / 0, "NaN and infinity cannot be written" },
  ["infinity"] = { math.huge, "NaN and infinity cannot be written" },
  ["a lone surrogate"] = { "\xed\xa0\x80", "not UTF-8" },
  ["depth 10,000"] = { deep, "nested deeper than 128 levels" },
}

-- A server that answers with the body that it got, and remembers it.
local received
local echo = assert(server.listen {
  max_body = TEXT_MAX + 2,
  handler = function(request)
    received = request.body
    return { body = request.body }
  end,
})
local url = ("http://127.0.0.1:%d/"):format(echo.port)

local function reply_of(text)
  return assert(http.post(url, { body = text }))
end

-- How a text is read: each gives a value, or nil and an err.
local readers = {
  ["json.decode"] = json.decode,
  ["json.decode, lenient"] = function(text) return json.decode(text, { lenient = true, mend = false }) end,
  ["response:json, strict"] = function(text) return reply_of(text):json { mend = false } end,
  ["a handler"] = function(text)
    reply_of(text)
    return json.decode(received)
  end,
}

-- The same, for those that take what cannot be exact as near as can be.
local menders = {
  ["json.decode, mend"] = function(text) return json.decode(text, { mend = true }) end,
  ["response:json"] = function(text) return reply_of(text):json() end,
  ["json.decode, lenient"] = function(text) return json.decode(text, { lenient = true }) end,
  ["response:json, lenient"] = function(text) return reply_of(text):json { lenient = true } end,
}

-- How a value is written: each gives the text, or nil and an err.
local writers = {
  ["json.encode"] = json.encode,
  ["http.request"] = function(value)
    received = nil
    local _, err = http.post(url, { json = value })
    return received, err
  end,
  ["state.set"] = function(value)
    local ok, err = pcall(state.set, "fact", value)
    if not ok then return nil, err end
    return json.encode(state.get "fact")
  end,
}

local TestFacts = {}

function TestFacts.test_read_exactly_and_written_again()
  for _, all in ipairs { readers, menders } do
    for reader, read in pairs(all) do
      for text, again in pairs(exact) do
        local value, err = read(text)
        lu.assertNil(err, reader .. " of " .. text)
        for writer, write in pairs(writers) do
          lu.assertEquals(write(value), again, reader .. ", " .. writer .. " of " .. text)
        end
      end
    end
  end
end

local function assert_refused(text, says, reader, read)
  local value, err = read(text)
  lu.assertNil(value, reader .. " of " .. text:sub(1, 20))
  lu.assertEquals(err.kind, "invalid")
  lu.assertStrContains(err.message, says)
end

function TestFacts.test_texts_that_all_refuse()
  for text, says in pairs(bad_texts) do
    for reader, read in pairs(readers) do assert_refused(text, says, reader, read) end
    for reader, read in pairs(menders) do assert_refused(text, says, reader, read) end
  end
end

function TestFacts.test_what_cannot_be_exact()
  for text, case in pairs(inexact) do
    for reader, read in pairs(readers) do assert_refused(text, case[1], reader, read) end
    for reader, read in pairs(menders) do
      lu.assertEquals(json.encode(assert(read(text))), case[2], reader .. " of " .. text)
    end
  end
  for text, mended in pairs(not_utf8) do
    assert_refused(text, "expected UTF-8", "json.decode", json.decode)
    lu.assertEquals(json.encode(assert(reply_of(text):json())), mended)
    lu.assertNotEquals(json.encode(assert(reply_of(text):json { lenient = true })), mended)
  end
end

function TestFacts.test_values_that_all_refuse()
  for writer, write in pairs(writers) do
    for name, case in pairs(bad_values) do
      local text, err = write { case[1] }
      lu.assertNil(text, writer .. " of " .. name)
      lu.assertEquals(err.kind, "invalid")
      lu.assertStrContains(err.message, case[2])
    end
  end
end

function TestFacts.test_the_longest_string()
  local long = ("x"):rep(TEXT_MAX - 2)
  local text = assert(json.encode(long))
  lu.assertEquals(#text, TEXT_MAX)
  lu.assertTrue(json.decode(text) == long)
  lu.assertTrue(reply_of(text):json() == long)
end

function TestFacts.test_a_string_of_64_mib()
  local long = ("x"):rep(TEXT_MAX)
  local text = '"' .. long .. '"'
  for _, options in ipairs { {}, { lenient = true } } do
    local value, err = json.decode(text, options)
    lu.assertNil(value)
    lu.assertStrContains(err.message, "over the limit of 67108864 bytes")
  end
  local response, err = http.post(url, { body = text })
  lu.assertNil(response)
  lu.assertStrContains(err.message, "over 67108864 bytes")
  for writer, write in pairs(writers) do
    local written
    written, err = write(long)
    lu.assertNil(written, writer)
    lu.assertEquals(err.kind, "invalid")
    lu.assertStrContains(err.message, "over")
  end
end

local result = lu.LuaUnit.new():runSuiteByInstances { { "TestFacts", TestFacts } }
state.set("fact", nil)
echo:close()
os.exit(result)
