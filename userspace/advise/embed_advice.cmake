# programs.toml as C++: cmake -DROWS=… -DOUT=… -P embed_advice.cmake.
cmake_minimum_required(VERSION 3.25)
file(READ "${ROWS}" rows)
string(FIND "${rows}" ")advice_rows\"" clash)
if(NOT clash EQUAL -1)
  message(FATAL_ERROR "${ROWS} may not hold )advice_rows\"")
endif()
file(WRITE "${OUT}" "#include \"advise/advice_table.h\"\n\nnamespace pipetrace {\n\n"
  "std::string_view shipped_advice_text() {\n    return R\"advice_rows(${rows})advice_rows\";\n}\n\n}  // namespace pipetrace\n")
