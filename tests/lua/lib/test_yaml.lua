-- jeton.yaml: values, positions in errors, files.
local json = require "jeton.json"
local lu = require "luaunit"
local yaml = require "jeton.yaml"

local TestDecode = {}

function TestDecode.test_scalars_follow_the_core_schema()
  local t = assert(yaml.decode [[
null_word: null
tilde: ~
nothing:
yes_word: yes
on_word: on
truth: true
falsehood: False
int: 42
negative: -7
leading_zero: 012
octal: 0o17
hex: 0x1F
big: 9223372036854775807
too_big: 9223372036854775808
float: 1.5
exponent: 1e3
quoted: "5"
single: 'true'
tagged: !!str 5
date: 2001-01-01
sexagesimal: 1:30
]])
  lu.assertEquals(t.null_word, json.null)
  lu.assertEquals(t.tilde, json.null)
  lu.assertEquals(t.nothing, json.null)
  lu.assertEquals(t.yes_word, "yes")
  lu.assertEquals(t.on_word, "on")
  lu.assertIsTrue(t.truth)
  lu.assertIsFalse(t.falsehood)
  lu.assertEquals(t.int, 42)
  lu.assertEquals(math.type(t.int), "integer")
  lu.assertEquals(t.negative, -7)
  lu.assertEquals(t.leading_zero, 12)
  lu.assertEquals(t.octal, 15)
  lu.assertEquals(t.hex, 31)
  lu.assertEquals(t.big, math.maxinteger)
  lu.assertEquals(t.too_big, "9223372036854775808")
  lu.assertEquals(t.float, 1.5)
  lu.assertEquals(t.exponent, 1000.0)
  lu.assertEquals(math.type(t.exponent), "float")
  lu.assertEquals(t.quoted, "5")
  lu.assertEquals(t.single, "true")
  lu.assertEquals(t.tagged, "5")
  lu.assertEquals(t.date, "2001-01-01")
  lu.assertEquals(t.sexagesimal, "1:30")
end

function TestDecode.test_nan_and_infinity()
  local t = assert(yaml.decode "[.inf, -.inf, .nan]")
  lu.assertEquals(t[1], math.huge)
  lu.assertEquals(t[2], -math.huge)
  lu.assertTrue(t[3] ~= t[3])
end

function TestDecode.test_strings_keep_every_byte()
  lu.assertEquals(yaml.decode [["a\0b\u00e9"]], "a\0b\u{e9}")
  lu.assertEquals(yaml.decode "|\n  one\n  two\n", "one\ntwo\n")
  lu.assertEquals(yaml.decode ">\n  one\n  two\n", "one two\n")
end

function TestDecode.test_lists_are_marked()
  local t = assert(yaml.decode "empty: []\nmap: {}\nlist: [1, [2]]\n")
  lu.assertTrue(json.is_array(t.empty))
  lu.assertTrue(json.is_array(t.list[2]))
  lu.assertFalse(json.is_array(t.map))
  lu.assertEquals(json.encode(t), '{"empty":[],"list":[1,[2]],"map":{}}')
end

function TestDecode.test_keys_are_strings()
  local t = assert(yaml.decode "1: a\ntrue: b\n")
  lu.assertEquals(t["1"], "a")
  lu.assertEquals(t["true"], "b")
  lu.assertNil(t[1])
end

function TestDecode.test_an_alias_is_a_value_of_its_own()
  local t = assert(yaml.decode "a: &x {k: 1}\nb: *x\n")
  lu.assertEquals(t.b, { k = 1 })
  t.b.k = 2
  lu.assertEquals(t.a.k, 1)
end

function TestDecode.test_empty()
  lu.assertEquals(yaml.decode "", json.null)
  lu.assertEquals(yaml.decode "# comment\n", json.null)
end

-- Pairs of a text and the message that it must give.
local REFUSED = {
  { "a: 1\na: 2\n", "line 2, column 1: key 'a' is given twice; it is at line 1 already" },
  { "a:\n\tb: 1\n", "line 2, column 1: a tab cannot be used for indentation; use spaces" },
  { "a: *b\n", "line 1, column 4: this alias has no anchor before it" },
  { "a: 1\n---\nb: 1\n", "line 2, column 1: a second document starts here; a file holds one" },
  { "a: \xff\n", "line 1, column 4: not UTF-8; save the file as UTF-8" },
  { "a: \0\n", "line 1, column 4: the control character U+0000 is not allowed" },
  { "? [a]\n: 1\n", "line 1, column 3: a key must be a text, not a list or a mapping" },
  { ("["):rep(100), "line 1, column 65: nested more than 64 levels deep" },
  { "a: 1\na: 2\na: 3\n", "line 2, column 1: key 'a' is given twice; it is at line 1 already (and 1 more)" },
}

function TestDecode.test_errors_say_where()
  for _, case in ipairs(REFUSED) do
    local value, err = yaml.decode(case[1])
    lu.assertNil(value)
    lu.assertEquals(err.kind, "invalid")
    lu.assertEquals(err.message, case[2])
  end
end

function TestDecode.test_alias_bomb()
  local lines = { "a0: &a0 [x, x, x, x, x, x, x, x, x, x]" }
  for i = 1, 12 do
    lines[#lines + 1] = ("a%d: &a%d [%s]"):format(i, i, ("*a%d, "):format(i - 1):rep(10))
  end
  local value, err = yaml.decode(table.concat(lines, "\n"))
  lu.assertNil(value)
  lu.assertStrContains(err.message, "aliases counted each time")
end

function TestDecode.test_misuse_raises()
  lu.assertErrorMsgContains("string expected", yaml.decode)
  lu.assertErrorMsgContains("string expected", yaml.decode, {})
  lu.assertErrorMsgContains("a path expected", yaml.load, "a\0b")
end

function TestDecode.test_numbers_as_in_args()
  local text = "[+33100000001, 0123, '1', -5, 0.5, 0]"
  lu.assertEquals(yaml.decode(text, "args"), { "+33100000001", "0123", "1", -5, 0.5, 0 })
  lu.assertEquals(yaml.decode(text, "core"), { 33100000001, 123, "1", -5, 0.5, 0 })
  lu.assertErrorMsgContains("invalid option 'other'", yaml.decode, text, "other")
end

local TestLoad = {}

function TestLoad:setUp()
  self.path = os.tmpname()
end

function TestLoad:tearDown()
  os.remove(self.path)
end

function TestLoad:put(text)
  local file = assert(io.open(self.path, "w"))
  assert(file:write(text))
  assert(file:close())
end

function TestLoad:test_a_file()
  self:put "name: Sales\nmembers: ['+33100000001']\n"
  lu.assertEquals(yaml.load(self.path), { name = "Sales", members = { "+33100000001" } })
end

function TestLoad:test_errors_name_the_file()
  self:put "a: [\n"
  local value, err = yaml.load(self.path)
  lu.assertNil(value)
  lu.assertStrContains(err.message, self.path .. ":2:1: expected a value here")
  value, err = yaml.load(self.path .. ".none")
  lu.assertNil(value)
  lu.assertEquals(err.kind, "invalid")
  lu.assertEquals(err.message, ("cannot read '%s.none': No such file or directory"):format(self.path))
  value, err = yaml.load "/"
  lu.assertNil(value)
  lu.assertEquals(err.message, "cannot read '/': expected a regular file")
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances { { "TestDecode", TestDecode }, { "TestLoad", TestLoad } } == 0
