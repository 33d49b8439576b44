-- Tests of rss.lua: the group is a sandbox's, the feed a fake's or the sample. Run: jeton test
local test = require "jeton.test"

local FEED = [[
<rss version="2.0"><channel><title>News</title>
<item><title>Second</title><link>https://news.example/2</link><guid>2</guid></item>
<item><title>First</title><link>https://news.example/1</link><guid>1</guid></item>
</channel></rss>
]]

test("new items are posted once, the oldest first", function(t)
  t:sandbox()
  t:fake "https://news.example" { ["GET /feed.xml"] = { body = FEED } }
  local run = t:run("../rss.lua", { args = { "https://news.example/feed.xml" } })
  t:like(run, { status = 0, stdout = "^[^\n]*First[^\n]*\n[^\n]*Second[^\n]*\n$" })
  t:like(t:run("../rss.lua", { args = { "https://news.example/feed.xml" } }), { status = 0, stdout = "" })
end)

test("the sample feed, with its pictures", function(t)
  t:sandbox()
  local _, lines = t:run("../rss.lua").stdout:gsub("\n", "")
  t:equal(lines, 3)
end)

test("a feed that cannot be had is an error", function(t)
  t:sandbox()
  t:fake "https://news.example" { ["GET /feed.xml"] = 404 }
  t:equal(t:run("../rss.lua", { args = { "https://news.example/feed.xml" } }).status ~= 0, true)
end)
