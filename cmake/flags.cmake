# Warnings (all of them errors), hardening and sanitizers.
set(JETON_WARNINGS
    -Wall
    -Wextra
    -Werror
    -Wshadow
    -Wstrict-prototypes
    -Wmissing-prototypes
    -Wold-style-definition
    -Wwrite-strings
    -Wformat=2
    -Wundef
    -Wvla
    -Wpointer-arith
    -Wcast-qual)

set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")

if(JETON_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "JETON_FUZZ needs clang: configure with -DCMAKE_C_COMPILER=clang")
  endif()
  list(REMOVE_ITEM JETON_WARNINGS -Werror) # clang has others than gcc, which builds what is released
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(JETON_SANITIZE)
  # Tests start thousands of processes. Without addresses to be moved and without the second library (undefined behaviour is
  # SIGILL, and AddressSanitizer says where) each touches a third of the pages at its start and end.
  add_compile_options(-fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer -fno-pie)
  add_link_options(-fsanitize=address -no-pie)
  set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
  list(REMOVE_ITEM JETON_WARNINGS -Werror) # with -O1 and sanitizers some are wrong
else()
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
  # The 5,000 addresses to be moved at each start take 2 KB in place of 130, where the loader can (glibc 2.36 and newer).
  include(CheckSourceRuns)
  set(CMAKE_REQUIRED_LINK_OPTIONS -pie -Wl,-z,pack-relative-relocs)
  check_source_runs(C "static int x; int *p = &x; int main(void) { return p != &x; }" JETON_PACKED_RELOCATIONS)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(JETON_PACKED_RELOCATIONS)
    add_link_options(-Wl,-z,pack-relative-relocs)
  endif()
  # Of code that a run does not execute nothing is mapped, where the linker reads such a file.
  include(CheckLinkerFlag)
  set(JETON_ASIDE_FLAG -Wl,-T,${CMAKE_SOURCE_DIR}/cmake/aside.ld)
  check_linker_flag(C ${JETON_ASIDE_FLAG} JETON_ASIDE)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()

# jeton_library(NAME PKGCONFIG ARCHIVE): an imported target jeton::NAME
function(jeton_library name module archive)
  pkg_check_modules(${name} REQUIRED ${module})
  if(JETON_SHARED)
    add_library(jeton::${name} INTERFACE IMPORTED)
    set_target_properties(jeton::${name} PROPERTIES
      INTERFACE_LINK_LIBRARIES "${${name}_LINK_LIBRARIES}"
      INTERFACE_INCLUDE_DIRECTORIES "${${name}_INCLUDE_DIRS}")
    return()
  endif()
  find_library(${name}_ARCHIVE ${archive} HINTS ${${name}_LIBRARY_DIRS} REQUIRED)
  add_library(jeton::${name} STATIC IMPORTED)
  set_target_properties(jeton::${name} PROPERTIES
    IMPORTED_LOCATION ${${name}_ARCHIVE}
    INTERFACE_INCLUDE_DIRECTORIES "${${name}_INCLUDE_DIRS}")
endfunction()
