--- Lists that come in pages: `for item in list do`, or `list:all()`.

---@class kaizala.Iterator
---@field private fetch fun(cursor: any): table, any
---@field private page table
---@field private index integer
---@field private cursor any
---@field private ended boolean
local Iterator = {}
Iterator.__index = Iterator
Iterator.__name = "kaizala.Iterator"

--- Gives the next item, and fetches a page when it needs one (*waits*).
---@return any item nil at the end; raises an err
function Iterator:next()
  while self.index >= #self.page do
    if self.ended then return nil end
    self.page, self.cursor = self.fetch(self.cursor)
    self.index = 0
    self.ended = self.cursor == nil
  end
  self.index = self.index + 1
  return self.page[self.index]
end

Iterator.__call = Iterator.next

--- Fetches what is left (*waits*).
---@return table list of the remaining items; raises an err
function Iterator:all()
  local list = {}
  for item in self do
    list[#list + 1] = item
  end
  return list
end

local iterator = {}

--- Makes an iterator; no page is fetched yet.
---@param fetch fun(cursor: any): table, any gives the items of a page, and the cursor of the next
--- page or nil; the first call gets nil; it may raise
---@return kaizala.Iterator
function iterator.new(fetch)
  return setmetatable({ fetch = fetch, page = {}, index = 0, ended = false }, Iterator)
end

return iterator
