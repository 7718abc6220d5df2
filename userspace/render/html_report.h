// Incidents -> one HTML page that needs nothing but itself: `pipetrace report --html`.
#pragma once

#include "model/ktime.h"
#include "model/postmortem.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// What the page says beside the incidents. All text may be hostile: it is escaped here.
struct HtmlContext {
    std::string generated_by;  ///< "pipetrace 1.2"
    WallTime generated_at;
    std::vector<PostmortemTrace> recordings;
    std::string selection;  ///< what was chosen to be shown, in words; empty: everything
    /// Of the selection, shown or not; none: all of them are on the page.
    std::optional<std::uint64_t> incidents;
    std::optional<std::uint64_t> events;
    LossCounts lost_by_kind;
    std::vector<std::string> notes;  ///< whole sentences: how hosts were merged, what could not be read
};

/// Appends to `sink` chunk by chunk: of ten thousand incidents it holds a few at a time. A failing sink is
/// the caller's matter. Call begin(), add() for each incident, finish().
class HtmlReport {
public:
    using Sink = std::function<void(std::string_view)>;

    explicit HtmlReport(Sink sink) : sink_(std::move(sink)) {}

    /// `title` names the page: "Broken pipes on web1".
    void begin(std::string_view title);
    /// A line as JsonRenderer wrote it, with or without its newline. Any order; of the lines with one id the
    /// highest revision holds.
    void add(std::string_view incident_line);
    void finish(const HtmlContext& context);

    std::size_t count() const { return count_; }  ///< of lines so far

private:
    void flush();

    Sink sink_;
    std::string index_;    ///< rows of the list, of the incidents in details_
    std::string details_;  ///< whole incidents, a line each
    std::size_t count_ = 0;
};

}  // namespace pipetrace
