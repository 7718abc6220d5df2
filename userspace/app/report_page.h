// `pipetrace report --html`: the incidents as a page for the browser.
#pragma once

#include "advise/advice_table.h"
#include "app/recordings.h"
#include "model/ktime.h"
#include "model/options.h"
#include "model/postmortem.h"
#include "model/result.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace pipetrace {

/// Writes options.html_path; the file is there only when it is whole. `traces` describes the recordings.
Status write_report_page(const Recordings& recordings, const Options& options, const Postmortem& traces,
                         const AdviceTable& advice);

/// Of more than `most` incidents the latest are shown: those from this time on, whichever recording they come
/// from. None: all of them are.
std::optional<WallTime> begin_of_latest(std::vector<WallTime> times, std::size_t most);

}  // namespace pipetrace
