--- One run: how each of its attempts ended, and what it printed.
local elements = require "html.elements"
local parts = require "history.parts"

local run_page = {}

local h = elements.h

local KEPT_SAYS <const> = "It printed %d bytes; the last %d were kept."

---@param attempt history.run
---@return html.node
function run_page.output(attempt)
  local output = attempt.output
  if not output then
    return h.p { class = "soft", attempt.state == "running" and "What it prints is stored when it ends."
      or "It printed nothing." }
  end
  return {
    (attempt.output_bytes or 0) > #output and h.p {
      class = "soft", KEPT_SAYS:format(attempt.output_bytes, #output),
    },
    h.pre { tabindex = "0", output },
  }
end

local function fact(name, value)
  return value and value ~= "" and { h.dt { name }, h.dd { value } }
end

local function attempt_section(attempt, count)
  local cause, message = attempt.cause, attempt.message
  return parts.section(count > 1 and "Attempt " .. attempt.attempt or "Output",
    h.dl {
      fact("Ended", h.span { h.b { class = attempt.state, parts.SIGNS[attempt.state] }, " ",
        parts.WORDS[attempt.state], attempt.exit and ", exit " .. attempt.exit }),
      fact("Why", cause and message and cause .. ": " .. message or cause or message),
      fact("Started", attempt.started), fact("Took", attempt.took), fact("Host", attempt.host),
    },
    run_page.output(attempt))
end

---@param attempts history.run[] newest first
---@return html.node
function run_page.body(attempts)
  local sections = {}
  for i = #attempts, 1, -1 do
    sections[#sections + 1] = attempt_section(attempts[i], #attempts)
  end
  local last = attempts[1]
  return {
    h.h1 { h.a { href = "/", "History" }, " › ", parts.one_line(last.job), " ", h.code { last.run } },
    h.p { class = "soft", "Of ", parts.one_line(last.configuration or "?"), ". In a terminal: ",
      h.code { "jeton logs " .. last.run } },
    sections,
  }
end

return run_page
