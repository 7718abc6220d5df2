// Finding a value's text in a line of JSON that JsonRenderer wrote: what the index of the HTML page repeats.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace pipetrace {

/// A view into the line, which must outlive it. Text that is no JSON gives null or wrong slices, never a
/// read beyond the line.
class JsonSlice {
public:
    explicit JsonSlice(std::string_view text) : text_(text) {}

    /// The member of that name; null where this is no object or has none. `name` needs no escaping.
    JsonSlice operator[](std::string_view name) const;
    /// Of an array, in order; of anything else none.
    std::vector<JsonSlice> items() const;

    /// As it stands in the line, without white space around it.
    std::string_view text() const { return text_; }
    bool is_null() const { return text_ == "null"; }

private:
    std::string_view text_;
};

}  // namespace pipetrace
