#include "weir/runtime/codec.h"

#include <gtest/gtest.h>

#include <random>

#include "weir/runtime/time.h"

namespace weir::runtime {
namespace {

enum class Colour : std::uint8_t { kRed = 1, kBlue = 200 };

struct Point {
  std::int32_t x = 0;
  std::int16_t y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
WEIR_RECORD(Point, x, y);

struct Raw {
  double values[8] = {};
};

struct Empty {
  friend bool operator==(const Empty&, const Empty&) = default;
};
WEIR_RECORD(Empty);

struct Everything {
  std::int64_t i = 0;
  bool flag = false;
  Colour colour = Colour::kRed;
  EventTime time;
  std::chrono::seconds pause{};
  std::string text;
  std::pair<std::string, std::int8_t> pair;
  std::tuple<std::uint16_t, float> tuple;
  std::optional<Point> maybe;
  std::vector<std::string> words;
  std::vector<std::uint32_t> numbers;
  std::vector<bool> bits;
  std::vector<Empty> empties;
  std::array<std::int32_t, 3> three{};
  std::map<std::string, std::vector<Point>> by_name;
  std::unordered_map<std::int32_t, std::string> by_id;
  friend bool operator==(const Everything&, const Everything&) = default;
};
WEIR_RECORD(Everything, i, flag, colour, time, pause, text, pair, tuple, maybe, words, numbers,
            bits, empties, three, by_name, by_id);

struct Unknown {
  std::string text;
};

static_assert(Encodable<Everything> && Encodable<Raw> && Encodable<char[4]>);
static_assert(!Encodable<Unknown> && !Encodable<std::vector<Unknown>>);
static_assert(!Encodable<int*> && !Encodable<std::string_view> && !Encodable<std::optional<int*>>);
static_assert(FixedSize<Point> && Codec<Point>::kBytes == 6 && !FixedSize<Everything>);

Everything random_everything(std::mt19937_64& rng) {
  const auto word = [&] { return std::string(rng() % 20, static_cast<char>('a' + rng() % 26)); };
  const auto point = [&] {
    return Point{static_cast<std::int32_t>(rng()), static_cast<std::int16_t>(rng())};
  };
  Everything e;
  e.i = static_cast<std::int64_t>(rng());
  e.flag = rng() % 2 == 0;
  e.colour = rng() % 2 == 0 ? Colour::kRed : Colour::kBlue;
  e.time = EventTime(static_cast<std::int64_t>(rng()));
  e.pause = std::chrono::seconds(rng() % 1000);
  e.text = word();
  e.pair = {word(), static_cast<std::int8_t>(rng())};
  e.tuple = {static_cast<std::uint16_t>(rng()), 0.5F * static_cast<float>(rng() % 9)};
  if (rng() % 2 == 0) e.maybe = point();
  for (auto n = rng() % 5; n > 0; --n) e.words.push_back(word());
  for (auto n = rng() % 300; n > 0; --n) e.numbers.push_back(static_cast<std::uint32_t>(rng()));
  for (auto n = rng() % 9; n > 0; --n) e.bits.push_back(rng() % 2 == 0);
  e.empties.resize(rng() % 4);
  for (auto& v : e.three) v = static_cast<std::int32_t>(rng());
  for (auto n = rng() % 4; n > 0; --n) e.by_name[word()].push_back(point());
  for (auto n = rng() % 4; n > 0; --n) e.by_id[static_cast<std::int32_t>(rng())] = word();
  return e;
}

TEST(Codec, ReadsBackWhatItWrote) {
  constexpr std::uint64_t kSeed = 11;
  std::mt19937_64 rng(kSeed);
  Everything out;  // reused: old content must not shine through
  for (int round = 0; round < 500; ++round) {
    const Everything in = random_everything(rng);
    const std::string bytes = encode_to_string(in);
    ASSERT_TRUE(decode_from(bytes, out)) << "seed " << kSeed << " round " << round;
    ASSERT_EQ(in, out) << "seed " << kSeed << " round " << round;
  }
}

TEST(Codec, RefusesEveryTruncationAndEveryExtraByte) {
  std::mt19937_64 rng(12);
  const std::string bytes = encode_to_string(random_everything(rng));
  Everything out;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode_from(std::string_view(bytes).substr(0, n), out)) << "cut to " << n;
  }
  EXPECT_FALSE(decode_from(bytes + '\0', out));
}

TEST(Codec, SurvivesFlippedBytes) {
  constexpr std::uint64_t kSeed = 13;
  std::mt19937_64 rng(kSeed);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = encode_to_string(random_everything(rng));
    for (int flips = 0; flips < 3; ++flips) {
      bytes[rng() % bytes.size()] = static_cast<char>(rng());
    }
    Everything out;
    if (decode_from(bytes, out)) {
      ASSERT_EQ(encode_to_string(out).empty(), false) << "seed " << kSeed;
    }
  }
}

TEST(Codec, NeverAllocatesForACountThatCannotBeThere) {
  std::string bytes;
  Encoder(bytes).put_varint(std::uint64_t{1} << 60);
  std::vector<Raw> raws;
  EXPECT_FALSE(decode_from(bytes, raws));
  EXPECT_EQ(raws.capacity(), 0U);
  std::string text;
  EXPECT_FALSE(decode_from(bytes, text));
  // A count that the bytes could just hold as numbers of one byte, not of eight.
  std::string small;
  Encoder(small).put_varint(100);
  small.append(100, 'x');
  std::vector<std::uint64_t> numbers;
  EXPECT_FALSE(decode_from(small, numbers));
}

TEST(Codec, NamesTheFormInItsSchema) {
  EXPECT_EQ(Codec<Point>::schema(), "record Point{x:i32,y:i16}");
  EXPECT_EQ(Codec<Raw>::schema(), "opaque64");
  EXPECT_EQ(Codec<Colour>::schema(), "enum<u8>");
  EXPECT_EQ(Codec<std::chrono::milliseconds>::schema(), "duration<i64,1/1000>");
  EXPECT_EQ((Codec<std::map<std::string, std::vector<std::optional<double>>>>::schema()),
            "map<string,list<optional<f64>>>");
  EXPECT_EQ((Codec<std::pair<bool, std::array<char, 3>>>::schema()), "tuple<bool,array<i8,3>>");
  EXPECT_EQ(Codec<EventTime>::schema(), "time");
}

// The bytes are a contract: they lie in checkpoints.
TEST(Codec, KeepsItsBytes) {
  EXPECT_EQ(encode_to_string(std::int32_t{-2}), std::string("\xFE\xFF\xFF\xFF", 4));
  EXPECT_EQ(encode_to_string(std::string("hi")), "\x02hi");
  EXPECT_EQ(encode_to_string(Point{1, 2}), std::string("\1\0\0\0\2\0", 6));
  EXPECT_EQ(encode_to_string(std::optional<std::int8_t>(5)), "\1\5");
  EXPECT_EQ(encode_to_string(std::vector<std::int16_t>{1, 2}), std::string("\2\1\0\2\0", 5));
  EXPECT_EQ(encode_to_string(Empty{}), std::string(1, '\0'));
}

TEST(Decoder, KeepsFailing) {
  Decoder decoder("\x05");
  std::uint32_t four = 0;
  std::uint8_t one = 0;
  EXPECT_FALSE(decoder.get_fixed(four));
  EXPECT_FALSE(decoder.get_fixed(one)) << "after a failure nothing is read";
  EXPECT_FALSE(decoder.ok());
}

TEST(Decoder, ReadsVarintsUpToSixtyFourBits) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, ~std::uint64_t{0}}) {
    std::string bytes;
    Encoder(bytes).put_varint(value);
    Decoder decoder(bytes);
    std::uint64_t read = 1;
    EXPECT_TRUE(decoder.get_varint(read));
    EXPECT_EQ(read, value);
    EXPECT_EQ(decoder.remaining(), 0U);
  }
  std::uint64_t read = 0;
  EXPECT_FALSE(Decoder(std::string(9, '\xFF') + '\x02').get_varint(read)) << "65 bits";
  EXPECT_FALSE(Decoder(std::string(11, '\x80')).get_varint(read)) << "endless";
}

TEST(Codec, RefusesValuesThatNothingWrites) {
  bool flag = false;
  EXPECT_FALSE(decode_from("\x02", flag));
  std::optional<std::int8_t> maybe;
  EXPECT_FALSE(decode_from("\x07\x01", maybe));
  std::map<std::int8_t, std::int8_t> twice;
  EXPECT_FALSE(decode_from("\x02\x01\x01\x01\x02", twice)) << "a key stands twice";
}

}  // namespace
}  // namespace weir::runtime
