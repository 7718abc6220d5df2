# Flags of every C++ target of the project: link pipetrace_options PRIVATE-ly.
add_library(pipetrace_options INTERFACE)
target_compile_options(pipetrace_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion>)
if(PIPETRACE_WERROR)
  target_compile_options(pipetrace_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 reports overlapping copies inside std::string that are not there (GCC bug 105651).
  target_compile_options(pipetrace_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
# Not for the C test programs: they are linked statically, which sanitizers do not allow.
if(PIPETRACE_SANITIZE)
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_compile_options(pipetrace_options INTERFACE ${sanitizers} -fno-omit-frame-pointer)
  target_link_options(pipetrace_options INTERFACE ${sanitizers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With its checks added, g++ no longer sees that std::function is set before it is used.
    target_compile_options(pipetrace_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
