// `pipetrace explain CODE`: what a cause, an errno or a SIGPIPE fate means.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/output_file.h"
#include "app/signal_guard.h"
#include "app/terminal.h"
#include "render/explanations.h"

#include <fmt/format.h>
#include <unistd.h>

namespace pipetrace {

int explain_command(const Options& options) {
    SignalGuard signals;
    const Explanation* explanation = find_explanation(options.explain_code);
    if (explanation == nullptr) {
        const std::string nearest = nearest_code(options.explain_code);
        report_error({fmt::format("cannot explain \"{}\"", options.explain_code),
                      "it is no cause, errno or SIGPIPE fate that pipetrace knows",
                      nearest.empty() ? explanation_list(terminal_width(STDERR_FILENO))
                                      : fmt::format("Did you mean {}?", nearest)});
        return kStatusUsage;
    }
    OutputFile output(STDOUT_FILENO, "standard output");
    const auto outcome = output.write(
        explanation_text(*explanation, terminal_width(STDOUT_FILENO), wants_colour(STDOUT_FILENO)));
    if (outcome != OutputFile::Outcome::kFailed) return kStatusDone;
    report_error(output.error());
    return kStatusFailed;
}

}  // namespace pipetrace
