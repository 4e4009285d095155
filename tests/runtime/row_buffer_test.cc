#include <gtest/gtest.h>

#include <utility>

#include "weir/runtime/row_store.h"

namespace weir::runtime {
namespace {

using Op = RowBuffer::Op;

TEST(RowBuffer, KeepsChangesInOrder) {
  RowBuffer rows;
  EXPECT_TRUE(rows.empty());
  rows.put("key", std::string(70'000, 'v'));
  rows.remove(std::string(1, '\0'));
  rows.remove_prefix("");
  rows.put("", "");
  ASSERT_EQ(rows.rows(), 4u);
  EXPECT_GT(rows.bytes(), 70'000u);
  EXPECT_EQ(rows.row(0).op, Op::kPut);
  EXPECT_EQ(rows.row(0).key, "key");
  EXPECT_EQ(rows.row(0).value.size(), 70'000u);
  EXPECT_EQ(rows.row(1).op, Op::kRemove);
  EXPECT_EQ(rows.row(1).key, std::string(1, '\0'));
  EXPECT_EQ(rows.row(2).op, Op::kRemovePrefix);
  EXPECT_EQ(rows.row(2).key, "");
  EXPECT_EQ(rows.row(3).op, Op::kPut);
  EXPECT_EQ(rows.row(3).value, "");
  rows.clear();
  EXPECT_TRUE(rows.empty());
  EXPECT_EQ(rows.bytes(), 0u);
}

TEST(RowBuffer, AppendsAnotherAndItself) {
  RowBuffer a;
  a.put("a", "1");
  RowBuffer b;
  b.remove("b");
  a.append(b);
  a.append(a);
  ASSERT_EQ(a.rows(), 4u);
  EXPECT_EQ(a.row(1).key, "b");
  EXPECT_EQ(a.row(2).key, "a");
  EXPECT_EQ(a.row(2).value, "1");
  EXPECT_EQ(a.row(3).op, Op::kRemove);
}

}  // namespace
}  // namespace weir::runtime
