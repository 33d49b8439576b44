--- The file of snapshots: NAME_test.snap beside NAME_test.lua, to be read by people and in diffs.
local host = require "jeton.test_host"

local snapshot_file = {}

local HEAD <const> = "# Snapshots, written by: jeton test --update\n"

function snapshot_file.path(test)
  return (test:gsub("%.lua$", "")) .. ".snap"
end

local ESCAPES = { ["\r"] = "\\r", ["\\"] = "\\\\" }

local function escaped_bytes(text)
  return (text:gsub(".", function(byte) return ("\\x%02X"):format(byte:byte()) end))
end

-- Bytes that would not survive as a line of text.
local function escaped(line)
  line = line:gsub("[%z\1-\8\11-\31\127\\]", function(byte)
    return ESCAPES[byte] or ("\\x%02X"):format(byte:byte())
  end)
  if utf8.len(line) then return (line:gsub("\xC2[\x80-\x9F]", escaped_bytes)) end -- C1 steers terminals
  return (line:gsub("[\128-\255]", escaped_bytes))
end

local function unescaped(line)
  return (line:gsub("\\(.)(%x?%x?)", function(letter, hex)
    if letter == "x" then return string.char(tonumber(hex, 16)) end
    return (letter == "r" and "\r" or letter) .. hex
  end))
end

--- By name; empty where there is no file. Raises for one that is not as we write it.
---@return table<string, {kind: string, text: string}>
function snapshot_file.read(path)
  local file, entries, lines = io.open(path, "rb"), {}, nil
  if not file then return entries end
  local number = 0
  for line in file:lines() do
    number = number + 1
    line = number == 1 and line:gsub("^\xEF\xBB\xBF", "") or line -- a byte order mark
    local text = line:match "^  | ?(.*)$"
    local header, kind = line:match "^%[(.+)%]: (%a+)$"
    if header then
      lines = {}
      entries[header] = { kind = kind, lines = lines }
    elseif text and lines then
      lines[#lines + 1] = unescaped(text)
    elseif line ~= "" and line:sub(1, 1) ~= "#" then
      file:close()
      error(("%s:%d: this is no line of a snapshot; --update does not mend it: remove the file"):format(path,
        number), 0)
    end
  end
  file:close()
  for _, entry in pairs(entries) do
    entry.text, entry.lines = table.concat(entry.lines, "\n"), nil
  end
  return entries
end

function snapshot_file.write(path, entries)
  local names, parts = {}, { HEAD }
  for name in pairs(entries) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("\n[%s]: %s\n"):format(name, entries[name].kind)
    for line in (entries[name].text .. "\n"):gmatch "(.-)\n" do
      parts[#parts + 1] = line == "" and "  |\n" or "  | " .. escaped(line) .. "\n"
    end
  end
  if #names == 0 then
    local removed, why = host.remove(path)
    if not removed then error(why, 0) end
    return
  end
  local written, err = host.write(path, table.concat(parts))
  if not written then error(("the snapshots cannot be written: %s"):format(err.message), 0) end
end

return snapshot_file
