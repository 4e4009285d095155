#include "weir/operators/text/ndjson.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace weir::operators {
namespace {

using runtime::EventTime;

enum class Kind : std::uint8_t { kSmall = 1, kLarge = 200 };

struct Leg {
  std::string origin;
  EventTime departed;
  std::optional<std::int16_t> delay_min;
  friend bool operator==(const Leg&, const Leg&) = default;
};
WEIR_RECORD(Leg, origin, departed, delay_min);

struct Trip {
  std::uint64_t id = 0;
  std::int8_t tiny = 0;
  bool paid = false;
  double price = 0;
  float weight = 0;
  std::string name;
  char grade = 'a';
  char code[3] = {};
  Kind kind = Kind::kSmall;
  std::chrono::seconds pause{};
  EventTime booked;
  std::vector<Leg> legs;
  std::map<std::string, std::int32_t> points;
  std::optional<Leg> back;
  std::array<std::int32_t, 2> seat{};
  std::vector<bool> flags;
  friend bool operator==(const Trip&, const Trip&) = default;
};
WEIR_RECORD(Trip, id, tiny, paid, price, weight, name, grade, code, kind, pause, booked, legs,
            points, back, seat, flags);

const NdjsonOptions kMillis{.time = TimeFormat::millis()};

std::string text_of(std::mt19937_64& rng) {
  static constexpr std::string_view kPieces[] = {
      "a", "\"", "\\", "\n", "\x01", "é", "\xF0\x9F\x9B\xAB", "/", " ", ""};
  std::string out;
  for (auto n = rng() % 6; n > 0; --n) out += kPieces[rng() % 10];
  return out;
}

Leg leg_of(std::mt19937_64& rng) {
  Leg leg{text_of(rng), EventTime::from_millis(static_cast<std::int64_t>(rng() >> 24)),
          std::nullopt};
  if (rng() % 2 == 0) leg.delay_min = static_cast<std::int16_t>(rng());
  return leg;
}

Trip trip_of(std::mt19937_64& rng) {
  Trip t;
  t.id = rng();
  t.tiny = static_cast<std::int8_t>(rng());
  t.paid = rng() % 2 == 0;
  t.price = static_cast<double>(rng() % 1'000'000) / 97;
  t.weight = static_cast<float>(rng() % 1000) / 7;
  t.name = text_of(rng);
  t.grade = static_cast<char>(' ' + rng() % 90);
  t.code[0] = 'X';
  t.code[1] = rng() % 2 == 0 ? 'Y' : '\0';
  t.kind = rng() % 2 == 0 ? Kind::kLarge : Kind::kSmall;
  t.pause = std::chrono::seconds(rng() % 1000);
  t.booked = EventTime::from_millis(static_cast<std::int64_t>(rng() >> 24));
  for (auto n = rng() % 4; n > 0; --n) t.legs.push_back(leg_of(rng));
  for (auto n = rng() % 4; n > 0; --n) t.points[text_of(rng)] = static_cast<std::int32_t>(rng());
  if (rng() % 2 == 0) t.back = leg_of(rng);
  t.seat = {static_cast<std::int32_t>(rng()), 7};
  for (auto n = rng() % 4; n > 0; --n) t.flags.push_back(rng() % 2 == 0);
  return t;
}

TEST(Ndjson, ReadsWhatItWrites) {
  constexpr std::uint64_t kSeed = 61;
  std::mt19937_64 rng(kSeed);
  for (const NdjsonOptions& options : {kMillis, NdjsonOptions{.time = TimeFormat::iso8601()}}) {
    const NdjsonEncoder<Trip> encoder(options);
    std::vector<Trip> want;
    std::string text;
    for (int i = 0; i < 500; ++i) encoder.append(text, want.emplace_back(trip_of(rng)));
    NdjsonReader<Trip> reader(memory_source(text), options);
    std::vector<Trip> got(600);
    std::size_t count = 0;
    ASSERT_EQ(reader.read(got, count), ReadStep::kEnd) << reader.bad_record().reason;
    got.resize(count);
    ASSERT_TRUE(got == want) << "seed " << kSeed;
  }
}

TEST(Ndjson, WritesCompactLines) {
  std::string out;
  NdjsonEncoder<Leg>(kMillis).append(out, {"L\"A", EventTime::from_millis(5), std::nullopt});
  EXPECT_EQ(out, "{\"origin\":\"L\\\"A\",\"departed\":5,\"delay_min\":null}\n");
  out.clear();
  append_json_string(out, "a\xFF\xC3(\xED\xA0\x80\xE2\x82");
  EXPECT_EQ(
      out,
      "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  out.clear();
  append_json_real(out, std::numeric_limits<double>::quiet_NaN());
  append_json_real(out, 0.1F);
  EXPECT_EQ(out, "null0.1");
}

TEST(Ndjson, TakesFieldsInAnyOrderAndSkipsOthers) {
  NdjsonDecoder<Leg> decoder(kMillis);
  Leg leg{.origin = "old", .departed = {}, .delay_min = 7};
  ASSERT_TRUE(
      decoder.decode(R"( {"x":[1,{"origin":"no"}],"departed":3,"origin":"A\u0042"} )", leg));
  EXPECT_EQ(leg, (Leg{"AB", EventTime::from_millis(3), std::nullopt}));
}

TEST(Ndjson, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* text;
    const char* reason;
  };
  const Case cases[] = {
      {R"({"origin":"A"})",
       "field departed: is missing; it must be there unless it is optional in the record"},
      {R"({"origin":1,"departed":2})", "field origin: \"1\" is not text"},
      {R"({"origin":null,"departed":2})", "field origin: \"null\" is not text"},
      {R"({"origin":"A","departed":"2"})",
       "field departed: \"\"2\"\" is not a whole number of milliseconds since "
       "1970-01-01T00:00:00Z"},
      {R"({"origin":"A","departed":1.5})",
       "field departed: \"1.5\" is not a whole number of milliseconds since 1970-01-01T00:00:00Z"},
      {R"({"origin":"A","departed":9223372036854776})",
       "field departed: \"9223372036854776\" is out of range; it must be a whole number of "
       "milliseconds since "
       "1970-01-01T00:00:00Z"},
      {R"({"origin":"A","departed":1,"delay_min":40000})",
       "field delay_min: \"40000\" is out of range; it must be an integer from -32768 to 32767"},
      {"[1]", "\"[1]\" is not an object"},
  };
  NdjsonDecoder<Leg> decoder(kMillis);
  Leg leg;
  for (const Case& c : cases) {
    EXPECT_FALSE(decoder.decode(c.text, leg)) << c.text;
    EXPECT_EQ(decoder.error().what, c.reason);
  }
  for (const char* text :
       {"{", "", "{\"origin\":}", "{'origin':1}", "{} {}", "nul", "{\"origin\":\"\xFF\"}"}) {
    EXPECT_FALSE(decoder.decode(text, leg)) << text;
    EXPECT_EQ(decoder.error().what.find("not valid JSON: "), 0U) << decoder.error().what;
  }
}

TEST(Ndjson, NamesTheInnerPlaceOfAFault) {
  NdjsonDecoder<Trip> decoder(kMillis);
  const auto reason = [&](const std::string& part) {
    std::string text;
    NdjsonEncoder<Trip>(kMillis).append(text, Trip{});
    text.insert(1, "" + part + ",");
    Trip trip;
    return decoder.decode(text, trip) ? std::string("fine") : decoder.error().what;
  };
  EXPECT_EQ(reason(R"("other":1)"), "fine");
  EXPECT_EQ(reason(R"("legs":[{"origin":"A","departed":1},{"origin":2,"departed":1}])"),
            "field legs[1].origin: \"2\" is not text");
  EXPECT_EQ(reason(R"("points":{"a":1,"b":"x"})"),
            "field points.b: \"\"x\"\" is not an integer from -2147483648 to 2147483647");
  EXPECT_EQ(reason(R"("seat":[1])"), "field seat: \"[1]\" is not an array of 2");
  EXPECT_EQ(reason(R"("seat":[1,2,3])"), "field seat: \"[1,2,3]\" is not an array of 2");
  EXPECT_EQ(reason(R"("code":"ABCD")"),
            "field code: \"\"ABCD\"\" is too long; it must be text of at most 3 bytes");
  EXPECT_EQ(reason(R"("id":-1)"),
            "field id: \"-1\" is out of range; it must be an integer from 0 to "
            "18446744073709551615");
}

TEST(NdjsonReader, GoesOnBehindABadLine) {
  const std::string text =
      "\xEF\xBB\xBF{\"origin\":\"A\",\"departed\":1}\r\n\n  "
      "\n{bad}\n{\"origin\":\"B\",\"departed\":2}";
  NdjsonReader<Leg> reader(memory_source(text, "t.ndjson"), kMillis);
  Leg leg;
  ASSERT_EQ(reader.next(leg), ReadStep::kRecord);
  ASSERT_EQ(reader.next(leg), ReadStep::kBadRecord);
  EXPECT_EQ(reader.bad_record().line, 4U);
  EXPECT_EQ(reader.bad_record().text, "{bad}");
  EXPECT_EQ(reader.bad_record().source, "t.ndjson");
  const TextPosition here = reader.position();
  ASSERT_EQ(reader.next(leg), ReadStep::kRecord);
  EXPECT_EQ(leg.origin, "B");
  EXPECT_EQ(reader.next(leg), ReadStep::kEnd);
  NdjsonReader<Leg> rest(memory_source(text), kMillis, here);
  ASSERT_EQ(rest.next(leg), ReadStep::kRecord);
  EXPECT_EQ(leg.origin, "B");
  EXPECT_EQ(rest.position(), reader.position());
}

TEST(NdjsonReader, ChecksItsOptions) {
  EXPECT_TRUE(check_ndjson<Trip>(kMillis).ok());
  EXPECT_NE(
      std::string(check_ndjson<Trip>({}).message()).find("field booked of Trip is an EventTime"),
      std::string::npos);
  EXPECT_NE(std::string(check_ndjson<Leg>({.time_of = {{"x", TimeFormat::millis()}}}).message())
                .find("it has departed"),
            std::string::npos);
  NdjsonReader<Leg> reader(memory_source("{}"), {});
  Leg leg;
  EXPECT_EQ(reader.next(leg), ReadStep::kFailed);
}

TEST(LineReader, GivesEveryLine) {
  LineReader reader(memory_source("one\r\n\ntwo\nthree"));
  std::vector<std::string> lines(9);
  std::size_t count = 0;
  EXPECT_EQ(reader.read(lines, count), ReadStep::kEnd);
  lines.resize(count);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "two", "three"}));
  EXPECT_EQ(reader.position(), (TextPosition{15, 4}));
}

TEST(LineReader, WaitsForTheRestOfALine) {
  LineReader reader(memory_source("one\ntw", "grows", true));
  std::vector<std::string> lines(9);
  std::size_t count = 0;
  EXPECT_EQ(reader.read(lines, count), ReadStep::kNotYet);
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(reader.position(), (TextPosition{4, 2}));
  EXPECT_EQ(reader.read(lines, count), ReadStep::kNotYet);
  EXPECT_EQ(count, 0U);
}

}  // namespace
}  // namespace weir::operators
