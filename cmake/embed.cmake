# jeton_embed_lua(TARGET ROOT DIR…): compiles every file below ROOT/DIR into TARGET, in the table
# `embedded_lua` that bindings/vm/embed.h declares. `kaizala/init.lua` becomes module `kaizala`,
# `sandbox/router.lua` module `sandbox.router`.
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
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DROOT=${CMAKE_SOURCE_DIR}/${root} "-DFILES=${files}"
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_generate.cmake
    DEPENDS ${paths} ${CMAKE_SOURCE_DIR}/cmake/embed_generate.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
