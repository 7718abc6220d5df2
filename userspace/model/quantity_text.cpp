#include "model/quantity_text.h"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <ctime>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t whole_seconds(WallTime at) {
    const std::int64_t seconds = at.ns / kSecondNs;
    return at.ns % kSecondNs < 0 ? seconds - 1 : seconds;
}

std::tm broken_down(WallTime at, bool utc) {
    const std::time_t clock = whole_seconds(at);
    std::tm date{};
    if (utc) {
        ::gmtime_r(&clock, &date);
    } else {
        ::localtime_r(&clock, &date);
    }
    return date;
}

}  // namespace

std::string duration_text(std::uint64_t us) {
    constexpr std::uint64_t kSecond = 1'000'000;
    const std::uint64_t seconds = us / kSecond;
    if (us < 1000) return fmt::format("{} us", us);
    // Whole parts are cut, not rounded: nothing may be said to have lasted longer than it did.
    if (us < kSecond) return fmt::format("{}.{} ms", us / 1000, us % 1000 / 100);
    if (seconds < 120) return fmt::format("{}.{:03} s", seconds, us % kSecond / 1000);
    if (seconds < 7200) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    if (seconds < 172800) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string offset_text(std::int64_t us) {
    if (us == 0) return "0   ";
    const char sign = us < 0 ? '-' : '+';
    const auto size = us < 0 ? -static_cast<double>(us) : static_cast<double>(us);
    if (size < 1e4) return fmt::format("{}{:.3f} ms", sign, size / 1e3);
    if (size < 1e6) return fmt::format("{}{:.1f} ms", sign, size / 1e3);
    if (size < 1e8) return fmt::format("{}{:.3f} s ", sign, size / 1e6);
    return fmt::format("{}{:.0f} s ", sign, size / 1e6);
}

std::string size_text(std::uint64_t bytes) {
    if (bytes < 10000) return fmt::format("{} B", bytes);
    constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
    auto size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (size >= 1000 && unit + 1 < std::size(kUnits)) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string byte_count_text(std::int64_t bytes) {
    return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
}

std::string time_of_day_text(WallTime at, bool utc) {
    const std::tm date = broken_down(at, utc);
    const std::int64_t ms = (at.ns - whole_seconds(at) * kSecondNs) / 1'000'000;
    const char* zone = utc ? "UTC" : date.tm_zone;
    return fmt::format("{:02}:{:02}:{:02}.{:03} {}", date.tm_hour, date.tm_min, date.tm_sec, ms,
                       zone != nullptr ? zone : "");
}

std::string date_text(WallTime at, bool utc) {
    const std::tm date = broken_down(at, utc);
    return fmt::format("{:04}-{:02}-{:02}", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

std::string signal_text(int signal) {
    const char* name = signal > 0 ? ::sigabbrev_np(signal) : nullptr;
    return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

}  // namespace pipetrace
