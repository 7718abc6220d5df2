#include "app/outbox.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

namespace pipetrace {
namespace {

using Outcome = Receiver::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// What a test and the outbox's thread both hold.
struct Desk {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> taken;
    Outcome outcome = Outcome::kTaken;
    bool is_held = false;  ///< deliver() does not return
    int offers = 0;

    template <typename Condition>
    bool await(Condition condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, seconds{10}, condition);
    }
    void set(Outcome next) {
        const std::lock_guard lock(mutex);
        outcome = next;
    }
    void hold(bool held) {
        {
            const std::lock_guard lock(mutex);
            is_held = held;
        }
        changed.notify_all();
    }
};

class DeskReceiver final : public Receiver {
public:
    explicit DeskReceiver(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) {}

    Outcome deliver(Parcel& parcel) override {
        std::unique_lock lock(desk_->mutex);
        ++desk_->offers;
        desk_->changed.notify_all();
        desk_->changed.wait(lock, [this] { return !desk_->is_held; });
        if (desk_->outcome == Outcome::kTaken) desk_->taken.push_back(parcel.text);
        desk_->changed.notify_all();
        return desk_->outcome;
    }
    Error trouble() const override { return Error{"cannot write to the desk", "it is full", ""}; }
    std::string name() const override { return "the desk"; }

private:
    std::shared_ptr<Desk> desk_;
};

Parcel parcel(const std::string& text) { return Parcel{text, {text.size()}, 1}; }

class OutboxTest : public ::testing::Test {
protected:
    std::unique_ptr<Outbox> make(std::size_t bytes_max = 1000) {
        Outbox::Settings settings;
        settings.bytes_max = bytes_max;
        settings.pause = milliseconds{1};
        settings.last_tries = milliseconds{200};
        settings.tell = [this](const Error& error) { told_.push_back(error.what + ": " + error.why); };
        return std::make_unique<Outbox>(std::move(settings), std::make_unique<DeskReceiver>(desk_));
    }

    std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
    std::vector<std::string> told_;
};

TEST_F(OutboxTest, DeliversInOrderAndWhatIsLeftAtTheEnd) {
    const auto outbox = make();
    for (const char* text : {"one", "two", "three"}) outbox->post(parcel(text));
    outbox->finish();
    EXPECT_EQ(desk_->taken, (std::vector<std::string>{"one", "two", "three"}));
    EXPECT_TRUE(outbox->losses("desk").empty());
    EXPECT_TRUE(told_.empty());
}

TEST_F(OutboxTest, KnocksWithNothing) {
    const auto outbox = make(0);
    outbox->knock();
    ASSERT_TRUE(desk_->await([this] { return desk_->offers == 1; }));
    outbox->finish();
    EXPECT_EQ(desk_->taken, std::vector<std::string>{""});
    EXPECT_TRUE(outbox->losses("desk").empty());
}

TEST_F(OutboxTest, CountsWhatDoesNotFit) {
    const auto outbox = make(8);
    desk_->hold(true);
    outbox->post(parcel("12345"));
    ASSERT_TRUE(desk_->await([this] { return desk_->offers == 1; }));
    outbox->post(parcel("678"));  // 8 bytes with the one under way
    outbox->post(parcel("9"));
    EXPECT_EQ(outbox->losses("desk"), (LossCounts{{"desk", 1}}));
    desk_->hold(false);
    outbox->finish();
    EXPECT_EQ(desk_->taken, (std::vector<std::string>{"12345", "678"}));
    EXPECT_EQ(outbox->losses("desk"), (LossCounts{{"desk", 1}}));
}

TEST_F(OutboxTest, LeavesAHeldReceiverBehind) {
    const auto outbox = make();
    desk_->hold(true);
    outbox->post(parcel("one"));
    outbox->post(parcel("two"));
    ASSERT_TRUE(desk_->await([this] { return desk_->offers == 1; }));
    const auto began = std::chrono::steady_clock::now();
    outbox->finish();
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{5});
    EXPECT_EQ(outbox->losses("desk"), (LossCounts{{"desk", 2}}));
    desk_->hold(false);
}

TEST_F(OutboxTest, TellsATroubleOnceAndItsEnd) {
    const auto outbox = make();
    desk_->set(Outcome::kLater);
    outbox->post(parcel("one"));
    ASSERT_TRUE(desk_->await([this] { return desk_->offers >= 3; }));
    outbox->look();
    outbox->look();
    EXPECT_EQ(told_, (std::vector<std::string>{"cannot write to the desk: it is full"}));
    desk_->set(Outcome::kTaken);
    ASSERT_TRUE(desk_->await([this] { return desk_->taken.size() == 1; }));
    outbox->finish();
    EXPECT_EQ(told_, (std::vector<std::string>{"cannot write to the desk: it is full",
                                               "the desk takes incidents again: none was lost"}));
}

TEST_F(OutboxTest, GivesUpAtTheEndWhatIsNotTaken) {
    const auto outbox = make();
    desk_->set(Outcome::kLater);
    outbox->post(parcel("one"));
    outbox->post(parcel("two"));
    outbox->finish();
    EXPECT_EQ(outbox->losses("desk"), (LossCounts{{"desk", 2}}));
}

TEST_F(OutboxTest, CountsNothingThatNobodyMisses) {
    const auto outbox = make();
    desk_->set(Outcome::kNobody);
    outbox->post(parcel("one"));
    outbox->finish();
    EXPECT_TRUE(outbox->losses("desk").empty());
    EXPECT_TRUE(told_.empty());
}

TEST_F(OutboxTest, EndsWithItsReader) {
    const auto outbox = make();
    desk_->set(Outcome::kEnded);
    EXPECT_FALSE(outbox->has_ended());
    outbox->post(parcel("one"));
    outbox->finish();
    EXPECT_TRUE(outbox->has_ended());
    EXPECT_TRUE(told_.empty()) << "a reader that goes is no trouble";
}

}  // namespace
}  // namespace pipetrace
