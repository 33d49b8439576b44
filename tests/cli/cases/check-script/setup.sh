chmod 666 open.lua
