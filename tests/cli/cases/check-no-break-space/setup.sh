printf 'print("hi")\302\240\n' >space.lua
printf 'print(\342\200\234hi\342\200\235)\n' >quotes.lua
printf '\377\376p\0r\0i\0n\0t\0' >utf16.lua
