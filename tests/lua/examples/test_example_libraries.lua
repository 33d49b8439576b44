-- The libraries of scripts/examples: XML, feeds.
local lu = require "luaunit"

package.path = os.getenv "JETON_SOURCE" .. "/scripts/examples/?.lua;" .. package.path
local xml = require "lib.xml"
local feed = require "lib.feed"

local TestXml = {}

local function parse(text) return xml.parse(text, "x.xml") end

function TestXml.test_a_tree()
  local root = parse [==[<?xml version="1.0"?><!DOCTYPE a SYSTEM "x">
<a n='1 "2"' m:o = "&lt;&amp;&#233;&#xE9;"><!-- <no> -- > --><b/>
text <![CDATA[<c> &amp;]]></a >
]==]
  lu.assertEquals({ root.name, root.line, root.attributes },
    { "a", 2, { n = '1 "2"', ["m:o"] = "<&éé" } })
  lu.assertEquals({ root[1].name, root[1].line, #root[1] }, { "b", 2, 0 })
  lu.assertEquals(table.concat(root, "", 2), "\ntext <c> &amp;")
  lu.assertEquals(xml.text(parse "<a> x<b>y<c>z</c></b> </a>"), "xyz")
  lu.assertEquals(parse("\u{FEFF}<é.1/>").name, "é.1")
end

function TestXml.test_what_is_wrong()
  for text, says in pairs {
    [""] = ":1: there is no element",
    ["<a>\n<b>\n</a>"] = ":3: </a> closes nothing: <b> of line 2 is open",
    ["<a/></a>"] = ":1: </a> closes nothing",
    ["<a>\n"] = ":1: the text ends while <a> of line 1 is open",
    ["<a/>\n<b/>"] = ":2: this is outside of the root element",
    ["<a/>\n\n text"] = ":3: this is outside of the root element",
    ["<a>\n&nbsp;</a>"] = ":2: '&nbsp;' is not an XML entity; write a plain & as &amp;",
    ["<a>Q & A</a>"] = ":1: '&' is not an XML entity",
    ["<a>&#0;</a>"] = "'&#0;' is not an XML entity",
    ["<a>&#xD800;</a>"] = "'&#xD800;' is not an XML entity",
    ["<a>&#12ab;</a>"] = "'&#12ab;' is not an XML entity",
    ["<a b>"] = ":1: the tag <a> is malformed",
    ["<a\nb=1>"] = ":1: the tag <a> is malformed",
    ["<a b='1' b='2'/>"] = ":1: the attribute 'b' of <a> is duplicate, or has no closing quote",
    ["<a b='1/>\n<c d='2'/>"] = ":1: the attribute 'b' of <a> is duplicate, or has no closing quote",
    ["<a b='1/>"] = ":1: the attribute 'b' is never closed",
    ["<a>1 < 2</a>"] = ":1: this is not a tag; write a plain < as &lt;",
    ["<a></a"] = ":1: this tag is malformed",
    ["<a>\n<!-- x"] = ":2: this comment is never closed",
    ["<a><![CDATA[x</a>"] = ":1: this CDATA is never closed",
    ["<?xml"] = ":1: this instruction is never closed",
    ["<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"] = ":1: this is not a tag",
    ["<a>\n\xE9</a>"] = ":2: this is not UTF-8",
    [("<a>"):rep(101)] = "over 100 nested elements",
  } do
    lu.assertErrorMsgContains("x.xml", parse, text)
    lu.assertErrorMsgContains(says, parse, text)
  end
end

function TestXml.test_a_long_one()
  local list = {}
  for i = 1, 300 do list[i] = ("<item><title>Item %d</title>\n<guid>%d</guid></item>"):format(i, i) end
  local items = feed.parse("<rss><channel>" .. table.concat(list) .. "</channel></rss>", "x.xml")
  lu.assertEquals({ #items, items[300].id, items[300].line }, { 300, "300", 300 })
end

function TestXml.test_blanks_within_a_text_take_no_time()
  local text = "a" .. (" "):rep(2000000) .. "b"
  lu.assertEquals(#xml.text(parse("<a> " .. text .. " </a>")), #text)
  lu.assertEquals(xml.trim((" "):rep(2000000)), "")
end

local TestFeed = {}

function TestFeed.test_which_element_is_what()
  local function item(text)
    return feed.parse("<rss><channel><item>" .. text .. "</item></channel></rss>", "x.xml")[1]
  end
  lu.assertEquals(item "<link>https://a/1</link>".id, "https://a/1")
  lu.assertEquals(item "<title>T</title>".id, "T")
  lu.assertNil(item "<guid>1</guid><enclosure url='a.mp3' type='audio/mpeg'/>".picture)
  lu.assertNil(item "<guid>1</guid><image url='a.png' type='image/png'/>".picture)
  lu.assertEquals(item "<guid>1</guid><media:content url='a' medium='image'/><enclosure/>".picture, "a")
  lu.assertEquals(item "<guid>1</guid><description>A</description><content>B</content>".text, "A")
  lu.assertEquals(feed.parse("<feed/>", "x.xml"), {})
end

local result = lu.LuaUnit.new():runSuiteByInstances {
  { "TestXml", TestXml }, { "TestFeed", TestFeed },
}
os.exit(result)
