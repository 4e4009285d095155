#include "weir/state/manifest.h"

#include <gtest/gtest.h>

#include "state/src/sealed_json.h"

namespace weir::state {
namespace {

using runtime::EventTime;
using runtime::KeyGroup;
using runtime::PartitionId;

Manifest example() {
  Manifest manifest;
  manifest.job = "flights \"quoted\" \xc3\xa9";
  manifest.topology = "abc";
  manifest.plan = "line 1\nline 2";
  manifest.id = runtime::CheckpointId(12345678901234);
  manifest.epoch = runtime::Epoch(7);
  manifest.wall_time = std::chrono::microseconds(1'700'000'000'000'000);
  manifest.max_parallelism = 128;
  manifest.final = true;
  runtime::TaskSnapshot& task = manifest.tasks.emplace_back();
  task.uid = "task";
  task.index = 2;
  task.parallelism = 3;
  runtime::OperatorSnapshot& op = task.operators.emplace_back();
  op.uid = "operator";
  for (int c = 0; c < 256; ++c) op.task_state.push_back(static_cast<char>(c));
  op.partition_states = {{PartitionId(0), ""}, {PartitionId(4), std::string(2, '\0')}};
  op.states = {{"counts", "value", "i32", 3}, {"empty", "map", "", 65535}};
  task.channels = {{EventTime::min(), true, false},
                   {EventTime::max(), false, true},
                   {EventTime(-5), false, false}};
  task.rows.format = "memory/1";
  task.rows.groups = {KeyGroup(1), KeyGroup(127)};
  task.rows.files = {{"name.sst", 1ull << 60, "00ff"}, {"other", 0, ""}};
  task.rows.meta = "\xff\n";
  manifest.tasks.emplace_back().uid = "nothing in it";
  return manifest;
}

TEST(Manifest, IsTheSameAfterWritingAndReading) {
  const Manifest before = example();
  const auto parsed = Manifest::parse(before.to_text(), "m");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->to_text(), before.to_text());
  EXPECT_EQ(parsed->job, before.job);
  EXPECT_EQ(parsed->id, before.id);
  EXPECT_EQ(parsed->wall_time, before.wall_time);
  EXPECT_TRUE(parsed->final);
  ASSERT_EQ(parsed->tasks.size(), 2u);
  const runtime::TaskSnapshot& task = parsed->tasks[0];
  const runtime::TaskSnapshot& expected = before.tasks[0];
  ASSERT_EQ(task.operators.size(), 1u);
  EXPECT_EQ(task.operators[0].task_state, expected.operators[0].task_state);
  EXPECT_EQ(task.operators[0].partition_states, expected.operators[0].partition_states);
  EXPECT_EQ(task.operators[0].states, expected.operators[0].states);
  ASSERT_EQ(task.channels.size(), 3u);
  EXPECT_EQ(task.channels[0].watermark, EventTime::min());
  EXPECT_TRUE(task.channels[0].idle);
  EXPECT_EQ(task.channels[1].watermark, EventTime::max());
  EXPECT_TRUE(task.channels[1].ended);
  EXPECT_EQ(task.channels[2].watermark, EventTime(-5));
  EXPECT_EQ(task.rows.files, expected.rows.files);
  EXPECT_EQ(task.rows.meta, expected.rows.meta);
  EXPECT_EQ(task.rows.groups.first, KeyGroup(1));
}

TEST(Manifest, IsRefusedWhenAnyBitIsFlipped) {
  const std::string text = example().to_text();
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(Manifest::parse(damaged, "m").status().code(), absl::StatusCode::kDataLoss) << bit;
  }
}

TEST(Manifest, IsRefusedWhenItIsTruncatedAnywhere) {
  const std::string text = example().to_text();
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(Manifest::parse(text.substr(0, size), "m").status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(Manifest::parse(text + " ", "m").status().code(), absl::StatusCode::kDataLoss);
}

TEST(Manifest, IsPlainJson) {
  const Json json = Json::parse(example().to_text());
  EXPECT_EQ(json["format"], kStateFormat);
  EXPECT_EQ(json["tasks"][0]["rows"]["files"][0]["name"], "name.sst");
}

TEST(Manifest, OfAnotherFormatSaysWhatToDo) {
  const absl::Status newer = Manifest::parse(seal({{"format", 999}}), "the place").status();
  EXPECT_EQ(newer.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(newer.message().find("the place has state format 999"), absl::string_view::npos);
  const absl::Status other = Manifest::parse(seal({{"format", kStateFormat}}), "place").status();
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other.message().find("\"job\""), absl::string_view::npos) << other;
}

TEST(Manifest, ReplacesBytesThatAreNotUtf8) {
  Manifest manifest = example();
  manifest.plan = "\xff";
  EXPECT_TRUE(Manifest::parse(manifest.to_text(), "m").ok());
}

}  // namespace
}  // namespace weir::state
