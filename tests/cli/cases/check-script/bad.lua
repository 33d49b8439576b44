#!/usr/bin/env jeton
print "a"
local x = = 1
