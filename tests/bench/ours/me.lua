-- One call.
require "kaizala".connect():me()
