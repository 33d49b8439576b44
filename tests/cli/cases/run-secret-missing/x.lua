require "kaizala".connect():me()
