#include "app/error_report.h"

#include <string>

#include <fmt/format.h>
#include <unistd.h>

namespace pipetrace {
namespace {

void print(const char* label, const Error& error) {
    std::string text = fmt::format("pipetrace: {}{}", label, error.what);
    if (!error.why.empty()) text += ": " + error.why;
    text += '\n';
    if (!error.remedy.empty()) text += "  " + error.remedy + '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void report_error(const Error& error) { print("", error); }

void report_warning(const Error& error) { print("warning: ", error); }

}  // namespace pipetrace
