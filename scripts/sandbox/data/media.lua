--- Uploads. The content is in files named by its hash, in a folder of their own.
local ids = require "sandbox.base.ids"

local media = {}

---@class sandbox.media
---@field id string
---@field tenant_id string
---@field type "Image"|"Album"|"Audio"|"Document"|"Video"
---@field name string of the file; "" where it has none
---@field content_type string "" of an album
---@field hash string SHA-256 of the content, hexadecimal; "" of an album
---@field size integer bytes
---@field album string|nil id of the album that it is in

---@class sandbox.new_media
---@field tenant_id string
---@field type string
---@field name string|nil
---@field content_type string|nil
---@field hash string|nil
---@field size integer
---@field album string|nil id

---@param spec sandbox.new_media
---@param now integer epoch seconds
---@return string id
function media.create(db, spec, now)
  local id = ids.new()
  db:exec([[INSERT INTO media (id, tenant_id, type, name, content_type, hash, size, album, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    id, spec.tenant_id, spec.type, spec.name or "", spec.content_type or "", spec.hash or "", spec.size,
    spec.album, now)
  return id
end

---@param id string
---@return sandbox.media|nil
function media.by_id(db, id)
  return db:row("SELECT * FROM media WHERE id = ?", id)
end

--- The files of an album, in order.
---@param album string id
---@return sandbox.media[]
function media.of_album(db, album)
  return db:rows("SELECT * FROM media WHERE album = ? ORDER BY number", album)
end

--- The newest files of a tenant, newest first.
---@param count integer
---@return sandbox.media[]
function media.newest(db, tenant_id, count)
  return db:rows([[SELECT * FROM media WHERE tenant_id = ? COLLATE NOCASE AND hash <> ''
                   ORDER BY number DESC LIMIT ?]], tenant_id, count)
end

--- The path of a file's content.
---@param folder string
---@param hash string
---@return string path
function media.path(folder, hash)
  return folder .. "/" .. hash
end

--- The paths of all files' content.
---@param folder string
---@return string[]
function media.paths(db, folder)
  local paths = {}
  for i, row in ipairs(db:rows "SELECT DISTINCT hash FROM media WHERE hash <> ''") do
    paths[i] = media.path(folder, row.hash)
  end
  return paths
end

return media
