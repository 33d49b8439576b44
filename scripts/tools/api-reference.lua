-- Writes the reference of the sandbox's API, from the table of its operations.
--
--     jeton run scripts/tools/api-reference.lua docs/api-reference.md
--
-- Without a name of a file it prints the page.
local operations = require "sandbox.operations"
local reference = require "sandbox.reference"

local page = reference.page(operations)
local path = ...
if not path then
  io.write(page)
  return
end
local file <close> = assert(io.open(path, "w"))
assert(file:write(page))
