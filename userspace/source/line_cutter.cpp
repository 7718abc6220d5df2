#include "source/line_cutter.h"

#include "model/utf8.h"

#include <algorithm>
#include <utility>

namespace pipetrace {
namespace {

/// A letter that was cut in two goes as a whole.
void drop_broken_letter(std::string& text) {
    constexpr std::size_t kLetterBytesMax = 4;
    for (std::size_t back = 1; back <= std::min(kLetterBytesMax, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xc0) == 0x80) continue;
        if (byte >= 0xc0 && !decode_utf8(text, text.size() - back).valid) text.resize(text.size() - back);
        return;
    }
}

}  // namespace

void LineCutter::append(std::string_view piece) {
    // A program that does not append leaves a hole where its file was truncated.
    if (line_.text.empty()) piece.remove_prefix(std::min(piece.find_first_not_of('\0'), piece.size()));
    const std::size_t room = kLogLineBytesMax - line_.text.size();
    line_.text += piece.substr(0, room);
    line_.is_cut = line_.is_cut || piece.size() > room;
}

void LineCutter::feed(std::string_view bytes, Ktime at, std::uint64_t late_ns, const Emit& emit) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        if (!is_skipping_) {
            if (!std::exchange(has_begun_, true)) {
                line_.at = at;
                line_.late_ns = late_ns;
            }
            append(bytes.substr(0, end));
        }
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end + 1);
        flush(emit);
    }
}

void LineCutter::flush(const Emit& emit) {
    is_skipping_ = false;
    has_begun_ = false;
    LogLine line = std::exchange(line_, {});
    if (line.is_cut) drop_broken_letter(line.text);
    if (!line.is_cut && line.text.ends_with('\r')) line.text.pop_back();
    if (!line.text.empty()) emit(std::move(line));
}

void LineCutter::skip_line() {
    line_ = {};
    has_begun_ = false;
    is_skipping_ = true;
}

}  // namespace pipetrace
