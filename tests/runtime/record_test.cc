#include "weir/runtime/record.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shop {

struct Order {
  int id = 0;
  std::string product;
  double price = 0;
  int not_described = 7;
};
WEIR_RECORD(Order, id, product, price);

struct Special : Order {};
struct Nothing {};
WEIR_RECORD(Nothing);

struct Outer {
  struct Inner {
    int a = 0;
  };
};
WEIR_RECORD(Outer::Inner, a);

struct Wide {
  int a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7;
  int c0, c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3, d4, d5, d6, d7;
};
WEIR_RECORD(Wide, a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7, c0, c1, c2, c3,
            c4, c5, c6, c7, d0, d1, d2, d3, d4, d5, d6, d7);

}  // namespace shop

namespace weir::runtime {
namespace {

struct Hidden {
  int x = 3;
};
WEIR_RECORD(Hidden, x);

static_assert(Reflected<shop::Order> && Reflected<shop::Nothing> && Reflected<Hidden>);
static_assert(!Reflected<int> && !Reflected<std::string> && !Reflected<shop::Outer>);
static_assert(!Reflected<shop::Special>, "a derived class is not its base");
static_assert(kFieldCount<shop::Order> == 3 && kFieldCount<shop::Nothing> == 0);
static_assert(kFieldCount<shop::Wide> == kMaxRecordFields);
static_assert(record_name<shop::Order>() == "Order");
static_assert(record_name<shop::Outer::Inner>() == "Outer::Inner");

TEST(Record, GivesNamesAndMembersInOrder) {
  shop::Order order{.id = 4, .product = "tea", .price = 2.5};
  std::vector<std::string> names;
  for_each_field(order, [&](std::string_view name, auto& member) {
    names.emplace_back(name);
    if constexpr (std::is_same_v<decltype(member), int&>) member = 5;
  });
  EXPECT_EQ(names, (std::vector<std::string>{"id", "product", "price"}));
  EXPECT_EQ(order.id, 5);
  EXPECT_EQ(order.not_described, 7);
}

TEST(Record, KeepsConstOfTheRecord) {
  const shop::Order order{};
  for_each_field(order, [](std::string_view, auto& member) {
    static_assert(std::is_const_v<std::remove_reference_t<decltype(member)>>);
  });
}

TEST(Record, HoldsThirtyTwoFields) {
  shop::Wide wide{};
  int n = 0;
  for_each_field(wide, [&](std::string_view, int& member) { member = n++; });
  EXPECT_EQ(wide.a0, 0);
  EXPECT_EQ(wide.c0, 16);
  EXPECT_EQ(wide.d7, 31);
}

TEST(Record, NamesFieldsWithoutARecord) {
  std::string names;
  for_each_field_of<shop::Order>([&](const auto& field) { names.append(field.name).append(";"); });
  EXPECT_EQ(names, "id;product;price;");
}

}  // namespace
}  // namespace weir::runtime
