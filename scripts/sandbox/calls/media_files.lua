--- Serves uploads at the URLs that actions show. As with the service's blob storage, anybody who has the URL
--- may fetch the file; its id cannot be guessed.
local media = require "sandbox.data.media"
local refusal = require "sandbox.base.refusal"

local media_files = {}

---@param method string
---@param path sandbox.path
---@return boolean
function media_files.matches(method, path)
  local segments = path.segments
  return (method == "GET" or method == "HEAD") and #segments == 2 and segments[1]:lower() == "media"
end

--- Serves the content of a file, or of an album's first file.
---@param world sandbox.world
---@param path sandbox.path
---@return table response
function media_files.serve(world, path)
  local found = media.by_id(world.db, path.segments[2])
  if found and found.type == "Album" then
    found = media.of_album(world.db, found.id)[1]
  end
  if not found then
    refusal.not_found "there is no media with this id"
  end
  ---@cast found sandbox.media
  return {
    status = 200,
    headers = { ["Content-Type"] = found.content_type, ["X-Content-Type-Options"] = "nosniff" },
    file = media.path(world.media_folder, found.hash),
  }
end

return media_files
