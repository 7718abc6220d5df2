// `pipetrace doctor`: attaches what a trace would attach, and tells what that shows and hides.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/output_file.h"
#include "app/signal_guard.h"
#include "app/terminal.h"
#include "render/json_renderer.h"
#include "render/report_text.h"
#include "source/kernel_source.h"

#include <unistd.h>

namespace pipetrace {

int doctor_command(const Options& options) {
    SignalGuard signals;
    KernelSource::Settings settings{options.mode, options.errors, false, options.left_out};
    auto source = KernelSource::open(settings);
    if (!source) {
        report_error(source.error());
        return kStatusFailed;
    }
    const HookReport& report = (*source)->hook_report();
    OutputFile output(STDOUT_FILENO, "standard output");
    const auto outcome = output.write(
        options.json ? hook_report_json(report)
                     : doctor_text(report, terminal_width(STDOUT_FILENO), wants_colour(STDOUT_FILENO)));
    if (outcome == OutputFile::Outcome::kFailed) {
        report_error(output.error());
        return kStatusFailed;
    }
    return report.missing_count() > 0 ? kStatusIncomplete : kStatusDone;
}

}  // namespace pipetrace
