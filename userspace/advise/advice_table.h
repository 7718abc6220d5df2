// Which rows an incident calls for: the best for each of its ends. Pure: looks at nothing but the incident.
#pragma once

#include "advise/advice_row.h"
#include "advise/advice_text.h"
#include "model/incident.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

class AdviceTable {
public:
    /// The shipped rows alone.
    AdviceTable() = default;
    /// And the user's, which go before them; one with a shipped row's id stands in its place. `digest` names
    /// the texts that they came from.
    AdviceTable(std::vector<AdviceRow> own, std::string digest);

    /// After diagnose(): appends to the verdict's advice what fits the programs. At most one sentence for
    /// each end.
    void advise(Incident& incident) const;

    /// Of the user's own rows; "" without any. Two with equal digests, of one build, advise alike.
    const std::string& digest() const { return digest_; }

private:
    struct Candidate {
        std::size_t row = 0;
        FoundBy found_by = FoundBy::kProcess;
    };

    const std::vector<AdviceRow>& rows() const;
    const std::vector<Candidate>& candidates(const Incident& incident) const;

    std::vector<AdviceRow> own_;
    std::string digest_;
    mutable std::optional<std::vector<AdviceRow>> all_;  ///< the shipped ones are read at the first incident
    mutable std::string names_;                          ///< of the programs that the last one was of,
    mutable std::vector<Candidate> candidates_;          ///< and the rows for them
};

/// The digest of some text that follows those of another digest.
std::string advice_digest(std::string_view before, std::string_view text);

}  // namespace pipetrace
