// Option values: text -> what it stands for, or an error that says what would be right.
#pragma once

#include "model/options.h"
#include "model/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pipetrace {

/// `option` is the name to complain of: "--port".
Result<std::uint64_t> parse_integer(const std::string& option, const std::string& text, std::uint64_t min,
                                    std::uint64_t max);

/// More than 0; fractions allowed.
Result<double> parse_seconds(const std::string& option, const std::string& text);

/// Bytes: "500M", "1G"; 4M at least.
Result<std::uint64_t> parse_size(const std::string& text);
/// Seconds: "90", "30m", "12h", "7d".
Result<std::uint64_t> parse_age(const std::string& text);

/// "4242", or several as strace takes them: "1,2" or "1 2".
Result<std::vector<Tgid>> parse_tgids(const std::string& text);

/// A name that this host knows, or a number.
Result<std::uint32_t> parse_user(const std::string& text);

/// One of a list; the error names the list and the nearest.
Result<std::size_t> parse_choice(const std::string& option, const std::string& text,
                                 const std::vector<std::string>& choices);

Result<int> parse_errno(const std::string& text);
Result<EndpointKind> parse_kind(const std::string& text);
Result<Cause> parse_cause(const std::string& text);
Result<Severity> parse_severity(const std::string& text);
/// "ADDR:PORT", "[ADDR]:PORT", "localhost:PORT"; without ADDR loopback.
Result<ListenAddress> parse_listen_address(const std::string& text);
/// The FILE of -o: not `-`, of which each command has its own.
Result<std::string> parse_output(Command command, const std::string& path);
Result<Mode> parse_mode(const std::string& text);
Result<ErrorsMode> parse_errors_mode(const std::string& text);

}  // namespace pipetrace
