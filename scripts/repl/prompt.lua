--- `jeton repl`: reads an entry, runs it as a task, prints what it gives.
local chunk = require "repl.chunk"
local complete = require "repl.complete"
local globals = require "repl.globals"
local json = require "jeton.json"
local lines = require "repl.lines"
local output = require "jeton.output"
local show = require "repl.show"
local task = require "jeton.task"
local terminal = require "jeton.terminal"

local prompt = {}

local ITEMS_MAX = 20 -- of an iterator that is an entry's value

local HELP = [[
An expression prints its value, which is then in _; of an iterator the next 20 items.
An entry that is not complete goes on in the next line. A local ends with its entry.

  kz http json task token jeton   there without require; each(list, pick) iterates over values
  Tab                             completes names
  Up, Down, Ctrl-R, PgUp          earlier entries (one that begins with a space is not kept)
  Ctrl-C                          ends an entry; twice within a second leaves
  Ctrl-D, :quit                   leaves

  :time CODE                      how long it takes, too
  :json CODE                      its value as JSON
  :dry on, :dry off               requests that change something are printed, not sent
  :help                           this
]]

local function say(text)
  output.write(text .. "\n")
end

--- The first line of an error, and where in the entry's own functions it was raised.
local function tell(failure)
  local text = type(failure) == "table" and failure.kind == "cancelled" and failure.message
    or type(failure) == "string" and failure or show.text(failure)
  local trace
  if type(failure) == "string" then
    local at = text:find("\nstack traceback:\n", 1, true)
    if at then text, trace = text:sub(1, at - 1), text:sub(at + 1) end
    text = terminal.hint(text)
  elseif type(failure) == "table" then
    trace = rawget(failure, "traceback")
  end
  say("error: " .. text)
  local _, frames = (trace or ""):gsub("\n", "")
  if frames > 1 then say(trace) end
end

--- Tasks that have failed in the meantime, and that nobody waits for.
local function tell_tasks()
  local failure, trace = terminal.failure()
  while failure ~= nil do
    if type(failure) == "string" and trace then failure = failure .. "\n" .. trace end
    say "in a task:"
    tell(failure)
    failure, trace = terminal.failure()
  end
end

local going_on -- the iterator that `_` is, after its first items

--- Prints the next items of an iterator; gives the value that `_` then has.
local function show_items(values)
  local next, state, control = table.unpack(values, 1, 3)
  local function take()
    local item = table.pack(next(state, control))
    control = item[1]
    return table.unpack(item, 1, item.n)
  end
  local items = {}
  while #items < ITEMS_MAX do
    local item = table.pack(take())
    if item[1] == nil then
      if #items == 0 then say "no items" end
      going_on = nil
      return items
    end
    items[#items + 1] = item.n > 1 and item or item[1]
    local texts = {}
    for i = 1, item.n do texts[i] = show.text(item[i]) end
    say(table.concat(texts, "\t"))
  end
  say "… and perhaps more: _ is the rest"
  going_on = values.n > 1 and take or values[1]
  return going_on
end

local function show_values(values, code)
  if lines.is_iterator(values, code) or values[1] ~= nil and values[1] == going_on then
    rawset(_G, "_", show_items(values))
    return
  end
  if values[1] == io.stdout or values[1] == io.stderr then return end -- what io.write gives
  for i = 1, values.n do say(show.text(values[i])) end
  if values.n > 0 then rawset(_G, "_", values[1]) end
end

--- What stands before an entry: `:time CODE`.
local commands = {}

function commands.help() output.write(HELP) end

function commands.quit() return "quit" end

function commands.dry(argument)
  if argument ~= "on" and argument ~= "off" then
    say "error: :dry on, or :dry off"
    return
  end
  terminal.dry(argument == "on")
  require "jeton".dry_run = argument == "on"
  say(argument == "on" and "requests that change something are printed, not sent" or "all requests are sent")
end

local hinted = false -- that a local has ended

--- Runs code as the task of an entry, and then `after` with what it gave.
local function run(code, fn, expression, after)
  local entry = terminal.start(function()
    local values = table.pack(fn())
    if expression or values.n > 0 then after(values, code) end
  end)
  local ok, failure = pcall(entry.join, entry)
  if not ok then
    tell(failure)
  elseif not hinted and code:find "^%s*local%s+[%a_]" and not code:find "[\n;]" then
    hinted = true
    say "(a local ends with its entry; for later ones write it without `local`)"
  end
end

--- Runs what was typed; "quit" where that is what it says.
local function enter(text)
  local name, argument = text:match "^%s*:(%a+)%s*(.-)%s*$"
  local after, code = show_values, text
  if name == "time" then
    local since = task.now()
    code = argument
    after = function(values)
      show_values(values, code)
      say(("%.3f s"):format(task.now() - since))
    end
  elseif name == "json" then
    code = argument
    after = function(values)
      local encoded, err = json.encode(values[1], { indent = 2 })
      if not encoded then error(err, 0) end
      say(encoded)
    end
  elseif name then
    local command = commands[name]
    if command then return command(argument) end
    say(("error: there is no :%s; :help tells what there is"):format(name))
    return
  end
  local fn, expression = chunk.load(code, "=stdin")
  if not fn then
    tell(expression)
    return
  end
  run(code, fn, expression, after)
end

--- Reads lines until an entry is complete. nil: the input has ended; false: Ctrl-C.
local function read_entry(first, more)
  local text
  while true do
    local line = terminal.read(text and more or first)
    if not line then return line end
    text = text and text .. "\n" .. line or line
    if not text:find "%S" then return "" end
    local name, argument = text:match "^%s*:(%a+)%s*(.*)$"
    local fn, why = chunk.load(name and argument or text, "=stdin")
    if fn or name and name ~= "time" and name ~= "json" or not why:find "<eof>'?$" then return text end
  end
end

local function converse()
  local first = (terminal.connector or "jeton") .. "> "
  local more = (" "):rep(#first - 3) .. "-> "
  while true do
    local text = read_entry(first, more)
    if text == nil then return end
    if text and text ~= "" then
      local what = enter(text)
      tell_tasks()
      terminal.remember(text)
      if what == "quit" then return end
    end
  end
end

--- Runs until the input ends.
---@param file? string a script that runs first
---@return any ... where standard input is no terminal: what the script in it returns
function prompt.run(file)
  globals.install()
  if file then terminal.load(file)() end
  if not terminal.is_terminal then
    local fn, why = load(io.read "a", "=stdin", "t")
    if not fn then error(why, 0) end
    return fn()
  end
  terminal.completer(complete.complete)
  say(("jeton %s, %s. :help tells what there is, Ctrl-D leaves."):format(require "jeton".version, _VERSION))
  converse()
  os.exit(true) -- tasks that are left end with it
end

return prompt
