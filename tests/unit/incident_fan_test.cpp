// What a fan's filter keeps from some of its sinks: incidents, bursts, and what was only counted.
#include "app/incident_fan.h"

#include "sample_incident.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace pipetrace {
namespace {

using testing::kSampleAt;
using testing::sample_incident;

constexpr std::uint32_t kUs = 1000;
constexpr std::uint32_t kOthers = 1001;

class Taker final : public IncidentSink {
public:
    void take(const Incident& incident, const BurstStory* burst, Ktime) override {
        taken.push_back(incident);
        sizes.push_back(burst != nullptr ? burst->burst.size : 0);
    }
    void count(const CountedIncident& incident) override { counted.push_back(incident); }
    std::uint64_t kept() const override { return taken.size(); }

    std::vector<Incident> taken;
    std::vector<std::uint64_t> sizes;  ///< of their bursts so far
    std::vector<CountedIncident> counted;
};

class Fan : public ::testing::Test {
protected:
    Fan() {
        fan_.give_all(all_);
        fan_.give_chosen(chosen_);
    }

    static IncidentFilter only_ours() {
        IncidentFilter filter;
        filter.uids = {kUs};
        return filter;
    }

    /// As the pipeline hands it over: with the burst that all who are alike make.
    void take_of(std::uint32_t uid) {
        Incident incident = sample_incident();
        incident.id = "boot-" + std::to_string(++number_);
        incident.at = kSampleAt + number_ * 1'000'000;
        incident.process.uid = uid;
        of_all_.join(incident);
        fan_.take(incident, incident.burst ? of_all_.find(incident.burst->id) : nullptr, incident.at);
    }

    void count_of(const InvolvedProcess& process, EndpointKind kind = EndpointKind::kTcp) {
        CountedIncident counted;
        counted.process = process;
        counted.endpoint.kind = kind;
        counted.errors = {{ECONNRESET, 1}};
        fan_.count(counted);
    }

    static InvolvedProcess of_user(std::uint32_t uid) {
        InvolvedProcess process;
        process.tgid = 4242;
        process.comm = "web";
        process.uid = uid;
        return process;
    }

    std::uint64_t lost() const {
        const LossCounts losses = fan_.losses();
        const auto found = losses.find(kUnknownOwner);
        return found != losses.end() ? found->second : 0;
    }

    BurstTable of_all_;
    IncidentFan fan_{only_ours()};
    Taker all_;
    Taker chosen_;
    std::uint64_t number_ = 0;
};

TEST_F(Fan, BurstsAreOfThoseThatTheFilterChooses) {
    for (int i = 0; i < 6; ++i) take_of(kOthers);
    EXPECT_EQ(fan_.kept(), 0U);
    ASSERT_NE(fan_.bursts(), nullptr);
    EXPECT_EQ(fan_.bursts()->count(), 0U) << "another user's";
    for (int i = 0; i < 4; ++i) take_of(kUs);
    EXPECT_EQ(fan_.bursts()->count(), 0U) << "four are none, whatever others do beside them";
    EXPECT_FALSE(chosen_.taken.back().burst);
    EXPECT_EQ(chosen_.sizes.back(), 0U);
    EXPECT_EQ(all_.taken.back().burst->size, 10U) << "who is given all is told of all";
    EXPECT_EQ(all_.sizes.back(), 10U);
    take_of(kUs);
    EXPECT_EQ(fan_.bursts()->count(), 1U);
    EXPECT_EQ(fan_.bursts()->largest(1).front().burst.size, 5U);
    EXPECT_EQ(chosen_.taken.back().burst->size, 5U);
    EXPECT_EQ(chosen_.sizes.back(), 5U);
}

TEST_F(Fan, WhatWasCountedOfAnUnknownProcessIsCountedOrLost) {
    count_of(of_user(kUs));
    count_of(of_user(kOthers));
    EXPECT_EQ(chosen_.counted.size(), 1U);
    EXPECT_EQ(lost(), 0U) << "it is known to be another user's";
    count_of({});
    EXPECT_EQ(chosen_.counted.size(), 1U) << "whose it is cannot be claimed";
    EXPECT_EQ(lost(), 1U) << "and cannot be ruled out";
    EXPECT_EQ(all_.counted.size(), 3U);
}

TEST_F(Fan, WhatTheFilterExcludesWhoeverItWasIsNotLost) {
    IncidentFilter filter = only_ours();
    filter.kinds = {EndpointKind::kPipe};
    fan_.choose(filter);
    count_of({});
    EXPECT_EQ(lost(), 0U);
    count_of({}, EndpointKind::kPipe);
    EXPECT_EQ(lost(), 1U);
}

TEST_F(Fan, ContainersAreKnownByTheControlGroup) {
    IncidentFilter filter;
    filter.containers = {"db1"};
    fan_.choose(filter);
    InvolvedProcess process = of_user(kUs);
    process.details.cgroup = "/user.slice";
    count_of(process);
    EXPECT_EQ(lost(), 0U) << "it is in none";
    process.details.cgroup.reset();
    count_of(process);
    EXPECT_EQ(lost(), 1U) << "its group had gone before it was read";
}

TEST_F(Fan, WithoutAFilterNothingIsInDoubt) {
    fan_.choose({});
    count_of({});
    EXPECT_EQ(chosen_.counted.size(), 1U);
    EXPECT_EQ(lost(), 0U);
}

}  // namespace
}  // namespace pipetrace
