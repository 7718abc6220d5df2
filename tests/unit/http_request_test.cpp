// What the metrics server takes for a request.
#include "export/http_request.h"

#include <gtest/gtest.h>

#include <string>

namespace pipetrace {
namespace {

HttpPage page(const std::string& line) { return parse_http_request(line + "\r\nHost: x\r\n\r\n")->page; }

TEST(HttpRequest, ThreePagesAndNothingElse) {
    EXPECT_EQ(page("GET /metrics HTTP/1.1"), HttpPage::kMetrics);
    EXPECT_EQ(page("GET /metrics?name=x HTTP/1.0"), HttpPage::kMetrics);
    EXPECT_EQ(page("GET /-/ready HTTP/1.1"), HttpPage::kReady);
    EXPECT_EQ(page("GET /-/healthy HTTP/1.1"), HttpPage::kHealthy);
    for (const char* path :
         {"/", "/metrics/", "/metrics/x", "/metrics%00", "/../metrics", "//metrics", "/Metrics"})
        EXPECT_EQ(page("GET " + std::string(path) + " HTTP/1.1"), HttpPage::kNotFound) << path;
}

TEST(HttpRequest, HeadWantsTheHeadAlone) {
    EXPECT_TRUE(parse_http_request("HEAD /metrics HTTP/1.1\r\n\r\n")->head_only);
    EXPECT_FALSE(parse_http_request("GET /metrics HTTP/1.1\r\n\r\n")->head_only);
}

TEST(HttpRequest, OtherMethodsAreRefused) {
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "GETS"})
        EXPECT_EQ(page(std::string(method) + " /metrics HTTP/1.1"), HttpPage::kWrongMethod) << method;
}

TEST(HttpRequest, WhatIsNoRequest) {
    for (const char* line :
         {"", " ", "GET", "GET /metrics", "GET  HTTP/1.1", "GET /metrics HTTP/2.0", "GET metrics HTTP/1.1",
          "GET /a b HTTP/1.1", "GET http://x/metrics HTTP/1.1", "\x16\x03\x01 / HTTP/1.1x"})
        EXPECT_EQ(page(line), HttpPage::kBadRequest) << line;
    EXPECT_EQ(page(std::string("GET /metr\0cs HTTP/1.1", 21)), HttpPage::kNotFound);
}

TEST(HttpRequest, IsWaitedForToABound) {
    EXPECT_FALSE(parse_http_request(""));
    EXPECT_FALSE(parse_http_request("GET /metrics HTTP/1.1\r\nHost: x\r\n"));
    std::string endless = "GET /metrics HTTP/1.1\r\nX: ";
    endless.resize(kHttpHeadBytesMax - 1, 'x');
    EXPECT_FALSE(parse_http_request(endless));
    endless.resize(kHttpHeadBytesMax, 'x');
    ASSERT_TRUE(parse_http_request(endless));
    EXPECT_EQ(parse_http_request(endless)->page, HttpPage::kTooLong);
    EXPECT_EQ(parse_http_request(endless + "\r\n\r\n")->page, HttpPage::kTooLong);
    EXPECT_EQ(parse_http_request("GET /metrics HTTP/1.1\r\n\r\n" + std::string(100'000, 'x'))->page,
              HttpPage::kMetrics);
}

TEST(HttpHead, SaysThatTheConnectionEnds) {
    EXPECT_EQ(http_head(405, 3),
              "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
              "Content-Length: 3\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace pipetrace
