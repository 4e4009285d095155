#include "progress_text.h"

#include <gtest/gtest.h>

namespace weir::coordinator {
namespace {

using runtime::BlockingReason;
using runtime::EventTime;
using namespace std::chrono_literals;

TEST(ProgressText, FormatsNumbersForPeople) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123), "-123");
  EXPECT_EQ(format_count(-1234), "-1,234");
  EXPECT_EQ(format_rate(12), "12/s");
  EXPECT_EQ(format_rate(38'540), "38.5 k/s");
  EXPECT_EQ(format_rate(38'540'000), "38.5 M/s");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(40'370'176), "38.5 MiB");
  EXPECT_EQ(format_bytes(std::uint64_t{5} << 30), "5.00 GiB");
  EXPECT_EQ(format_elapsed(15us), "15 us");
  EXPECT_EQ(format_elapsed(14ms), "14 ms");
  EXPECT_EQ(format_elapsed(3200ms), "3.2 s");
  EXPECT_EQ(format_elapsed(125s), "2m05s");
  EXPECT_EQ(format_elapsed(3h + 2min), "3h02m");
  EXPECT_EQ(format_elapsed(50h), "2d02h");
  EXPECT_EQ(format_time(EventTime::from_seconds(1422695100)), "2015-01-31 09:05:00");
  EXPECT_EQ(format_time(EventTime::min()), "-");
}

JobProgress replay() {
  JobProgress p;
  p.records_read = 1'234'567;
  p.watermark = EventTime::from_seconds(1422695100);
  p.largest_time = p.watermark + 30min;
  return p;
}

TEST(ProgressText, ShowsTheLagOfAReplayAgainstItsNewestRecord) {
  EXPECT_EQ(progress_line(replay(), 412'000, 1s * 1'700'000'000),
            "1,234,567 records, 412.0 k/s | 2015-01-31 09:05:00, 30m00s behind");
}

TEST(ProgressText, ShowsTheLagOfALiveStreamAgainstTheClock) {
  EXPECT_EQ(progress_line(replay(), 100, 1s * (1422695100 + 42)),
            "1,234,567 records, 100/s | 2015-01-31 09:05:00, 42.0 s behind now");
}

TEST(ProgressText, ShowsCheckpointsLateRecordsAndWhatBlocks) {
  JobProgress p;
  p.records_read = 10;
  p.checkpoints = 3;
  p.failed_checkpoints = 1;
  p.last_checkpoint = runtime::CheckpointId(12);
  p.last_checkpoint_age = 800ms;
  p.last_checkpoint_took = 14ms;
  p.late = 7;
  p.bad = 2;
  p.tasks.resize(2);
  p.tasks[0].name = "numbers 0/1";
  p.tasks[0].blocking = BlockingReason::kNoCredit;
  EXPECT_EQ(progress_line(p, 1, 0s),
            "10 records, 1/s | 7 late | 2 bad | checkpoint 12 800 ms ago, took 14 ms | "
            "1 failed checkpoints | numbers 0/1 waits for room behind it");
}

TEST(ProgressText, NamesWhatBlocks) {
  JobProgress p;
  EXPECT_EQ(what_blocks(p), "");
  p.tasks.resize(2);
  p.tasks[0].name = "a 0/1";
  p.tasks[1].name = "b 0/1";
  p.tasks[0].blocking = BlockingReason::kNoInput;
  EXPECT_EQ(what_blocks(p), "");
  p.tasks[1].blocking = BlockingReason::kNoInput;
  EXPECT_EQ(what_blocks(p), "waiting for input");
  p.tasks[1].blocking = BlockingReason::kAligning;
  EXPECT_EQ(what_blocks(p), "b 0/1 aligns a checkpoint");
}

TEST(ProgressText, SumsUp) {
  JobResult result;
  result.outcome = JobResult::Outcome::kFinished;
  result.progress = replay();
  result.progress.elapsed = 2s;
  result.progress.late = 12;
  result.progress.checkpoints = 2;
  result.progress.last_checkpoint = runtime::CheckpointId(9);
  result.progress.last_checkpoint_took = 14ms;
  OperatorProgress& sink = result.progress.operators.emplace_back();
  sink.uid = "report";
  sink.kind = "csv_files";
  sink.detail = "out/flights";
  sink.is_sink = true;
  sink.records_in = 4321;
  EXPECT_EQ(summary("flights", result),
            "flights finished after 2.0 s\n"
            "  records read         1,234,567   617.3 k/s\n"
            "  into report              4,321   out/flights\n"
            "  late                        12   came after their windows had fired\n"
            "  checkpoints                  2   the last, 9, took 14 ms\n");
}

}  // namespace
}  // namespace weir::coordinator
