--- Every text of the portal, in both languages: key → { en = "…", fr = "…" }. `{name}` is a
--- placeholder; a text that depends on `{count}` is a pair: singular, plural. A new area of pages is a
--- file beside this one, named in FILES; keys begin with the area ("groups.title").
local strings = {}

local FILES = {
  "common", "home", "phone", "connectors", "hand_over", "groups", "conversation", "traffic", "oauth",
  "answers", "webhooks", "control", "tenant",
}

for _, name in ipairs(FILES) do
  for key, entry in pairs(require("sandbox.portal.strings." .. name)) do
    assert(not strings[key], "two texts have the key " .. key)
    strings[key] = entry
  end
end

return strings
