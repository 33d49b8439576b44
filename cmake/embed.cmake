# jeton_embed_lua(TARGET ROOT DIR…): every file below ROOT/DIR becomes part of TARGET, in the table
# `embedded_lua` that bindings/vm/embed.h declares. `kaizala/init.lua` becomes module `kaizala`,
# `sandbox/router.lua` module `sandbox.router`. Lua modules are compiled while building, so that a
# run parses none.
add_executable(embed_lua ${CMAKE_SOURCE_DIR}/cmake/embed_lua.c)
target_link_libraries(embed_lua PRIVATE jeton::LUA m ${CMAKE_DL_LIBS})

function(jeton_embed_lua target root)
  set(files)
  foreach(dir IN LISTS ARGN)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/${root}
         ${CMAKE_SOURCE_DIR}/${root}/${dir}/*)
    list(APPEND files ${found})
  endforeach()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded_lua.c)
  list(TRANSFORM files PREPEND ${CMAKE_SOURCE_DIR}/${root}/ OUTPUT_VARIABLE paths)
  add_custom_command(
    OUTPUT ${out}
    COMMAND embed_lua ${out} ${CMAKE_SOURCE_DIR}/${root} ${files}
    DEPENDS ${paths}
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
