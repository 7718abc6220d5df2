#include "app/error_report.h"

#include "app/terminal.h"

#include <string>

namespace pipetrace {

void report_error(const Error& error) {
    std::string text = "pipetrace: " + error.what;
    if (!error.why.empty()) text += ": " + error.why;
    text += '\n';
    if (!error.remedy.empty()) text += "  " + error.remedy + '\n';
    print_to_stderr(text);
}

}  // namespace pipetrace
