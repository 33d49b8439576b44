std = "lua54c"
max_line_length = 110
exclude_files = { "build/**", "tests/cli/cases/check-script/bad.lua" } -- the last is wrong on purpose
-- Stubs that describe the C modules to editors: their functions have no body.
files["scripts/meta/**"] = { unused = false, unused_args = false }
