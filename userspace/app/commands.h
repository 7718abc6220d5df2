// The subcommands. Each returns pipetrace's exit status.
#pragma once

#include "model/options.h"
#include "model/result.h"

namespace pipetrace {

inline constexpr int kStatusDone = 0;
inline constexpr int kStatusFailed = 1;
inline constexpr int kStatusUsage = 2;
inline constexpr int kStatusIncomplete = 3;  ///< doctor: something is missing
inline constexpr int kStatusRunFailed = 125;
inline constexpr int kStatusNotExecutable = 126;
inline constexpr int kStatusNotFound = 127;

/// What the command line alone does not show to be wrong: an error here is bad usage too.
Status check_usage(const Options& options);

int trace_command(const Options& options);
int run_command(const Options& options);
int record_command(const Options& options);
int demo_command(const Options& options);
int doctor_command(const Options& options);
int explain_command(const Options& options);
int report_command(const Options& options);
int serve_command(const Options& options);

}  // namespace pipetrace
