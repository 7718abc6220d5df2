#include "model/quantity_text.h"

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iterator>

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

/// Two whole numbers and their units: "2 min 5 s".
std::string two_parts(std::uint64_t large, const char* large_unit, std::uint64_t small,
                      const char* small_unit) {
    return std::to_string(large) + large_unit + std::to_string(small) + small_unit;
}

template <typename... Values>
std::string printed(const char* format, Values... values) {
    char text[64];
    const int size = std::snprintf(text, sizeof text, format, values...);
    return size > 0 ? std::string(text) : std::string();
}

}  // namespace

std::string duration_text(std::uint64_t us) {
    constexpr std::uint64_t kSecond = 1'000'000;
    const std::uint64_t seconds = us / kSecond;
    if (us < 1000) return std::to_string(us) + " us";
    // Whole parts are cut, not rounded: nothing may be said to have lasted longer than it did.
    if (us < kSecond) return two_parts(us / 1000, ".", us % 1000 / 100, " ms");
    if (seconds < 120) {
        const std::string thousandths = std::to_string(1000 + us % kSecond / 1000).substr(1);
        return std::to_string(seconds) + "." + thousandths + " s";
    }
    if (seconds < 7200) return two_parts(seconds / 60, " min ", seconds % 60, " s");
    if (seconds < 172800) return two_parts(seconds / 3600, " h ", seconds / 60 % 60, " min");
    return two_parts(seconds / 86400, " d ", seconds / 3600 % 24, " h");
}

std::string offset_text(std::int64_t us) {
    if (us == 0) return "0   ";
    const char sign = us < 0 ? '-' : '+';
    const auto size = us < 0 ? -static_cast<double>(us) : static_cast<double>(us);
    if (size < 1e4) return printed("%c%.3f ms", sign, size / 1e3);
    if (size < 1e6) return printed("%c%.1f ms", sign, size / 1e3);
    if (size < 1e8) return printed("%c%.3f s ", sign, size / 1e6);
    return printed("%c%.0f s ", sign, size / 1e6);
}

std::string size_text(std::uint64_t bytes) {
    if (bytes < 10000) return std::to_string(bytes) + " B";
    constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
    auto size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (size >= 1000 && unit + 1 < std::size(kUnits)) {
        size /= 1024;
        ++unit;
    }
    return printed("%.1f %s", size, kUnits[unit]);
}

std::string byte_count_text(std::int64_t bytes) {
    return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

std::string time_of_day_text(WallTime at, bool utc) {
    const std::tm date = broken_down(at, utc);
    const auto ms = static_cast<int>((at.ns - whole_seconds(at) * kSecondNs) / 1'000'000);
    const char* zone = utc ? "UTC" : date.tm_zone;
    return printed("%02d:%02d:%02d.%03d ", date.tm_hour, date.tm_min, date.tm_sec, ms) +
           (zone != nullptr ? zone : "");
}

std::string date_text(WallTime at, bool utc) {
    const std::tm date = broken_down(at, utc);
    return printed("%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

std::string signal_text(int signal) {
    const char* name = signal > 0 ? ::sigabbrev_np(signal) : nullptr;
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace pipetrace
