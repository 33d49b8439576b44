-- jeton.json from Lua. The parser itself is tested in unit/text/test_json.c.
local cjson = require "cjson"
local json = require "jeton.json"
local lu = require "luaunit"

-- What comes back from text that must be readable.
local function decode(text, options)
  local value, err = json.decode(text, options)
  lu.assertNil(err)
  return value
end

-- The message of value's refusal.
local function refused(value, options)
  local text, err = json.encode(value, options)
  lu.assertNil(text)
  lu.assertEquals(err.kind, "invalid")
  return err.message
end

local function nested(depth)
  local value = {}
  for _ = 2, depth do value = { value } end
  return value
end

local TestDecode = {}

function TestDecode.test_types()
  lu.assertEquals(math.type(decode "5"), "integer")
  lu.assertEquals(math.type(decode "5.0"), "float")
  lu.assertEquals(decode "636674054802000001", 636674054802000001)
  lu.assertEquals(decode "-9223372036854775808", math.mininteger)
  lu.assertEquals(decode '"caf\\u00e9"', "café")
  lu.assertEquals(decode '"a\\u0000b"', "a\0b")
  lu.assertIs(decode "true", true)
  lu.assertIs(decode "false", false)
  lu.assertEquals(decode "null", json.null)
  lu.assertEquals(1 / decode "-0", -math.huge)
end

function TestDecode.test_containers()
  local value = decode '{"list":[1,[2,null],{}],"empty":[],"object":{"a":{"b":"c"}}}'
  lu.assertEquals(#value.list, 3)
  lu.assertEquals(value.list[2][2], json.null)
  lu.assertEquals(value.object.a.b, "c")
  lu.assertTrue(json.is_array(value.list))
  lu.assertTrue(json.is_array(value.list[2]))
  lu.assertTrue(json.is_array(value.empty))
  lu.assertFalse(json.is_array(value.list[3]))
  lu.assertFalse(json.is_array(value))
end

function TestDecode.test_the_last_member_of_a_name_counts()
  lu.assertEquals(decode '{"a":1,"a":2}', { a = 2 })
end

function TestDecode.test_refusals()
  for text, message in pairs {
    [""] = "invalid JSON at 1:1: expected a value, found the end of the text",
    ["[1,\n 2"] = "invalid JSON at 2:3: expected ',' or ']', found the end of the text",
    ["{a:1}"] = "invalid JSON at 1:2: expected a key in quotes or '}', found 'a'",
    ["NaN"] = "invalid JSON at 1:1: NaN and Infinity are not values of JSON; send null instead",
    ["1e400"] = "invalid JSON at 1:1: a number beyond the range of a double (1.8e308) cannot be read",
    ['"\xff"'] = "invalid JSON at 1:2: expected UTF-8, found the byte 0xff",
  } do
    local value, err = json.decode(text)
    lu.assertNil(value)
    lu.assertEquals(err.kind, "invalid")
    lu.assertEquals(err.message, message)
  end
end

function TestDecode.test_lenient()
  local text = "{message: 'it\\'s', ok: True, n: None, /* c */ list: [1, 2,],}"
  lu.assertNil(json.decode(text))
  local expected = { message = "it's", ok = true, n = json.null, list = { 1, 2 } }
  lu.assertEquals(decode(text, { lenient = true }), expected)
  lu.assertEquals(decode('"caf\xe9"', { lenient = true }), "café")
end

function TestDecode.test_limits()
  local function check(text, options, message)
    lu.assertStrContains(select(2, json.decode(text, options)).message, message)
  end
  lu.assertNotNil(json.decode(("["):rep(128) .. ("]"):rep(128)))
  check(("["):rep(10000), nil, "nested deeper than 128 levels")
  check("[[]]", { max_depth = 1 }, "nested deeper than 1 levels")
  lu.assertNotNil(json.decode("1234", { max_bytes = 4 }))
  check("12345", { max_bytes = 4 }, "over the limit of 4 bytes")
end

function TestDecode.test_long_string()
  local long = ("x"):rep(4 * 1024 * 1024)
  lu.assertTrue(decode('"' .. long .. '"') == long)
end

-- Over 64 KiB: its keys are kept, and the collector stands still while it is read.
function TestDecode.test_large()
  local rows, texts = {}, {}
  for i = 1, 1500 do
    local row = { id = i, ["key" .. i] = "value" .. i, ["k\0" .. i % 7] = true }
    row[("l"):rep(i % 50 + 1)] = { i }
    rows[i], texts[i] = row, json.encode(row)
  end
  texts[1] = '{"i\\u0064":1,"key1":0,"key1":"value1","k\\u00001":true,"l":[],"ll":[1]}'
  rows[1].l, rows[1].ll = {}, { 1 }
  local text = "[" .. table.concat(texts, ",") .. "]"
  lu.assertTrue(#text > 64 * 1024)
  lu.assertEquals(decode(text), rows)
  lu.assertTrue(collectgarbage "isrunning")
  lu.assertStrContains(select(2, json.decode(text:sub(1, -2))).message, "the end of the text")
  lu.assertTrue(collectgarbage "isrunning")
  collectgarbage "stop"
  decode "[{}]"
  local running = collectgarbage "isrunning" -- under stress.lua
  lu.assertEquals(decode(text), rows)
  lu.assertEquals(collectgarbage "isrunning", running)
  collectgarbage "restart"
end

-- Room for the fields of the last object is made for the next one: it changes nothing but time.
function TestDecode.test_objects_of_all_sizes()
  for _, size in ipairs { 0, 1, 200, 0, 3, 64, 65, 2 } do
    local object = {}
    for i = 1, size do object["field" .. i] = { i } end
    lu.assertEquals(decode(json.encode(object)), object)
  end
end

function TestDecode.test_misuse()
  lu.assertErrorMsgContains("string expected, got table", json.decode, {})
  lu.assertErrorMsgContains("unknown option 'lenent'; did you mean 'lenient'?", json.decode, "1",
    { lenent = true })
  lu.assertErrorMsgContains("max_depth must be 1 to 128", json.decode, "1", { max_depth = 129 })
  lu.assertErrorMsgContains("max_bytes must be 1 to 67108864", json.decode, "1", { max_bytes = 0 })
end

local TestEncode = {}

function TestEncode.test_scalars()
  lu.assertEquals(json.encode(5), "5")
  lu.assertEquals(json.encode(5.0), "5.0")
  lu.assertEquals(json.encode(-0.0), "-0.0")
  lu.assertEquals(json.encode(0.1), "0.1")
  lu.assertEquals(json.encode(1e100), "1e+100")
  lu.assertEquals(json.encode(2 ^ 53), "9007199254740992.0")
  lu.assertEquals(json.encode(math.mininteger), "-9223372036854775808")
  lu.assertEquals(json.encode 'a"\\/\b\f\n\r\t\0\x1f\x7f é',
    '"a\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f é"')
  lu.assertEquals(json.encode(true), "true")
  lu.assertEquals(json.encode(nil), "null")
  lu.assertEquals(json.encode(json.null), "null")
end

function TestEncode.test_lists_and_objects()
  lu.assertEquals(json.encode {}, "{}")
  lu.assertEquals(json.encode(json.array()), "[]")
  lu.assertEquals(json.encode(json.array {}), "[]")
  lu.assertEquals(json.encode { 1, { 2 }, { a = json.array {} } }, '[1,[2],{"a":[]}]')
  lu.assertEquals(json.encode(json.array { "x" }), '["x"]')
  lu.assertEquals(json.encode { a = json.null }, '{"a":null}')
end

function TestEncode.test_keys_in_byte_order()
  lu.assertEquals(json.encode { b = 1, a = 2, B = 3, [""] = 4, ab = 5, ["é"] = 6, ["a\0"] = 7 },
    '{"":4,"B":3,"a":2,"a\\u0000":7,"ab":5,"b":1,"é":6}')
end

function TestEncode.test_many_and_long_keys()
  local value, expected = {}, {}
  for i = 1, 2000 do
    local key = ("%05d"):format(i) .. ("x"):rep(50) -- longer than what Lua keeps once
    value[key] = i
    expected[i] = ('"%s":%d'):format(key, i)
  end
  lu.assertTrue(json.encode(value) == "{" .. table.concat(expected, ",") .. "}")
end

function TestEncode.test_indent()
  local value = { list = { 1, { a = 2 } }, empty = json.array(), none = {} }
  lu.assertEquals(json.encode(value, { indent = 2 }),
    '{\n  "empty": [],\n  "list": [\n    1,\n    {\n      "a": 2\n    }\n  ],\n  "none": {}\n}')
  lu.assertEquals(json.encode(value, { indent = 0 }), json.encode(value))
end

function TestEncode.test_what_cannot_be_written_is_named_by_its_path()
  lu.assertEquals(refused(print), "$: a function cannot be written as JSON")
  lu.assertEquals(refused { a = { 1, 2, print } }, "$.a[3]: a function cannot be written as JSON")
  lu.assertEquals(refused { a = { ["b c"] = coroutine.create(print) } },
    '$.a["b c"]: a thread cannot be written as JSON')
  lu.assertEquals(refused { x = 0 / 0 }, "$.x: NaN and infinity cannot be written as JSON")
  lu.assertEquals(refused { -math.huge }, "$[1]: NaN and infinity cannot be written as JSON")
  lu.assertEquals(refused { name = "caf\xe9" }, "$.name: a string that is not UTF-8")
  lu.assertEquals(refused { deep = { ["\xff"] = 1 } }, "$.deep: a key that is not UTF-8")
  lu.assertEquals(refused { a = { 1, b = 2 } }, "$.a: a table with both the keys of a list and string keys")
  local marked = json.array { 1 }
  marked.b = 2
  lu.assertEquals(refused(marked), "$: a table with both the keys of a list and string keys")
  lu.assertEquals(refused { 1, nil, 3 }, "$: a list with holes (2 values, but the last is at 3)")
  lu.assertEquals(refused { [2] = 1 }, "$: a list with holes (1 values, but the last is at 2)")
  local key = "$: a table with a key that is neither a string nor 1, 2, 3 … "
  lu.assertEquals(refused { [0] = 1 }, key .. "(a number)")
  lu.assertEquals(refused { [1.5] = 1 }, key .. "(a number)")
  lu.assertEquals(refused { [true] = 1 }, key .. "(a boolean)")
end

function TestEncode.test_depth_and_cycles()
  lu.assertEquals(json.encode(nested(128)), ("["):rep(127) .. "{}" .. ("]"):rep(127))
  lu.assertStrContains(refused(nested(129)), "nested deeper than 128 levels, or a table that contains itself")
  local cycle = {}
  cycle.me = { cycle }
  lu.assertStrMatches(refused(cycle), "^%$%.me%[1%]%.me%[1%].*…: nested deeper than 128 levels.*$")
end

function TestEncode.test_no_metamethod_is_called()
  local proxy = setmetatable({ a = 1 }, {
    __index = error,
    __pairs = error,
    __len = error,
    __tostring = error,
  })
  lu.assertEquals(json.encode(proxy), '{"a":1}')
end

function TestEncode.test_misuse()
  lu.assertErrorMsgContains("value expected", json.encode)
  lu.assertErrorMsgContains("did you mean 'indent'?", json.encode, 1, { intend = 2 })
  lu.assertErrorMsgContains("indent must be 0 to 8 spaces", json.encode, 1, { indent = 9 })
end

local TestArray = {}

function TestArray.test_marks_the_table_itself()
  local list = { 1 }
  lu.assertFalse(json.is_array(list))
  lu.assertIs(json.array(list), list)
  lu.assertTrue(json.is_array(list))
  lu.assertIs(json.array(list), list) -- again
  lu.assertFalse(json.is_array(5))
  lu.assertFalse(json.is_array(setmetatable({}, {})))
end

function TestArray.test_misuse()
  lu.assertErrorMsgContains("table expected", json.array, 5)
  lu.assertErrorMsgContains("a table without a metatable expected", json.array, setmetatable({}, {}))
end

local TestRoundTrip = {}

function TestRoundTrip.test_texts_come_back_as_they_were()
  for _, text in ipairs {
    "636674054802000001",
    "5",
    "5.0",
    "-0.0",
    "[]",
    "{}",
    "null",
    '{"a":[],"b":{},"c":[[],{}],"d":null}',
    "[0.1,1e+20,4.94065645841247e-324,1.7976931348623157e+308]",
    '"\\u0000\\u001f é 😀"',
  } do
    lu.assertEquals(json.encode(decode(text)), text)
  end
end

function TestRoundTrip.test_doubles()
  for _, number in ipairs { 1 / 3, math.pi, 2 ^ 0.5, 1e-300, 123456789.125, 2 ^ 1023, 5e-324 } do
    lu.assertEquals(decode(json.encode(number)), number)
  end
end

-- Why jeton.json exists. If cjson ever does better, this tells.
local TestBesideCjson = {}

function TestBesideCjson.test_five()
  lu.assertEquals(cjson.encode(cjson.decode "[5]"), "[5]")
  lu.assertEquals(math.type(cjson.decode("[5]")[1]), "float")
  lu.assertEquals(tostring(cjson.decode("[5]")[1]), "5.0")
  lu.assertEquals(tostring(decode("[5]")[1]), "5")
end

function TestBesideCjson.test_cursor()
  lu.assertNotEquals(("%d"):format(cjson.decode("[636674054802000001]")[1] // 1 | 0), "636674054802000001")
  lu.assertEquals(("%d"):format(decode("[636674054802000001]")[1]), "636674054802000001")
end

function TestBesideCjson.test_empty_list_and_object()
  lu.assertEquals(cjson.encode(cjson.decode "[]"), "{}")
  lu.assertEquals(json.encode(decode "[]"), "[]")
  lu.assertEquals(cjson.encode(cjson.decode "{}"), "{}")
  lu.assertEquals(json.encode(decode "{}"), "{}")
end

function TestBesideCjson.test_it_nests_no_deeper_than_the_stack_of_c()
  for _, module in ipairs { cjson, cjson.new(), (require "cjson.safe") } do
    for _, name in ipairs { "decode_max_depth", "encode_max_depth" } do
      lu.assertErrorMsgContains("at most 1000 levels", module[name], 1001)
      lu.assertErrorMsgContains("at most 1000 levels", module[name], math.huge)
      lu.assertEquals(module[name](), 1000)
      lu.assertEquals(module[name](10), 10)
      lu.assertErrorMsgContains("number expected", module[name], {})
      module[name](1000)
    end
  end
end

-- A handler of errors that fails is called for its own error, 200 times on top of each other: what is raised
-- a thousand levels deep must have left them.
function TestBesideCjson.test_handlers_of_its_errors_that_fail()
  if os.getenv "JETON_FAULT" then
    return -- under stress.lua it takes minutes
  end
  local value = print
  for _ = 1, 990 do value = { value } end
  for _, module in ipairs { cjson, cjson.new() } do
    lu.assertFalse((xpcall(error, function() return module.decode(("["):rep(990) .. "x") end)))
    lu.assertFalse((xpcall(error, function() return module.encode(value) end)))
    lu.assertErrorMsgMatches("^[^:]+:%d+: Expected value .*", function() module.decode "x" end)
    lu.assertErrorMsgMatches("^[^:]+:%d+: bad argument #1 to 'decode' .*", function() module.decode(nil) end)
  end
end

-- It counts in ints: of a text of 358 MB its buffer was too small.
function TestBesideCjson.test_what_it_encodes_is_bounded()
  local sparse = cjson.new()
  sparse.encode_sparse_array(false, 0)
  lu.assertErrorMsgContains("a text of over 256 MiB", sparse.encode, { [60000000] = 1 }) -- "null,null,…
  lu.assertEquals(sparse.encode { [3] = 1 }, "[null,null,1]")
end

function TestBesideCjson.test_null_is_the_same()
  lu.assertEquals(json.null, cjson.null)
  lu.assertEquals(json.encode(cjson.decode "[null]"), "[null]")
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances {
  { "TestDecode", TestDecode },
  { "TestEncode", TestEncode },
  { "TestArray", TestArray },
  { "TestRoundTrip", TestRoundTrip },
  { "TestBesideCjson", TestBesideCjson },
} == 0
