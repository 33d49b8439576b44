printf 'local x = 1\nprint(x\n' >report.lua
