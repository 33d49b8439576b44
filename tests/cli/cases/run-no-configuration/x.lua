require "kaizala".connect()
