mkdir 'a;b'; mv hello.lua 'a;b'
