#include "state/src/row_file.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace weir::state {
namespace {

using runtime::RowBuffer;

std::string example() {
  RowFileWriter writer(RowFileKind::kDelta);
  writer.add(RowBuffer::Op::kRemovePrefix, "aa", "");
  writer.add(RowBuffer::Op::kPut, "abc", std::string(300, 'v'));
  writer.add(RowBuffer::Op::kRemove, "abd", "");
  writer.add(RowBuffer::Op::kPut, "abd\xff", "");
  return writer.finish();
}

// Reads to the end; what was read, or the error.
absl::StatusOr<std::vector<std::string>> read_all(std::string_view bytes) {
  absl::StatusOr<RowFileReader> reader = RowFileReader::open(bytes, "f");
  if (!reader.ok()) return reader.status();
  std::vector<std::string> rows;
  RowBuffer::Row row{};
  for (;;) {
    const absl::StatusOr<bool> more = reader->next(&row);
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back(std::to_string(static_cast<int>(row.op)) + std::string(row.key) + "=" +
                   std::string(row.value));
  }
}

TEST(RowFile, GivesBackWhatWasWritten) {
  EXPECT_EQ(
      read_all(example()).value(),
      (std::vector<std::string>{"3aa=", "1abc=" + std::string(300, 'v'), "2abd=", "1abd\xff="}));
  RowFileWriter writer(RowFileKind::kBase);
  EXPECT_TRUE(writer.empty());
  const std::string nothing = writer.finish();
  EXPECT_EQ(nothing.size(), 17u);
  EXPECT_TRUE(read_all(nothing).value().empty());
}

TEST(RowFile, IsWrittenAsTheGrammarSays) {
  RowFileWriter writer(RowFileKind::kBase);
  writer.add(RowBuffer::Op::kPut, "key1", "v");
  writer.add(RowBuffer::Op::kPut, "key2", "");
  const std::string expected = std::string("weirrow1B") + std::string("\x01\x00\x04\x01", 4) +
                               "key1v" + std::string("\x01\x03\x01\x00", 4) + "2" +
                               std::string("\x02\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(writer.finish(), expected);
}

TEST(RowFile, StartsAgainAfterFinish) {
  RowFileWriter writer(RowFileKind::kBase);
  writer.add(RowBuffer::Op::kPut, "key1", "v");
  const std::string first = writer.finish();
  writer.add(RowBuffer::Op::kPut, "key1", "v");
  EXPECT_EQ(writer.finish(), first);
}

TEST(RowFile, RefusesEveryTruncation) {
  const std::string bytes = example();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(read_all(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

// The manifest's hash keeps such bytes away; if one comes all the same, it must not run astray.
TEST(RowFile, NeverReadsOutsideOfBytesThatAreWrong) {
  const std::string bytes = example();
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    std::mt19937_64 random(seed);
    std::string wrong = bytes;
    for (std::uint64_t n = random() % 4 + 1; n > 0; --n) {
      wrong[random() % wrong.size()] = static_cast<char>(random());
    }
    const std::vector<char> exact(wrong.begin(), wrong.end());  // no spare byte behind the end
    read_all(std::string_view(exact.data(), exact.size())).IgnoreError();
  }
}

}  // namespace
}  // namespace weir::state
