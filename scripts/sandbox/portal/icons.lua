--- Icons of the menu and the brand, in the colour of the text. They are decoration: the words beside them say
--- the same.
local html = require "html.elements"

local h = html.h

local function icon(...)
  local paths = {}
  for i, path in ipairs { ... } do
    paths[i] = h.path { d = path }
  end
  return h.svg {
    class = "icon", viewBox = "0 0 24 24", aria_hidden = "true", focusable = "false", fill = "none",
    stroke = "currentColor", stroke_width = "2", stroke_linecap = "round", stroke_linejoin = "round",
    paths,
  }
end

---@type table<string, html.element>
local icons = {
  coin = h.svg {
    class = "coin", viewBox = "0 0 24 24", aria_hidden = "true", focusable = "false",
    h.circle { cx = "12", cy = "12", r = "11", class = "coin-face" },
    h.circle { cx = "12", cy = "12", r = "8", class = "coin-ring" },
    h.path { d = "M13.5 7.5v7a2.5 2.5 0 0 1-4.4 1.6", class = "coin-letter" },
  },
  home = icon("M3 11l9-8 9 8", "M5 10v10h14V10", "M10 20v-6h4v6"),
  connectors = icon("M9 2v6M15 2v6", "M6 8h12v3a6 6 0 0 1-12 0z", "M12 17v5"),
  groups = icon("M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M2 21v-1a7 7 0 0 1 14 0v1", "M16 3.5a4 4 0 0 1 0 7",
    "M19 14.5a7 7 0 0 1 3 5.5v1"),
  traffic = icon("M3 12h4l3-8 4 16 3-8h4"),
  phone = icon("M7 2h10v20H7z", "M11 18h2"),
  control = icon("M4 7h9M17 7h3M4 17h3M11 17h9", "M15 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
    "M9 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"),
  people = icon("M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M5 21v-1a7 7 0 0 1 14 0v1"),
  webhooks = icon("M12 5a3 3 0 1 0-2 5l-4 7", "M6 17a3 3 0 1 0 3 3h8", "M17 20a3 3 0 1 0-1-5l-3-6"),
  reference = icon("M5 4h10a4 4 0 0 1 4 4v12H9a4 4 0 0 1-4-4z", "M9 9h6M9 13h6"),
  inbox = icon("M4 4h16v12H8l-4 4z", "M8 9h8M8 12h5"),
}

return icons
