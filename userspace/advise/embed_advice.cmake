# The files of rows as C++: cmake -DROWS=a,b -DOUT=… -P embed_advice.cmake.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "," ";" ROWS "${ROWS}")
set(texts "")
foreach(file IN LISTS ROWS)
  file(READ "${file}" rows)
  get_filename_component(name "${file}" NAME)
  string(FIND "${rows}" ")advice_rows\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${file} may not hold )advice_rows\"")
  endif()
  string(APPEND texts "    {\"${name}\", R\"advice_rows(${rows})advice_rows\"},\n")
endforeach()
file(WRITE "${OUT}" "#include \"advise/shipped_advice.h\"\n\nnamespace pipetrace {\nnamespace {\n\n"
  "constexpr AdviceText kTexts[] = {\n${texts}};\n\n}  // namespace\n\n"
  "std::span<const AdviceText> shipped_advice_texts() { return kTexts; }\n\n}  // namespace pipetrace\n")
