# jeton_room(FOLDER [KNOWS FOLDER…] [INCLUDES DIR…] [LINKS TARGET…]): the C files of a folder as one
# static library, named after it (core/net: core_net).
#
# The compiler keeps the order of the rooms: a room's include path is its own folder and those that it
# KNOWS, and nothing that they know in turn. So an include of a room above it, or of one that is not in
# its list, does not compile. INCLUDES and LINKS are for libraries from outside.
function(jeton_room folder)
  cmake_parse_arguments(arg "" "" "KNOWS;INCLUDES;LINKS" ${ARGN})
  string(REPLACE "/" "_" room ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
  list(FILTER sources EXCLUDE REGEX "/fault_(none|env)\\.c$") # an executable takes one of the two
  add_library(${room} STATIC ${sources})
  target_compile_options(${room} PRIVATE ${JETON_WARNINGS})
  target_include_directories(${room} PRIVATE ${folder} ${arg_KNOWS})
  target_include_directories(${room} SYSTEM PRIVATE ${arg_INCLUDES})
  string(REPLACE "/" "_" known "${arg_KNOWS}")
  target_link_libraries(${room} PUBLIC ${known} PRIVATE ${arg_LINKS})
endfunction()

# jeton_storey(NAME FOLDER…): all of these rooms, for what may know each of them.
function(jeton_storey name)
  add_library(${name} INTERFACE)
  list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/ OUTPUT_VARIABLE folders)
  string(REPLACE "/" "_" rooms "${ARGN}")
  target_include_directories(${name} INTERFACE ${folders})
  target_link_libraries(${name} INTERFACE ${rooms})
endfunction()
