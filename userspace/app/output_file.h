// Where incidents are written: stdout, stderr or -o FILE. Line by line, flushed, never half a line
// in a file that could be cut back.
#pragma once

#include "model/result.h"

#include <cstdint>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pipetrace {

class OutputFile {
public:
    /// Takes over an open descriptor without owning it.
    explicit OutputFile(int fd, std::string name);
    static Result<OutputFile> create(const std::string& path);
    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    /// The reader of our stdout has gone: not an error, but the end.
    enum class Outcome : std::uint8_t { kWritten, kReaderGone, kFailed };
    /// `ends` are places in `text`, ascending, where something whole ends: where not all can be written, a
    /// regular file is cut back to the last of them that was, or to where it was before.
    Outcome write(std::string_view text, std::span<const std::size_t> ends = {});
    /// After kFailed: how much of the text was written and stayed, up to one of its ends.
    std::size_t kept() const { return kept_; }

    /// After kFailed.
    Error error() const;
    int fd() const { return fd_; }

private:
    int fd_;
    std::string name_;
    bool owned_ = false;
    int errno_ = 0;
    std::size_t kept_ = 0;
};

}  // namespace pipetrace
