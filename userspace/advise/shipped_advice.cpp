#include "advise/shipped_advice.h"

#include "advise/advice_file.h"

#include <utility>

namespace pipetrace {

std::vector<AdviceRow> shipped_advice() {
    std::vector<AdviceRow> all;
    for (const AdviceText& text : shipped_advice_texts()) {
        auto rows = parse_advice(text.file, text.text);
        if (!rows) continue;
        for (AdviceRow& row : *rows) all.push_back(std::move(row));
    }
    return all;
}

}  // namespace pipetrace
