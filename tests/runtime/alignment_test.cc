#include "weir/runtime/alignment.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::runtime {
namespace {

TEST(BarrierAligner, HoldsRecordsOfAnAlignedInputUntilTheLastBarrier) {
  BarrierAligner aligner(3);
  EXPECT_FALSE(aligner.on_barrier(1, CheckpointId(5)).has_value());
  EXPECT_TRUE(aligner.is_held(1));
  EXPECT_FALSE(aligner.is_held(0));
  EXPECT_TRUE(aligner.is_aligning());
  EXPECT_FALSE(aligner.on_barrier(0, CheckpointId(5)).has_value());
  EXPECT_EQ(aligner.on_barrier(2, CheckpointId(5)), CheckpointId(5));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_FALSE(aligner.is_held(i));
  EXPECT_FALSE(aligner.is_aligning());
}

TEST(BarrierAligner, CountsAnEndedInputAsAlignedForEveryId) {
  BarrierAligner aligner(2);
  EXPECT_FALSE(aligner.on_end(0).has_value());
  EXPECT_EQ(aligner.on_barrier(1, CheckpointId(1)), CheckpointId(1));
  EXPECT_EQ(aligner.on_barrier(1, CheckpointId(2)), CheckpointId(2));
}

TEST(BarrierAligner, CompletesAPendingCheckpointWhenTheLastInputEnds) {
  BarrierAligner aligner(2);
  EXPECT_FALSE(aligner.on_barrier(0, CheckpointId(3)).has_value());
  EXPECT_EQ(aligner.on_end(1), CheckpointId(3));
  EXPECT_FALSE(aligner.is_held(0));
}

TEST(BarrierAligner, TakesACommandOnlyWhenAllInputsHaveEnded) {
  BarrierAligner aligner(2);
  EXPECT_FALSE(aligner.on_command(CheckpointId(1)).has_value());
  EXPECT_FALSE(aligner.on_end(0).has_value());
  EXPECT_FALSE(aligner.on_command(CheckpointId(1)).has_value());
  EXPECT_FALSE(aligner.on_end(1).has_value());
  EXPECT_TRUE(aligner.all_ended());
  EXPECT_EQ(aligner.on_command(CheckpointId(1)), CheckpointId(1));
  EXPECT_FALSE(aligner.on_command(CheckpointId(1)).has_value()) << "ids only rise";
}

TEST(BarrierAligner, IgnoresIdsThatDoNotRiseAndGivesUpAnOlderOne) {
  BarrierAligner aligner(2);
  EXPECT_FALSE(aligner.on_barrier(0, CheckpointId(4)).has_value());
  EXPECT_FALSE(aligner.on_barrier(1, CheckpointId(6)).has_value());
  EXPECT_FALSE(aligner.is_held(0)) << "checkpoint 4 was abandoned";
  EXPECT_TRUE(aligner.is_held(1));
  EXPECT_FALSE(aligner.on_barrier(0, CheckpointId(5)).has_value());
  EXPECT_EQ(aligner.on_barrier(0, CheckpointId(6)), CheckpointId(6));
  EXPECT_FALSE(aligner.on_barrier(0, CheckpointId(6)).has_value());
  EXPECT_FALSE(aligner.is_held(0));
  EXPECT_EQ(aligner.last_id(), CheckpointId(6));
}

TEST(WatermarkMerger, TakesTheMinimumAndHoldsUntilAllAreKnown) {
  WatermarkMerger merger(2);
  merger.on_watermark(0, EventTime(100));
  EXPECT_EQ(merger.current(), EventTime::min());
  EXPECT_EQ(merger.holding(), 1u);
  merger.on_watermark(1, EventTime(40));
  EXPECT_EQ(merger.current(), EventTime(40));
  merger.on_watermark(1, EventTime(30));
  EXPECT_EQ(merger.current(), EventTime(40)) << "never falls";
}

TEST(WatermarkMerger, LeavesOutIdleInputsAndComesToTheEndWithTheLast) {
  WatermarkMerger merger(2);
  merger.on_watermark(0, EventTime(100));
  merger.on_idle(1);
  EXPECT_EQ(merger.current(), EventTime(100));
  merger.on_data(1);
  merger.on_watermark(0, EventTime(200));
  EXPECT_EQ(merger.current(), EventTime(100));
  merger.on_end(1);
  EXPECT_EQ(merger.current(), EventTime(200));
  merger.on_end(0);
  EXPECT_EQ(merger.current(), EventTime::max());
}

TEST(WatermarkMerger, DoesNotTakeTheEndOfOneInputForTheEndOfAnIdleOne) {
  WatermarkMerger merger(2);
  merger.on_watermark(0, EventTime(100));
  merger.on_watermark(1, EventTime(40));
  merger.on_idle(1);
  EXPECT_EQ(merger.current(), EventTime(100));
  merger.on_watermark(0, EventTime::max());
  EXPECT_EQ(merger.current(), EventTime(100));
  EXPECT_TRUE(merger.all_idle());
  merger.on_end(0);
  EXPECT_EQ(merger.current(), EventTime(100));
  merger.on_watermark(1, EventTime(150));
  EXPECT_EQ(merger.current(), EventTime(150));
}

TEST(WatermarkMerger, GoesOnFromASnapshot) {
  WatermarkMerger before(2);
  before.on_watermark(0, EventTime(70));
  before.on_watermark(1, EventTime(50));
  WatermarkMerger after(2);
  after.restore(before.snapshot());
  EXPECT_EQ(after.current(), EventTime(50));
}

TEST(WatermarkMerger, AgreesWithAMinimumOverAllThatIsKnown) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto inputs = static_cast<std::uint32_t>(1 + random() % 5);
    WatermarkMerger merger(inputs);
    std::vector<EventTime> known(inputs, EventTime::min());
    std::vector<bool> ended(inputs);
    EventTime expected = EventTime::min();
    for (int i = 0; i < 60; ++i) {
      const auto input = static_cast<std::uint32_t>(random() % inputs);
      if (ended[input]) continue;
      if (random() % 20 == 0) {
        ended[input] = true;
        merger.on_end(input);
      } else {
        const EventTime w(static_cast<std::int64_t>(random() % 1'000) - 300);
        known[input] = std::max(known[input], w);
        merger.on_watermark(input, w);
      }
      EventTime lowest = EventTime::max();
      for (std::uint32_t n = 0; n < inputs; ++n) {
        if (!ended[n]) lowest = std::min(lowest, known[n]);
      }
      expected = std::max(expected, lowest);
      ASSERT_EQ(merger.current(), expected);
    }
  }
}

}  // namespace
}  // namespace weir::runtime
