-- upload.lua FILE: uploads it, without posting it.
require "kaizala".connect():upload((...))
