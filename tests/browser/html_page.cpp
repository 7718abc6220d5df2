// Incidents as JSON lines on stdin -> the HTML page on stdout, for looking at it: html_page [TITLE]
// [CONTEXT-NUMBERS]. The second argument is "incidents,lost" of the selection.
#include "render/html_report.h"

#include <cstdio>
#include <iostream>
#include <string>

namespace {

pipetrace::HtmlContext sample_context(std::uint64_t incidents, std::uint64_t lost) {
    constexpr std::int64_t kNs = 1'000'000'000;
    pipetrace::HtmlContext context;
    context.generated_by = "pipetrace test";
    context.generated_at = pipetrace::WallTime{1'795'000'000 * kNs};
    context.recordings = {{"/var/lib/pipetrace/web1.db", "web1", "6.12.0", "0.1.0",
                           pipetrace::WallTime{1'794'990'000 * kNs}, std::nullopt, false, std::nullopt}};
    if (incidents > 0) context.incidents = incidents;
    if (lost > 0) {
        context.events = 120'000;
        context.lost_by_kind = {{"call_failed", lost}, {"recording", 1}};
        context.notes = {"The clock of db1 is 3.2 s ahead of web1's."};
    }
    return context;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t incidents = 0;
    std::uint64_t lost = 0;
    if (argc > 2 && std::sscanf(argv[2], "%lu,%lu", &incidents, &lost) != 2) return 2;
    pipetrace::HtmlReport page([](std::string_view text) { std::cout << text; });
    page.begin(argc > 1 ? argv[1] : "Broken pipes");
    for (std::string line; std::getline(std::cin, line);) page.add(line);
    page.finish(sample_context(incidents, lost));
    return std::cout.flush() ? 0 : 1;
}
