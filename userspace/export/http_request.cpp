#include "export/http_request.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

const char* reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 431: return "Request Header Fields Too Large";
        case 503: return "Service Unavailable";
        default: return "Bad Request";
    }
}

HttpPage page_of(std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    if (path == "/metrics") return HttpPage::kMetrics;
    if (path == "/-/ready") return HttpPage::kReady;
    if (path == "/-/healthy") return HttpPage::kHealthy;
    return HttpPage::kNotFound;
}

}  // namespace

std::optional<HttpRequest> parse_http_request(std::string_view bytes) {
    const std::size_t head_end = bytes.substr(0, kHttpHeadBytesMax).find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
        if (bytes.size() >= kHttpHeadBytesMax) return HttpRequest{HttpPage::kTooLong};
        return std::nullopt;
    }
    const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end = line.rfind(' ');
    if (method_end == std::string_view::npos || target_end <= method_end) return HttpRequest{};
    const std::string_view version = line.substr(target_end + 1);
    const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return HttpRequest{};
    if (target.empty() || target.front() != '/' || target.find(' ') != std::string_view::npos)
        return HttpRequest{};
    const std::string_view method = line.substr(0, method_end);
    if (method != "GET" && method != "HEAD") return HttpRequest{HttpPage::kWrongMethod};
    return HttpRequest{page_of(target), method == "HEAD"};
}

std::string http_head(int status, std::size_t body_bytes) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\n"
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        "Content-Length: {}\r\n"
        "{}Connection: close\r\n\r\n",
        status, reason_of(status), body_bytes, status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

}  // namespace pipetrace
