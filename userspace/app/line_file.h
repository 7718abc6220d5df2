// A file of whole lines that a log shipper follows: appended to, kept within a size (what is older is FILE.1,
// and there are never more than the two), and written on with under its name when somebody has moved it away,
// removed or emptied it.
#pragma once

#include "app/outbox.h"
#include "source/unique_fd.h"

#include <cstdint>
#include <memory>
#include <string>

namespace pipetrace {

class LineFile final : public Receiver {
public:
    /// Creates it, mode 0600, or continues what is there, unless another user put it into a folder that is
    /// open to many (open_to_append()). `size_bytes_max` is not for what is no plain file.
    static Result<std::unique_ptr<LineFile>> open(const std::string& path, std::uint64_t size_bytes_max);

    Outcome deliver(Parcel& parcel) override;
    Error trouble() const override { return trouble_; }
    std::string name() const override { return path_; }

private:
    LineFile(std::string path, std::uint64_t size_bytes_max)
        : path_(std::move(path)), size_bytes_max_(size_bytes_max) {}
    Status reopen();
    Status make_ready(std::size_t bytes);
    Status end_last_line();
    void close();

    std::string path_;
    std::uint64_t size_bytes_max_;
    UniqueFd fd_;
    Error trouble_;
};

/// Our standard output: a reader that goes ends it.
class LineStream final : public Receiver {
public:
    explicit LineStream(int fd) : fd_(fd) {}

    Outcome deliver(Parcel& parcel) override;
    Error trouble() const override { return trouble_; }
    std::string name() const override { return "standard output"; }

private:
    int fd_;
    Error trouble_;
};

}  // namespace pipetrace
