// Batches as bytes: what goes in comes out, and nothing else gets in.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "weir/operators/running.h"
#include "weir/operators/window.h"
#include "weir/runtime/batch.h"
#include "weir/runtime/record.h"

namespace weir::runtime {
namespace {

struct Plain {
  std::int64_t id = 0;
  double value = 0;
  friend bool operator==(const Plain&, const Plain&) = default;
};
struct Named {
  std::string name;
  std::int32_t count = 0;
  std::vector<std::string> tags;
  friend bool operator==(const Named&, const Named&) = default;
};
WEIR_RECORD(Named, name, count, tags);
struct Foreign {
  std::string text;
};
struct Borrowing {
  std::string_view view;
};
WEIR_RECORD(Borrowing, view);

static_assert(Encodable<operators::Keyed<std::string, std::tuple<double, std::int64_t>>>);
static_assert(Encodable<operators::Projected<std::string, operators::Nothing>>);
static_assert(Encodable<operators::Partial<std::string, std::pair<bool, std::int64_t>>>);
static_assert(Encodable<operators::Windowed<std::string, std::vector<Named>>>);
static_assert(!Encodable<operators::Keyed<std::string, Foreign>>);

Plain random_record(std::mt19937_64& rng, Plain*) {
  return {static_cast<std::int64_t>(rng()), 0.25 * static_cast<double>(rng() % 1000)};
}
Named random_record(std::mt19937_64& rng, Named*) {
  Named named{std::string(rng() % 40, 'n'), static_cast<std::int32_t>(rng()), {}};
  named.tags.resize(rng() % 4, std::string(rng() % 20, 't'));
  return named;
}
std::string random_record(std::mt19937_64& rng, std::string*) {
  return std::string(rng() % 100, static_cast<char>(rng()));
}

// `size` records with every column that the draw says.
template <class T>
void fill(Batch<T>& batch, std::uint32_t size, std::mt19937_64& rng) {
  batch.clear();
  batch.has_times = rng() % 2 == 0;
  batch.has_hashes = rng() % 2 == 0;
  batch.partition = static_cast<std::uint32_t>(rng());
  std::int64_t watermark = static_cast<std::int64_t>(rng() % 1000);
  const std::uint64_t runs = rng() % 3;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (runs > 0 && (i == 0 || rng() % 10 < runs)) batch.open_run(EventTime(++watermark));
    batch[i] = random_record(rng, static_cast<T*>(nullptr));
    batch.times()[i] = static_cast<std::int64_t>(rng());
    batch.hashes()[i] = rng();
    batch.resize(i + 1);
  }
}

template <class T>
void expect_same(const Batch<T>& a, const Batch<T>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(a.has_times, b.has_times);
  EXPECT_EQ(a.has_hashes, b.has_hashes);
  EXPECT_EQ(a.partition, b.partition);
  ASSERT_EQ(a.runs().size(), b.runs().size());
  for (std::size_t i = 0; i < a.runs().size(); ++i) {
    EXPECT_EQ(a.runs()[i].offset, b.runs()[i].offset);
    EXPECT_EQ(a.runs()[i].watermark, b.runs()[i].watermark);
  }
  for (std::uint32_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i], b[i]);
    if (a.has_times) {
      EXPECT_EQ(a.times()[i], b.times()[i]);
    }
    if (a.has_hashes) {
      EXPECT_EQ(a.hashes()[i], b.hashes()[i]);
    }
  }
}

template <class T>
class BatchCodec : public ::testing::Test {};
using RecordTypes = ::testing::Types<Plain, Named, std::string>;
TYPED_TEST_SUITE(BatchCodec, RecordTypes);

TYPED_TEST(BatchCodec, RestoresRandomBatchesIntoReusedOnes) {
  std::mt19937_64 rng(7);
  Batch<TypeParam> in(64);
  Batch<TypeParam> out(64);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    fill(in, static_cast<std::uint32_t>(rng() % 65), rng);
    std::string bytes;
    in.encode(bytes);
    ASSERT_TRUE(out.decode(bytes));
    expect_same(in, out);
  }
}

TYPED_TEST(BatchCodec, RefusesEveryTruncationAndAnythingBehindTheEnd) {
  std::mt19937_64 rng(8);
  Batch<TypeParam> in(16);
  Batch<TypeParam> out(16);
  for (int round = 0; round < 20; ++round) {
    fill(in, 1 + static_cast<std::uint32_t>(rng() % 16), rng);
    std::string bytes;
    in.encode(bytes);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_FALSE(out.decode(std::string_view(bytes).substr(0, n))) << n;
      EXPECT_TRUE(out.empty() && out.runs().empty() && !out.has_times && !out.has_hashes);
    }
    EXPECT_FALSE(out.decode(bytes + '\0'));
  }
}

TYPED_TEST(BatchCodec, SurvivesBytesThatWereChanged) {
  std::mt19937_64 rng(9);
  Batch<TypeParam> in(32);
  Batch<TypeParam> out(32);
  int taken = 0;
  for (int round = 0; round < 5000; ++round) {
    fill(in, static_cast<std::uint32_t>(rng() % 33), rng);
    std::string bytes;
    in.encode(bytes);
    const std::size_t upto = rng() % 2 == 0 ? 16 : bytes.size();  // often in the head
    for (auto changes = 1 + rng() % 4; changes > 0; --changes) {
      bytes[rng() % upto] = static_cast<char>(rng());
    }
    if (!out.decode(bytes)) continue;
    ++taken;
    EXPECT_LE(out.size(), out.capacity());
    std::uint32_t upto_record = 0;
    out.for_each_run([&](std::uint32_t begin, std::uint32_t end, EventTime) {
      EXPECT_EQ(begin, upto_record);
      upto_record = end;
    });
    EXPECT_EQ(upto_record, out.size());
  }
  EXPECT_GT(taken, 0);
}

TEST(BatchCodecLimits, RefusesMoreRecordsThanFit) {
  std::mt19937_64 rng(10);
  Batch<Plain> in(17);
  fill(in, 17, rng);
  std::string bytes;
  in.encode(bytes);
  Batch<Plain> out(16);
  EXPECT_FALSE(out.decode(bytes));
  Batch<Plain> wider(18);
  EXPECT_TRUE(wider.decode(bytes));
}

TEST(BatchCodecLimits, RefusesHugeCountsWithoutAllocating) {
  Batch<Named> out(8);
  for (const std::uint32_t count : {9u, 1u << 31, UINT32_MAX}) {
    std::string bytes(16, '\0');
    std::memcpy(bytes.data(), &count, sizeof count);
    EXPECT_FALSE(out.decode(bytes));
    std::memset(bytes.data(), 0, 16);
    std::memcpy(bytes.data() + 4, &count, sizeof count);  // runs
    EXPECT_FALSE(out.decode(bytes));
  }
}

TEST(BatchCodecLimits, RefusesRunsThatDoNotRise) {
  Batch<Plain> in(4);
  in.resize(4);
  in.runs() = {{0, EventTime(1)}, {2, EventTime(2)}};
  std::string bytes;
  in.encode(bytes);
  Batch<Plain> out(4);
  EXPECT_TRUE(out.decode(bytes));
  for (const auto& runs : std::vector<std::vector<WatermarkRun>>{
           {{1, EventTime(1)}},
           {{0, EventTime(1)}, {0, EventTime(2)}},
           {{0, EventTime(1)}, {3, EventTime(2)}, {2, EventTime(3)}},
           {{0, EventTime(1)}, {5, EventTime(2)}}}) {
    in.runs() = runs;
    bytes.clear();
    in.encode(bytes);
    EXPECT_FALSE(out.decode(bytes));
  }
}

TEST(BatchCodecTypes, KnowWhetherAndHowTheyTravel) {
  EXPECT_TRUE(record_type<Plain>().is_plain);
  EXPECT_EQ(record_type<Plain>().encode_records, nullptr);
  EXPECT_FALSE(record_type<Named>().is_plain);
  EXPECT_EQ(record_type<Named>().schema(), "record Named{name:string,count:i32,tags:list<string>}");
  EXPECT_FALSE(record_type<Foreign>().is_encodable());
  EXPECT_FALSE(record_type<Borrowing>().is_encodable()) << "its bytes mean nothing elsewhere";
  EXPECT_EQ((record_type<operators::Keyed<std::string, double>>().schema()), "keyed<string,f64>");
}

}  // namespace
}  // namespace weir::runtime
