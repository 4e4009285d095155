#include "supervisor/worker_logs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temp_dir.h"

namespace weir::coordinator {
namespace {

class WorkerLogsTest : public ::testing::Test {
 protected:
  void write(const std::string& worker, const std::string& text) {
    std::ofstream(logs_.path(worker), std::ios::app) << text;
  }
  std::string read(std::int64_t offset, std::uint64_t most = 1 << 20) {
    const auto part = logs_.read("w", offset, most);
    return part.ok() ? part->bytes : part.status().ToString();
  }
  tests::TempDir dir_;
  WorkerLogs logs_{dir_.path(), {.piece_bytes = 10'000, .pieces = 2, .old_logs = 3}};
};

TEST_F(WorkerLogsTest, ReadsFromAnOffsetAndFromTheEnd) {
  write("w", "0123456789");
  EXPECT_EQ(read(0), "0123456789");
  EXPECT_EQ(read(7), "789");
  EXPECT_EQ(read(7, 2), "78");
  EXPECT_EQ(read(-3), "789");
  EXPECT_EQ(read(-100), "0123456789");
  EXPECT_EQ(read(100), "");
  EXPECT_EQ(logs_.read("other", 0, 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(WorkerLogsTest, TheTailHoldsWholeLines) {
  write("w", "one\ntwo\nthree\n");
  EXPECT_EQ(logs_.tail("w", 2, 1000), "two\nthree\n");
  EXPECT_EQ(logs_.tail("w", 5, 1000), "one\ntwo\nthree\n");
  EXPECT_EQ(logs_.tail("w", 5, 10), "three\n");
  EXPECT_EQ(logs_.tail("other", 5, 10), "");
  write("w", "half");
  EXPECT_EQ(logs_.tail("w", 2, 1000), "three\nhalf");
}

TEST_F(WorkerLogsTest, OffsetsSurviveRotationAndOldPiecesGo) {
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    all += line;
    write("w", line);
    if (i % 100 == 0) {
      ASSERT_TRUE(logs_.tend({"w"}).ok());
    }
  }
  const auto part = logs_.read("w", 0, 1 << 20);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->end, all.size());
  EXPECT_GT(part->offset, 0U);
  EXPECT_EQ(part->bytes, all.substr(part->offset));
  EXPECT_GE(part->bytes.size(), 2U * 8000);
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    bytes += entry.file_size();
  }
  EXPECT_LE(bytes, 3U * 13'000);
  const auto middle = static_cast<std::int64_t>(all.size()) - 9000;
  EXPECT_EQ(read(middle, 50), all.substr(static_cast<std::size_t>(middle), 50));
}

TEST_F(WorkerLogsTest, LogsOfOldWorkersGoThoseOfRunningOnesStay) {
  const auto now = std::filesystem::file_time_type::clock::now();
  for (int i = 0; i < 6; ++i) {
    const std::string worker = "job-1-e" + std::to_string(i) + "-0";
    write(worker, "x");
    std::filesystem::last_write_time(logs_.path(worker), now + std::chrono::seconds(i));
  }
  EXPECT_EQ(logs_.latest_of("job-1"), "job-1-e5-0");
  EXPECT_EQ(logs_.latest_of("job-2"), "");
  ASSERT_TRUE(logs_.tend({"job-1-e0-0"}).ok());
  std::set<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    left.insert(entry.path().filename().string());
  }
  EXPECT_EQ(left, (std::set<std::string>{"job-1-e0-0.log", "job-1-e3-0.log", "job-1-e4-0.log",
                                         "job-1-e5-0.log"}));
}

}  // namespace
}  // namespace weir::coordinator
