--- Lists that arrive in pages: `for item in list do`, or `list:all()`.
local check = require "kaizala.check"
local task = require "jeton.task"

---@class kaizala.Iterator<T>: { next: (fun(self): T?), all: fun(self): T[] }
---@field private advance fun(): any
---@field private pages integer that have been fetched
---@field private label string what progress calls the items
---@overload fun(): T?
local Iterator = {}
Iterator.__name = "kaizala.Iterator"

local SHOWN_EVERY <const> = 50 -- items, about a page

local function refuse(what)
  check.misuse(what .. ": the list comes in pages; take its items by `for item in list do`, or a table of "
    .. "all by list:all()")
end

-- Functions for tables would see an empty list, so they are refused.
Iterator.__index = function(_, key)
  local method = type(key) == "string" and rawget(Iterator, key)
  return method or refuse(("this list has no '%s'"):format(tostring(key)))
end
Iterator.__len = function() refuse "this list has no length" end
Iterator.__pairs = function() refuse "this list has no keys" end

--- Gives the next item, fetching a page if needed (*waits*).
---@return any item nil at the end; raises an err
function Iterator:next()
  check.method(self, Iterator, "list:next()")
  return self.advance()
end

Iterator.__call = Iterator.next

-- A list of one page has none: it is there at once.
local function show(self, shown, count)
  if rawget(self, "pages") < 2 then return nil end
  shown = shown or require "jeton.progress".new { label = rawget(self, "label") }
  shown:set(count)
  return shown
end

--- Fetches all remaining items (*waits*), and shows how many have come.
---@return table list of the remaining items; raises an err
function Iterator:all()
  check.method(self, Iterator, "list:all()")
  local list, shown = {}, nil
  local _ <close> = setmetatable({}, { __close = function() if shown then shown:done() end end })
  for item in self do
    list[#list + 1] = item
    if #list % SHOWN_EVERY == 0 then shown = show(self, shown, #list) end
  end
  if shown then shown:set(#list) end
  return list
end

-- Its methods are known to whoever looks for the nearest name.
local iterator = { Iterator = Iterator }

--- Makes an iterator; no page is fetched yet.
---@param fetch fun(cursor: any): table, any gives the items of a page, and the cursor of the next
--- page or nil; the first call gets nil; it may raise
---@param label? string what progress calls the items
---@return kaizala.Iterator
function iterator.new(fetch, label)
  local page, index, cursor, ended = {}, 0, nil, false
  local self = setmetatable({ pages = 0, label = label or "items" }, Iterator)
  local turn = task.lock() -- several tasks may take items: one of them fetches a page, the others get it too
  local function turn_page()
    if ended or index < #page then return end
    page, cursor = fetch(cursor)
    index, ended = 0, cursor == nil
    self.pages = self.pages + 1
  end
  local function advance()
    while index >= #page do
      if ended then return nil end
      turn:with(turn_page)
    end
    index = index + 1
    return page[index]
  end
  self.advance = advance
  return self
end

return iterator
