// Entry: parse, dispatch, exit status.
#include "app/commands.h"
#include "app/error_report.h"
#include "cli/options_parser.h"

#include <unistd.h>

#include <variant>

namespace {

int run(const pipetrace::Options& options) {
    switch (options.command) {
        case pipetrace::Command::kTrace: return pipetrace::trace_command(options);
        case pipetrace::Command::kRun: return pipetrace::run_command(options);
        case pipetrace::Command::kRecord: return pipetrace::record_command(options);
        case pipetrace::Command::kDemo: return pipetrace::demo_command(options);
        case pipetrace::Command::kDoctor: return pipetrace::doctor_command(options);
        case pipetrace::Command::kExplain: return pipetrace::explain_command(options);
        case pipetrace::Command::kReport: return pipetrace::report_command(options);
        case pipetrace::Command::kServe: return pipetrace::serve_command(options);
    }
    return pipetrace::kStatusUsage;
}

}  // namespace

int main(int argc, char** argv) {
    const pipetrace::ParseOutcome parsed = pipetrace::parse_options(argc, argv);
    if (const auto* error = std::get_if<pipetrace::Error>(&parsed)) {
        pipetrace::report_error(*error);
        return pipetrace::kStatusUsage;
    }
    if (const auto* answer = std::get_if<pipetrace::PrintedAnswer>(&parsed)) {
        [[maybe_unused]] const auto written =
            ::write(STDOUT_FILENO, answer->text.data(), answer->text.size());
        return pipetrace::kStatusDone;
    }
    const auto& options = std::get<pipetrace::Options>(parsed);
    if (const pipetrace::Status usage = pipetrace::check_usage(options); !usage) {
        pipetrace::report_error(usage.error());
        return pipetrace::kStatusUsage;
    }
    return run(options);
}
