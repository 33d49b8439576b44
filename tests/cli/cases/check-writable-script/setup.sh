chmod 664 report.lua
