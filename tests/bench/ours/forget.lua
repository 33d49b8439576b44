-- So that the next run exchanges anew.
assert(require "jeton.token".forget())
