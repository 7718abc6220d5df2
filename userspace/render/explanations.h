// `pipetrace explain CODE`: what a cause, an errno or a fate of SIGPIPE means.
#pragma once

#include "model/verdict.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pipetrace {

enum class ExplanationKind : std::uint8_t { kCause, kErrno, kSigpipe };

struct Explanation {
    ExplanationKind kind;
    const char* code;                  ///< as pipetrace prints it
    const char* meaning;               ///< one line
    const char* how;                   ///< how it comes about
    const char* advice;                ///< what to do
    std::optional<Severity> severity;  ///< of causes
};

/// Case is ignored; "32", "141", "128+13" and "SIGPIPE" are known too. Null: no such code.
const Explanation* find_explanation(std::string_view code);

/// The code that an unknown one is closest to; empty where none is near.
std::string nearest_code(std::string_view code);

std::string explanation_text(const Explanation& explanation, std::size_t width, bool colour);

/// Every code with its one line, for `pipetrace explain` without a match.
std::string explanation_list(std::size_t width);

}  // namespace pipetrace
