// Every row that comes with the program can be told, and is silent where the facts do not call for it.
#include "advise/shipped_advice.h"

#include "advise/advice_facts.h"
#include "advise/advice_file.h"
#include "advise/advice_table.h"
#include "advise/advice_text.h"
#include "shipped_cases.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace pipetrace::testing {
namespace {

std::vector<RowCase> all_cases() {
    std::vector<RowCase> all;
    for (const auto& cases : {openssh_cases(), redis_cases(), java_cases(), nginx_cases(), proxy_cases(),
                              database_cases(), runtime_cases(), transfer_cases()}) {
        all.insert(all.end(), cases.begin(), cases.end());
    }
    return all;
}

std::map<std::string, AdviceRow> rows_by_id() {
    std::map<std::string, AdviceRow> rows;
    for (AdviceRow& row : shipped_advice()) rows.emplace(row.id, std::move(row));
    return rows;
}

std::string told(const AdviceTable& table, Incident incident) {
    table.advise(incident);
    return incident.verdict.advice;
}

bool tells(const std::string& advice, const AdviceRow& row, const Incident& incident) {
    const auto why = fill_template(row.say, incident);
    return why && advice.find("`" + row.knobs.front() + "`") != std::string::npos &&
           advice.find(*why) != std::string::npos;
}

TEST(ShippedAdvice, NoRowIsBadAndNoIdIsTwice) {
    std::set<std::string> ids;
    std::size_t rows = 0;
    for (const AdviceText& text : shipped_advice_texts()) {
        const auto read = parse_advice(text.file, text.text);
        ASSERT_TRUE(read) << read.error().what << ": " << read.error().why;
        for (const AdviceRow& row : *read) EXPECT_TRUE(ids.insert(row.id).second) << row.id;
        rows += read->size();
    }
    EXPECT_GE(rows, 80U);
    EXPECT_EQ(shipped_advice().size(), rows);
}

TEST(ShippedAdvice, EveryRowHasItsCase) {
    std::map<std::string, AdviceRow> rows = rows_by_id();
    std::set<std::string> told;
    for (const RowCase& one : all_cases()) {
        EXPECT_TRUE(rows.contains(one.id)) << one.id << " is no row";
        EXPECT_TRUE(told.insert(one.id).second) << one.id;
    }
    for (const auto& [id, row] : rows) EXPECT_TRUE(told.contains(id)) << id << " has no case";
}

TEST(ShippedAdvice, EachIsToldWhereItIsCalledFor) {
    const std::map<std::string, AdviceRow> rows = rows_by_id();
    const AdviceTable table;
    for (const RowCase& one : all_cases()) {
        if (!rows.contains(one.id)) continue;
        const std::string advice = told(table, one.called_for);
        EXPECT_TRUE(tells(advice, rows.at(one.id), one.called_for)) << one.id << ": " << advice;
    }
}

TEST(ShippedAdvice, EachIsSilentWhereItIsNot) {
    const std::map<std::string, AdviceRow> rows = rows_by_id();
    for (const RowCase& one : all_cases()) {
        if (!rows.contains(one.id)) continue;
        const Incident called_for = one.called_for, other = one.not_called_for;
        EXPECT_EQ(called_for.verdict.cause, other.verdict.cause) << one.id;
        // Alone, so that no better row hides it.
        const AdviceTable alone({rows.at(one.id)}, "");
        EXPECT_TRUE(tells(told(alone, called_for), rows.at(one.id), called_for)) << one.id;
        const std::string advice = told(alone, other);
        EXPECT_FALSE(tells(advice, rows.at(one.id), other)) << one.id << ": " << advice;
    }
}

TEST(ShippedAdvice, EachGivesItsReasonWithThisCasesFacts) {
    for (const auto& [id, row] : rows_by_id()) {
        EXPECT_NE(row.say.find('{'), std::string::npos) << id;
        EXPECT_LE(row.say.size(), 300U) << id;
        EXPECT_EQ(row.say.back(), '.') << id;
    }
}

TEST(ShippedAdvice, NamesNobodyForAProgramThatItDoesNotKnow) {
    for (std::size_t i = 0; i < kCauseCount; ++i) {
        const FailureFacts nobody("client", static_cast<Cause>(i));
        EXPECT_EQ(told(AdviceTable(), nobody), "") << cause_name(static_cast<Cause>(i));
        FailureFacts peer("client", static_cast<Cause>(i));
        EXPECT_EQ(told(AdviceTable(), peer.peer("server")), "") << cause_name(static_cast<Cause>(i));
    }
}

}  // namespace
}  // namespace pipetrace::testing
