#include <gtest/gtest.h>

#include <vector>

#include "weir/operators/spout.h"

namespace weir::operators {
namespace {

using runtime::ManualClock;
using runtime::MonotonicTime;
using std::chrono::seconds;

// Partitions that say what the test wants them to say.
class PuppetDriver final : public SpoutDriver {
 public:
  struct Partition {
    Poll says = Poll::more();
    int records = 0;  // per poll
  };
  explicit PuppetDriver(std::uint32_t count) : partitions(count) {}

  std::vector<Partition> partitions;

 protected:
  std::uint32_t partition_count() const override {
    return static_cast<std::uint32_t>(partitions.size());
  }
  absl::Status open_partition(std::uint32_t, runtime::PartitionId, const std::string*) override {
    return absl::OkStatus();
  }
  Poll poll_partition(std::uint32_t index) override {
    context().metrics->records_out.add(partitions[index].records);
    return partitions[index].says;
  }
  std::string encode_position(std::uint32_t) const override { return ""; }
};

class SpoutDriverTest : public ::testing::Test {
 protected:
  void open(PuppetDriver& driver) {
    context_.clock = &clock_;
    context_.metrics = &metrics_;
    context_.partitions = &ids_;
    ASSERT_TRUE(driver.open(context_).ok());
  }
  ManualClock clock_;

 private:
  runtime::OperatorContext context_;
  runtime::OperatorMetrics metrics_;
  runtime::SpoutPartitions ids_;
};

TEST_F(SpoutDriverTest, IsIdleWhenAllPartitionsHaveBeenSilentForTheTimeout) {
  PuppetDriver driver(2);
  open(driver);
  driver.partitions[0] = {Poll::wait(), 0};
  driver.partitions[1] = {Poll::wait(), 0};
  EXPECT_EQ(driver.poll().wake_at, MonotonicTime(seconds(5))) << "to look whether it is idle";
  EXPECT_FALSE(driver.is_idle());
  clock_.advance(seconds(4));
  driver.partitions[1] = {Poll::wait(), 1};
  driver.poll();
  driver.partitions[1] = {Poll::wait(), 0};
  clock_.advance(seconds(1));
  driver.poll();
  EXPECT_FALSE(driver.is_idle()) << "the second has delivered a second ago";
  EXPECT_EQ(driver.take_partition_events().size(), 1u);
  clock_.advance(seconds(4));
  EXPECT_EQ(driver.poll().wake_at, MonotonicTime::max());
  EXPECT_TRUE(driver.is_idle());
  driver.partitions[0] = {Poll::wait(), 1};
  driver.poll();
  EXPECT_FALSE(driver.is_idle());
}

TEST_F(SpoutDriverTest, LeavesOutPartitionsThatHaveEnded) {
  PuppetDriver driver(2);
  open(driver);
  driver.partitions[0] = {Poll::end(), 0};
  driver.partitions[1] = {Poll::wait(), 0};
  driver.poll();
  clock_.advance(seconds(5));
  driver.poll();
  EXPECT_TRUE(driver.is_idle());
  driver.partitions[1] = {Poll::end(), 0};
  EXPECT_EQ(driver.poll().state, runtime::PollResult::State::kEnd);
  EXPECT_FALSE(driver.is_idle()) << "it has ended";
}

TEST_F(SpoutDriverTest, CountsSilenceFromTheLastRecordOfABusyStretch) {
  PuppetDriver driver(1);
  open(driver);
  driver.partitions[0] = {Poll::more(), 1};
  for (int i = 0; i < 20; ++i) {
    driver.poll();
    clock_.advance(seconds(1));
  }
  driver.partitions[0] = {Poll::wait(), 0};
  EXPECT_EQ(driver.poll().wake_at, MonotonicTime(seconds(25)));
  EXPECT_FALSE(driver.is_idle());
  clock_.advance(seconds(5));
  driver.poll();
  EXPECT_TRUE(driver.is_idle());
}

}  // namespace
}  // namespace weir::operators
