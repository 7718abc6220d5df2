// Prints an exposition to which a hundred thousand processes gave their names: quotes, newlines, backslashes,
// bytes that are no UTF-8, NUL, too long ones. tests/monitor/hostile_test.py has promtool read it.
#include "export/metrics.h"

#include <cstdio>
#include <random>
#include <string>

int main() {
    using namespace pipetrace;
    constexpr int kNames = 100'000;
    const std::string pieces[] = {"\"",
                                  "\\",
                                  "\n",
                                  "\r",
                                  "\t",
                                  "{",
                                  "}",
                                  ",",
                                  "=",
                                  "#",
                                  " ",
                                  "\x1b[31m",
                                  "\xff",
                                  "\xc3",
                                  "\xe2\x80\xae",
                                  "\xf0\x9f\x92\xa5",
                                  "\xed\xa0\x80",
                                  std::string(1, '\0'),
                                  "other",
                                  "# HELP x y\n",
                                  "} 1\n",
                                  std::string(5000, 'x'),
                                  "\xc3\xbc"};
    std::mt19937 random(1);
    Metrics metrics("hostile");
    for (int i = 0; i < kNames; ++i) {
        const auto name = [&] {
            std::string made;
            for (auto left = random() % 6; left > 0; --left)
                made += pieces[random() % std::size(pieces)];
            return made;
        };
        Incident incident;
        incident.process.comm = name();
        incident.process.details.container = name();
        metrics.count(incident);
    }
    const std::string text = metrics.exposition();
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
}
