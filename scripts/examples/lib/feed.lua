--- Reads feeds, RSS 2.0 and Atom: the parts of items that are needed for a card.
local xml = require "lib.xml"

local feed = {}

---@class feed.Item
---@field id string its guid or id, else its link, else its title
---@field title? string
---@field text? string may contain HTML
---@field link? string
---@field picture? string a URL, or relative to the feed
---@field line integer

-- The URL in an element that refers to a picture.
local function picture_in(element)
  local name, has = element.name, element.attributes
  local names_media = name == "enclosure" or name:find "^media:" or has.rel == "enclosure"
  local is_picture = has.medium == "image" or name == "media:thumbnail" or (has.type or ""):find "^image/"
  return names_media and is_picture and (has.url or has.href) or nil
end

local function read_item(node)
  local item = { line = node.line }
  for _, child in ipairs(node) do
    local name = child.name -- nil for text between elements
    item.picture = item.picture or name and picture_in(child)
    if name == "guid" or name == "id" then item.id = xml.text(child)
    elseif name == "title" then item.title = xml.text(child)
    elseif name == "description" or name == "summary" then item.text = xml.text(child)
    elseif name == "content" then item.text = item.text or xml.text(child)
    elseif name == "link" and (child.attributes.rel or "alternate") == "alternate" then
      item.link = child.attributes.href or xml.text(child)
    end
  end
  item.id = item.id or item.link or item.title
  return item
end

--- Reads the items, in the feed's order: the newest first.
---@param text string
---@param source string file or URL, for messages
---@return feed.Item[] items raises a message with source and line if it is not a feed
function feed.parse(text, source)
  local root = xml.parse(text, source)
  if root.name ~= "rss" and root.name ~= "feed" then
    error(("%s:%d: expected a feed, <rss> or <feed>, got <%s>"):format(source, root.line, root.name), 0)
  end
  local parent, items = root, {}
  for _, node in ipairs(root) do
    if node.name == "channel" then parent = node end
  end
  for _, node in ipairs(parent) do
    if node.name == "item" or node.name == "entry" then
      local item = read_item(node)
      if not item.id then
        error(("%s:%d: an item without guid, link and title"):format(source, item.line), 0)
      end
      items[#items + 1] = item
    end
  end
  return items
end

return feed
