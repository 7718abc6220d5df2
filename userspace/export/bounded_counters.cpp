#include "export/bounded_counters.h"

#include "model/utf8.h"

#include <utility>

namespace pipetrace {

std::string label_text(std::string_view text, std::size_t bytes_max) {
    std::string safe = is_ascii(text) ? terminal_safe(text) : terminal_safe(valid_utf8(text));
    std::size_t end = 0;
    while (end < safe.size()) {
        const std::size_t next = end + decode_utf8(safe, end).size;
        if (next > bytes_max) break;
        end = next;
    }
    safe.resize(end);
    return safe;
}

prometheus::Counter& BoundedCounters::add(const std::vector<std::string>& values) {
    prometheus::Labels labels;
    for (std::size_t i = 0; i < label_names_.size(); ++i) labels.emplace(label_names_[i], values[i]);
    return family_.Add(labels);
}

prometheus::Counter& BoundedCounters::at(const std::vector<std::string>& values) {
    std::string key;
    for (const std::string& value : values) key += value + '\n';
    if (const auto found = by_values_.find(key); found != by_values_.end()) return *found->second;
    if (by_values_.size() < series_max_) {
        prometheus::Counter& added = add(values);
        by_values_.emplace(std::move(key), &added);
        return added;
    }
    if (other_ == nullptr) other_ = &add(std::vector<std::string>(label_names_.size(), "other"));
    return *other_;
}

}  // namespace pipetrace
