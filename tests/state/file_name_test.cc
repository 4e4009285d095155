#include "state/src/file_name.h"

#include <gtest/gtest.h>

namespace weir::state {
namespace {

const std::string kHash = "0123456789abcdef0123456789abcdef";

TEST(FileName, IsTheSameAfterWritingAndReading) {
  const FileName name{runtime::Epoch(3), runtime::CheckpointId(14), "task_a", 2, 77, kHash, "sst"};
  EXPECT_EQ(name.text(), "e00000003-c000000000014-task_a-00002-00000077-" + kHash + ".sst");
  const auto parsed = FileName::parse(name.text());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->text(), name.text());
  EXPECT_EQ(parsed->checkpoint, runtime::CheckpointId(14));
}

TEST(FileName, MatchesExactlyOrNotAtAll) {
  const std::string good = "e00000003-c000000000014-task_a-00002-00000077-" + kHash + ".sst";
  ASSERT_TRUE(FileName::parse(good).has_value());
  for (const std::string& wrong :
       {std::string(), good.substr(1), good + "x.y", good + ".tmp", "../" + good,
        "e3-c14-task_a-2-77-" + kHash + ".sst",
        "e00000003-c000000000014-task/a-00002-00000077-" + kHash + ".sst",
        "e0000000x-c000000000014-task_a-00002-00000077-" + kHash + ".sst",
        "e00000003-c000000000014-task_a-00002-00000077-" + kHash.substr(1) + ".sst",
        std::string("e00000003-c000000000014--"), std::string("-----"),
        std::string("e00000003-c000000000014-../../x-00002-00000077-" + kHash + ".sst")}) {
    EXPECT_FALSE(FileName::parse(wrong).has_value()) << wrong;
  }
}

TEST(FileName, KeepsTaskNamesApartAndPlain) {
  EXPECT_EQ(task_name("delays_2"), "delays_2");
  EXPECT_NE(task_name("a-b"), task_name("a_b"));
  EXPECT_NE(task_name("a/b"), task_name("a-b"));
  EXPECT_NE(task_name(std::string(100, 'x')), task_name(std::string(101, 'x')));
  for (const std::string& uid : {std::string("../etc/passwd"), std::string(),
                                 std::string("\xc3\xa9"), std::string(1000, 'x')}) {
    const std::string name = task_name(uid);
    EXPECT_LE(name.size(), 32u);
    EXPECT_FALSE(name.empty());
    EXPECT_EQ(name.find_first_of("-./"), std::string::npos) << name;
  }
}

TEST(FileName, ReadsOnlyCheckpointFoldersOfTwelveDigits) {
  EXPECT_EQ(checkpoint_name(runtime::CheckpointId(9)), "000000000009");
  EXPECT_EQ(parse_checkpoint_name("000000000009"), runtime::CheckpointId(9));
  for (const char* wrong : {"", "9", "0000000000009", "00000000000x", "-00000000009"}) {
    EXPECT_FALSE(parse_checkpoint_name(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace weir::state
