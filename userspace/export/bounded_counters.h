// Counters of one name whose label values others choose: no more series than there is room for.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pipetrace {

/// What `text` is called as a label value: what JSON has, with valid_utf8(), without control characters
/// (terminal_safe()), cut at `bytes_max` on the boundary of a character. The exposition format escapes quotes
/// and backslashes.
std::string label_text(std::string_view text, std::size_t bytes_max = 128);

/// The first `series_max` sets of values keep their names for good; all others count under "other".
class BoundedCounters {
public:
    using Family = prometheus::Family<prometheus::Counter>;

    /// `family` must outlive it, and all its series be made here.
    BoundedCounters(Family& family, std::vector<std::string> label_names, std::size_t series_max)
        : family_(family), label_names_(std::move(label_names)), series_max_(series_max) {}

    /// One value a label name, in their order, each as label_text() gives it.
    prometheus::Counter& at(const std::vector<std::string>& values);

    std::size_t size() const { return by_values_.size(); }

private:
    prometheus::Counter& add(const std::vector<std::string>& values);

    Family& family_;
    std::vector<std::string> label_names_;
    std::size_t series_max_;
    std::unordered_map<std::string, prometheus::Counter*> by_values_;  ///< by the values, one a line
    prometheus::Counter* other_ = nullptr;
};

}  // namespace pipetrace
