#include "weir/runtime/content_hash.h"

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

TEST(ContentHash, NeverChanges) {
  EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing
  EXPECT_EQ(content_hash("weir").size(), 32u);
}

TEST(ContentHash, IsTheSameInPieces) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes.push_back(static_cast<char>(i * 7));
  ContentHasher hasher;
  EXPECT_EQ(hasher.hex(), content_hash(""));
  for (std::size_t at = 0; at < bytes.size(); at += 333) hasher.update(bytes.substr(at, 333));
  EXPECT_EQ(hasher.hex(), content_hash(bytes));
}

}  // namespace
}  // namespace weir::runtime
