--- A page that asks before something is done that cannot be undone.
local html = require "html.elements"
local respond = require "sandbox.portal.respond"

local h = html.h

---@class sandbox.portal.question
---@field title string also the text of the button
---@field what html.node what will happen
---@field action string where the form goes
---@field back {[1]: string, [2]: string} path and text of the page that asks
---@field fields table<string, string>|nil more of the form

--- Asks.
---@param visit sandbox.portal.visit
---@param question sandbox.portal.question
---@return table response
local function confirm(visit, question)
  local inputs = {}
  for name, value in pairs(question.fields or {}) do
    inputs[#inputs + 1] = h.input { type = "hidden", name = name, value = value }
  end
  return respond.page(visit, {
    title = question.title,
    narrow = true,
    back = question.back,
    main = visit:form {
      action = question.action, class = "card danger",
      inputs,
      h.p { question.what },
      h.div {
        class = "row",
        h.button { class = "danger", question.title },
        h.a { class = "button second", href = question.back[1], visit.t "common.cancel" },
      },
    },
  })
end

return confirm
