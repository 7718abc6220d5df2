// What a client of the metrics server asks for. Pure: bytes in, an answer's head out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pipetrace {

enum class HttpPage { kMetrics, kReady, kHealthy, kNotFound, kWrongMethod, kBadRequest, kTooLong };

struct HttpRequest {
    HttpPage page = HttpPage::kBadRequest;
    bool head_only = false;
};

/// The longest head of a request that is read.
inline constexpr std::size_t kHttpHeadBytesMax = 8192;

/// Nothing: its head has not come whole, and may still. Only GET and HEAD of /metrics, /-/ready and
/// /-/healthy, with any query, are answered; bodies are not read.
std::optional<HttpRequest> parse_http_request(std::string_view bytes);

/// Status line and fields, with the empty line. Every answer ends its connection.
std::string http_head(int status, std::size_t body_bytes);

}  // namespace pipetrace
