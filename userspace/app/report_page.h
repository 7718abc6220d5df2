// `pipetrace report --html`: the incidents as a page for the browser.
#pragma once

#include "app/recordings.h"
#include "model/options.h"
#include "model/postmortem.h"
#include "model/result.h"

namespace pipetrace {

/// Writes options.html_path; the file is there only when it is whole. `traces` describes the recordings.
Status write_report_page(const Recordings& recordings, const Options& options, const Postmortem& traces);

}  // namespace pipetrace
