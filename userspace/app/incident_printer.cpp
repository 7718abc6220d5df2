#include "app/incident_printer.h"

#include <algorithm>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::size_t kBatchMax = 1U << 18;

}  // namespace

IncidentPrinter::IncidentPrinter(Settings settings, OutputFile& output)
    : settings_(std::move(settings)),
      output_(output),
      json_(settings_.host, settings_.clocks),
      text_(settings_.clocks, settings_.text_style),
      teller_(settings_.clocks, settings_.text_style) {}

void IncidentPrinter::take(const Incident& incident, const BurstStory* burst, Ktime now) {
    render(incident, burst, now);
    end_piece();
    if (batch_.size() >= kBatchMax) write_batch();
    if (!trouble_ && incident.revision == 0) ++kept_;
}

void IncidentPrinter::advance_to(Ktime now) {
    teller_.advance_to(now, batch_);
    end_piece();
    write_batch();
}

void IncidentPrinter::finish() {
    teller_.finish(batch_);
    end_piece();
    write_batch();
}

/// Those alike are told once where a person reads along; a file gets each.
void IncidentPrinter::render(const Incident& incident, const BurstStory* burst, Ktime now) {
    if (settings_.options.json) {
        json_.render(incident, batch_);
    } else if (settings_.options.output_path) {
        text_.render(incident, batch_);
    } else {
        teller_.tell(incident, burst, now, batch_);
    }
}

/// What was appended to the batch since the last call is one piece.
void IncidentPrinter::end_piece() {
    if (batch_.size() == (piece_ends_.empty() ? 0 : piece_ends_.back())) return;
    piece_ends_.push_back(batch_.size());
    kept_before_.push_back(kept_);
}

/// A storm's incidents of one millisecond go out together.
void IncidentPrinter::write_batch() {
    if (!batch_.empty() && !trouble_) {
        settings_.before_print();
        const OutputFile::Outcome outcome = output_.write(batch_, piece_ends_);
        if (outcome != OutputFile::Outcome::kWritten) trouble_ = outcome;
        if (outcome == OutputFile::Outcome::kFailed) {
            const auto lost = std::upper_bound(piece_ends_.begin(), piece_ends_.end(), output_.kept());
            kept_ = kept_before_[static_cast<std::size_t>(lost - piece_ends_.begin())];
        }
    }
    batch_.clear();
    piece_ends_.clear();
    kept_before_.clear();
}

}  // namespace pipetrace
