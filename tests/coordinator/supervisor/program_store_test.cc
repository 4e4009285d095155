#include "supervisor/program_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sha256.h"
#include "support/temp_dir.h"

namespace weir::coordinator {
namespace {

std::string hash_of(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex();
}

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 parts;
  parts.update("a");
  parts.update("bc");
  EXPECT_EQ(parts.hex(), hash_of("abc"));
  EXPECT_TRUE(is_sha256(hash_of("abc")));
  EXPECT_FALSE(is_sha256("../../../etc/passwd"));
  EXPECT_FALSE(is_sha256(std::string(64, 'A')));
}

class ProgramStoreTest : public ::testing::Test {
 protected:
  tests::TempDir dir_;
  ProgramStore store_{dir_.path(), {.program_bytes = 1000, .all_bytes = 25}};
};

TEST_F(ProgramStoreTest, AppearsWhenItIsWholeAndOnlyForItsOwner) {
  const std::string program = "0123456789";
  const std::string hash = hash_of(program);
  EXPECT_EQ(*store_.append(hash, 0, 10, program.substr(0, 4)), 4U);
  EXPECT_FALSE(store_.has(hash));
  EXPECT_EQ(*store_.append(hash, 2, 10, program.substr(2, 4)), 6U);  // two bytes once more
  EXPECT_EQ(store_.append(hash, 8, 10, "89").status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(*store_.append(hash, 6, 10, program.substr(6)), 10U);
  EXPECT_TRUE(store_.has(hash));
  struct stat info {};
  ASSERT_EQ(::stat(store_.path(hash).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0500U);
  EXPECT_EQ(*sha256_of_file(store_.path(hash)), hash);
  EXPECT_EQ(*store_.append(hash, 0, 10, program), 10U);  // again is no harm
}

TEST_F(ProgramStoreTest, RefusesWrongHashesSizesAndNames) {
  const std::string hash = hash_of("right");
  EXPECT_EQ(store_.append(hash, 0, 5, "wrong").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(store_.has(hash));
  EXPECT_EQ(*store_.append(hash, 0, 5, "right"), 5U);  // what was wrong is not in the way
  EXPECT_FALSE(store_.append(hash_of("x"), 0, 1001, "x").ok());
  EXPECT_FALSE(store_.append(hash_of("x"), 0, 0, "").ok());
  EXPECT_FALSE(store_.append(hash_of("x"), 1, 1, "x").ok());
  EXPECT_FALSE(store_.append(hash_of("x"), ~std::uint64_t{0}, 1, "x").ok());
  EXPECT_FALSE(store_.append("../x", 0, 1, "x").ok());
}

TEST_F(ProgramStoreTest, TakesAProgramThatTwoSendAtTheSameTime) {
  const std::string hash = hash_of("right");
  EXPECT_EQ(*store_.append(hash, 0, 5, ""), 0U);
  EXPECT_EQ(*store_.append(hash, 0, 5, "ri"), 2U);
  EXPECT_EQ(*store_.append(hash, 0, 5, ""), 2U);  // the other one asks
  EXPECT_EQ(*store_.append(hash, 2, 5, "gh"), 4U);
  EXPECT_EQ(*store_.append(hash, 2, 5, "gh"), 4U);
  EXPECT_EQ(*store_.append(hash, 4, 5, "t"), 5U);
  EXPECT_EQ(*store_.append(hash, 4, 5, "t"), 5U);
  EXPECT_TRUE(store_.has(hash));
}

TEST_F(ProgramStoreTest, BeginsAnewAfterALifeThatEndedInTheMiddle) {
  const std::string hash = hash_of("right");
  EXPECT_EQ(*store_.append(hash, 0, 5, "wr"), 2U);
  ProgramStore next(dir_.path(), {.program_bytes = 1000, .all_bytes = 25});
  EXPECT_EQ(*next.append(hash, 0, 5, ""), 0U);
  EXPECT_EQ(*next.append(hash, 0, 5, "right"), 5U);
  EXPECT_TRUE(next.has(hash));
}

TEST_F(ProgramStoreTest, ForgetsTheOldestThatNobodyUses) {
  const auto now = std::filesystem::file_time_type::clock::now();
  std::vector<std::string> hashes;
  for (int i = 0; i < 4; ++i) {
    const std::string program = "program " + std::to_string(i);
    hashes.push_back(hash_of(program));
    ASSERT_TRUE(store_.append(hashes.back(), 0, program.size(), program).ok());
    std::filesystem::last_write_time(store_.path(hashes.back()), now + std::chrono::seconds(i));
  }
  store_.forget_old({hashes[0]});
  EXPECT_TRUE(store_.has(hashes[0]));
  EXPECT_FALSE(store_.has(hashes[1]));
  EXPECT_FALSE(store_.has(hashes[2]));
  EXPECT_TRUE(store_.has(hashes[3]));
}

}  // namespace
}  // namespace weir::coordinator
