#include "app/error_report.h"

#include <unistd.h>

#include <string>

namespace pipetrace {

void report_error(const Error& error) {
    std::string text = "pipetrace: " + error.what;
    if (!error.why.empty()) text += ": " + error.why;
    text += '\n';
    if (!error.remedy.empty()) text += "  " + error.remedy + '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace pipetrace
