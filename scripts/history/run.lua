--- One run: how each of its attempts ended, and what it printed.
local elements = require "html.elements"
local parts = require "history.parts"

local run_page = {}

local h = elements.h

local OUTPUTS_SHOWN <const> = 20 * 1024 -- bytes, of all attempts together
local OUTPUT_SHOWN_MIN <const> = 512 -- of each
local MESSAGE_SHOWN <const> = 1000
local ATTEMPTS_BYTES <const> = 48000 -- of markup

---@param attempt history.run
---@param view history.view
---@param most integer bytes of it, the last ones
---@return html.node
function run_page.output(attempt, view, most)
  local t = view.t
  local output = attempt.output
  if not output then
    return h.p { class = "soft", attempt.state == "running" and t "run.stored_later" or t "run.nothing" }
  end
  local shown, whole = parts.ending(output, most), view.links.output
  return {
    (attempt.output_bytes or 0) > #shown and h.p {
      class = "soft", t("run.kept", { bytes = attempt.output_bytes, kept = #shown }), " ",
      #shown < #output and whole and h.a { href = whole(attempt.run, attempt.attempt), t "run.whole" },
    },
    h.pre { tabindex = "0", shown },
  }
end

local function fact(name, value)
  return value and value ~= "" and { h.dt { name }, h.dd { value } }
end

local function attempt_section(attempt, count, view)
  local cause, t = attempt.cause, view.t
  local message = attempt.message and elements.shorten(attempt.message, MESSAGE_SHOWN)
  return parts.section(count > 1 and t("run.attempt", { attempt = attempt.attempt }) or t "run.output",
    h.dl {
      fact(t "run.ended", h.span { h.b { class = attempt.state, parts.SIGNS[attempt.state] }, " ",
        t(attempt.state), attempt.exit and ", " .. t("runs.exit_code", { code = attempt.exit }) }),
      fact(t "runs.why", cause and message and t("runs.cause", { cause = cause, message = message })
        or cause or message),
      fact(t "runs.started", parts.moment(view, attempt.started)),
      fact(t "runs.took", parts.duration(view, attempt.took)), fact(t "runs.host", attempt.host),
    },
    run_page.output(attempt, view, math.max(OUTPUTS_SHOWN // count, OUTPUT_SHOWN_MIN)))
end

---@param attempts history.run[] newest first
---@param view history.view
---@return html.node
function run_page.body(attempts, view)
  local shown, sections = elements.fit(attempts, ATTEMPTS_BYTES, function(attempt)
    return { attempt_section(attempt, #attempts, view) }
  end), {}
  for i = #shown, 1, -1 do
    sections[#sections + 1] = shown[i]
  end
  local last = attempts[1]
  return {
    h.h1 { h.a { href = "/", view.t "short_title" }, " › ",
      parts.one_line(last.job), " ", h.code { last.run } },
    h.p { class = "soft", view.t("run.of", {
      whose = parts.configuration(last), logs = h.code { "jeton logs " .. last.run },
    }) },
    #shown < #attempts
      and h.p { class = "soft", view.t("run.newest", { shown = #shown, of = #attempts }) },
    sections,
  }
end

return run_page
