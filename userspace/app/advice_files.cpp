#include "app/advice_files.h"

#include "advise/advice_file.h"
#include "source/file_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

Error unreadable(const std::string& path, std::string why) {
    return {fmt::format("cannot read the advice in {}", path), std::move(why),
            "Name a file of [[advice]] rows; the README says how they are written."};
}

/// Each file's rows; a later row takes the place of an earlier one with its id.
struct OwnAdvice {
    std::vector<AdviceRow> rows;
    std::string digest;

    Status add(const std::string& path, const std::string& text) {
        auto read = parse_advice(path, text);
        if (!read) return read.error();
        for (AdviceRow& row : *read) {
            std::erase_if(rows, [&](const AdviceRow& earlier) { return earlier.id == row.id; });
            rows.push_back(std::move(row));
        }
        digest = advice_digest(digest, text);
        return Done{};
    }
};

}  // namespace

Result<AdviceTable> load_advice(const std::vector<std::string>& paths, const char* host_path) {
    OwnAdvice own;
    // Whoever may not read the host's file reports as if there were none.
    if (const auto text = read_plain_file(host_path, kAdviceBytesMax)) {
        if (const Status added = own.add(host_path, *text); !added) return added.error();
    } else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        return unreadable(host_path, std::strerror(errno));
    }
    for (const std::string& path : paths) {
        const auto text = read_plain_file(path, kAdviceBytesMax);
        if (!text) return unreadable(path, std::strerror(errno));
        if (const Status added = own.add(path, *text); !added) return added.error();
    }
    return AdviceTable(std::move(own.rows), std::move(own.digest));
}

}  // namespace pipetrace
