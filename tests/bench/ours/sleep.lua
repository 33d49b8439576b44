-- sleep.lua SECONDS
require "jeton.task".sleep(tonumber((...)))
