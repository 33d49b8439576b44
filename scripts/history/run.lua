--- One run: how each of its attempts ended, and what it printed.
local elements = require "html.elements"
local parts = require "history.parts"

local run_page = {}

local h = elements.h

---@param attempt history.run
---@param view history.view
---@return html.node
function run_page.output(attempt, view)
  local t = view.t
  local output = attempt.output
  if not output then
    return h.p { class = "soft", attempt.state == "running" and t "run.stored_later" or t "run.nothing" }
  end
  return {
    (attempt.output_bytes or 0) > #output and h.p {
      class = "soft", t("run.kept", { bytes = attempt.output_bytes, kept = #output }),
    },
    h.pre { tabindex = "0", output },
  }
end

local function fact(name, value)
  return value and value ~= "" and { h.dt { name }, h.dd { value } }
end

local function attempt_section(attempt, count, view)
  local cause, message, t = attempt.cause, attempt.message, view.t
  return parts.section(count > 1 and t("run.attempt", { attempt = attempt.attempt }) or t "run.output",
    h.dl {
      fact(t "run.ended", h.span { h.b { class = attempt.state, parts.SIGNS[attempt.state] }, " ",
        t(attempt.state), attempt.exit and ", " .. t("runs.exit_code", { code = attempt.exit }) }),
      fact(t "runs.why", cause and message and t("runs.cause", { cause = cause, message = message })
        or cause or message),
      fact(t "runs.started", parts.moment(view, attempt.started)),
      fact(t "runs.took", parts.duration(view, attempt.took)), fact(t "runs.host", attempt.host),
    },
    run_page.output(attempt, view))
end

---@param attempts history.run[] newest first
---@param view history.view
---@return html.node
function run_page.body(attempts, view)
  local sections = {}
  for i = #attempts, 1, -1 do
    sections[#sections + 1] = attempt_section(attempts[i], #attempts, view)
  end
  local last = attempts[1]
  return {
    h.h1 { h.a { href = "/", view.t "short_title" }, " › ",
      parts.one_line(last.job), " ", h.code { last.run } },
    h.p { class = "soft", view.t("run.of", {
      whose = parts.one_line(last.configuration or "?"), logs = h.code { "jeton logs " .. last.run },
    }) },
    sections,
  }
end

return run_page
