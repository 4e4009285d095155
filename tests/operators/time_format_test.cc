#include "weir/operators/text/time_format.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::operators {
namespace {

using runtime::EventTime;
using namespace std::chrono_literals;

struct Case {
  const char* text;
  CellFault fault;
  std::int64_t micros = 0;
};

void expect(const TimeFormat& format, const Case& c) {
  EventTime time;
  EXPECT_EQ(static_cast<int>(format.parse(c.text, time)), static_cast<int>(c.fault)) << c.text;
  if (c.fault == CellFault::kNone) {
    EXPECT_EQ(time.micros(), c.micros) << c.text;
  }
}

TEST(TimeFormat, ReadsIntegersInTheChosenUnit) {
  expect(TimeFormat::seconds(), {"979862400", CellFault::kNone, 979862400'000000});
  expect(TimeFormat::seconds(), {"-1", CellFault::kNone, -1'000000});
  expect(TimeFormat::millis(), {"1525348800123", CellFault::kNone, 1525348800123'000});
  expect(TimeFormat::micros(), {"7", CellFault::kNone, 7});
}

TEST(TimeFormat, RefusesIntegersThatAreNoTimes) {
  expect(TimeFormat::seconds(), {"", CellFault::kEmpty});
  expect(TimeFormat::seconds(), {"-", CellFault::kMalformed});
  expect(TimeFormat::seconds(), {"12a", CellFault::kMalformed});
  expect(TimeFormat::seconds(), {"1.5", CellFault::kMalformed});
  expect(TimeFormat::seconds(), {" 1", CellFault::kMalformed});
  expect(TimeFormat::seconds(), {"+1", CellFault::kMalformed});
  expect(TimeFormat::seconds(), {"9223372036855", CellFault::kOutOfRange});
  expect(TimeFormat::seconds(), {"-9223372036855", CellFault::kOutOfRange});
  expect(TimeFormat::micros(), {"9223372036854775808", CellFault::kOutOfRange});
  expect(TimeFormat::micros(), {"9223372036854775807", CellFault::kOutOfRange});
  expect(TimeFormat::micros(), {"-9223372036854775808", CellFault::kOutOfRange});
  // Beyond 146,000 years from 1970 windows cannot be reckoned with.
  expect(TimeFormat::micros(), {"4611686018427387904", CellFault::kNone, 4611686018427387904});
  expect(TimeFormat::micros(), {"4611686018427387905", CellFault::kOutOfRange});
  expect(TimeFormat::micros(), {"-4611686018427387904", CellFault::kNone, -4611686018427387904});
  expect(TimeFormat::micros(), {"-4611686018427387905", CellFault::kOutOfRange});
}

TEST(TimeFormat, ReadsIso8601WithAnOffset) {
  const auto iso = TimeFormat::iso8601();
  constexpr std::int64_t kNoon = 979905600'000000;  // 2001-01-19T12:00:00Z
  expect(iso, {"1970-01-01T00:00:00Z", CellFault::kNone, 0});
  expect(iso, {"2001-01-19T12:00:00Z", CellFault::kNone, kNoon});
  expect(iso, {"2001-01-19t12:00z", CellFault::kNone, kNoon});
  expect(iso, {"2001-01-19 14:00:00+02:00", CellFault::kNone, kNoon});
  expect(iso, {"2001-01-19T14:00:00+0200", CellFault::kNone, kNoon});
  expect(iso, {"2001-01-19T07:00:00-05", CellFault::kNone, kNoon});
  expect(iso, {"2001-01-20T01:30+13:30", CellFault::kNone, kNoon});
  expect(iso, {"2001-01-19T12:00:00.5Z", CellFault::kNone, kNoon + 500'000});
  expect(iso, {"2001-01-19T12:00:00,000001Z", CellFault::kNone, kNoon + 1});
  expect(iso, {"2001-01-19T12:00:00.123456789Z", CellFault::kNone, kNoon + 123'456});
  expect(iso, {"1969-12-31T23:59:59.999999Z", CellFault::kNone, -1});
  expect(iso, {"2000-02-29T00:00:00Z", CellFault::kNone, 951782400'000000});
  expect(iso, {"0000-01-01T00:00:00Z", CellFault::kNone, -62167219200'000000});
  expect(iso, {"+010000-01-01T00:00:00Z", CellFault::kNone, 253402300800'000000});
}

TEST(TimeFormat, NeedsAZoneForTimesWithoutAnOffset) {
  expect(TimeFormat::iso8601(), {"2001-01-19T12:00:00", CellFault::kNoZone});
  expect(TimeFormat::iso8601(), {"2001-01-19", CellFault::kNoZone});
  expect(TimeFormat::iso8601(kUtc), {"2001-01-19T12:00:00", CellFault::kNone, 979905600'000000});
  expect(TimeFormat::iso8601(kUtc), {"2001-01-19", CellFault::kNone, 979862400'000000});
  expect(TimeFormat::iso8601(-5h), {"2001-01-19T07:00", CellFault::kNone, 979905600'000000});
  expect(TimeFormat::iso8601(-5h), {"2001-01-19T12:00Z", CellFault::kNone, 979905600'000000});
}

TEST(TimeFormat, RefusesWhatIsNoTimeOfTheCalendar) {
  const auto iso = TimeFormat::iso8601(kUtc);
  for (const char* text :
       {"x", "2001", "2001-1-19", "2001-01-19T", "2001-01-19T1:00", "2001-01-19T12",
        "20010119T120000Z", "2001-01-19T12:00:00.Z", "2001-01-19T12:00:00Zz",
        "2001-01-19T12:00:00+2", "2001-01-19Z", "2001-01-19T12:00:00+02:0",
        "2001-01-19T12:00:00+02:000", "2001/01/19", "01-19-2001", "2001-01-19 ",
        "2001-01-19T12:00:00 Z", "1999-12-31T23:5\xC3\xA9"}) {
    expect(iso, {text, CellFault::kMalformed});
  }
  for (const char* text :
       {"2001-02-29", "2001-13-01", "2001-00-01", "2001-01-00", "1900-02-29",
        "2001-01-19T24:00:00Z", "2001-01-19T12:60Z", "2001-01-19T12:00:60Z",
        "2001-01-19T12:00:00+19:00", "2001-01-19T12:00+02:60", "+300000-01-01", "-300000-01-01"}) {
    expect(iso, {text, CellFault::kOutOfRange});
  }
}

TEST(TimeFormat, WritesWhatItReads) {
  constexpr std::uint64_t kSeed = 31;
  std::mt19937_64 rng(kSeed);
  const TimeFormat formats[] = {TimeFormat::micros(), TimeFormat::iso8601(),
                                TimeFormat::iso8601(kUtc), TimeFormat::iso8601(-330min)};
  for (int round = 0; round < 20000; ++round) {
    const auto micros = static_cast<std::int64_t>(rng()) / (std::int64_t{1} << (2 + rng() % 40));
    for (const TimeFormat& format : formats) {
      std::string text;
      format.append(text, EventTime(micros));
      EventTime back;
      ASSERT_EQ(format.parse(text, back), CellFault::kNone) << text << " seed " << kSeed;
      ASSERT_EQ(back.micros(), micros) << text << " seed " << kSeed;
    }
  }
}

TEST(TimeFormat, WritesForPeople) {
  const auto written = [](const TimeFormat& format, EventTime time) {
    std::string out;
    format.append(out, time);
    return out;
  };
  EXPECT_EQ(written(TimeFormat::iso8601(), EventTime(979905600'000000)), "2001-01-19T12:00:00Z");
  EXPECT_EQ(written(TimeFormat::iso8601(), EventTime(979905600'250000)),
            "2001-01-19T12:00:00.250Z");
  EXPECT_EQ(written(TimeFormat::iso8601(), EventTime(-1)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(written(TimeFormat::iso8601(-5h), EventTime(0)), "1969-12-31T19:00:00-05:00");
  EXPECT_EQ(written(TimeFormat::iso8601(), EventTime::max()), "infinity");
  EXPECT_EQ(written(TimeFormat::seconds(), EventTime(-1)), "-1") << "towards the past";
  EXPECT_EQ(written(TimeFormat::seconds(), EventTime(1'999'999)), "1");
}

TEST(TimeFormat, SaysWhatIsWrongWithAZone) {
  EXPECT_EQ(TimeFormat::iso8601(18h).problem(), "");
  EXPECT_NE(TimeFormat::iso8601(19h).problem().find("between -18h and 18h"), std::string::npos);
}

TEST(ParseInteger, AgreesWithFromChars) {
  constexpr std::uint64_t kSeed = 32;
  std::mt19937_64 rng(kSeed);
  const std::string alphabet = "0123456789-0123456789.x";
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (auto n = rng() % 22; n > 0; --n) text += alphabet[rng() % (round % 3 == 0 ? 23 : 10)];
    if (rng() % 4 == 0) text.insert(0, "-");
    const auto check = [&]<class T>(T mine) {
      T reference{};
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), reference);
      const bool all = end == text.data() + text.size() && !text.empty();
      const CellFault fault = parse_integer(text, mine);
      if (std::is_unsigned_v<T> && text[0] == '-') return;  // from_chars knows no sign here
      ASSERT_EQ(fault == CellFault::kNone, all && error == std::errc())
          << text << " seed " << kSeed;
      if (fault == CellFault::kNone) {
        ASSERT_EQ(mine, reference) << text;
      } else if (all && error == std::errc::result_out_of_range) {
        ASSERT_EQ(fault, CellFault::kOutOfRange) << text;
      }
    };
    check(std::int64_t{});
    check(std::uint64_t{});
    check(std::int32_t{});
    check(std::uint16_t{});
    check(std::int8_t{});
  }
}

}  // namespace
}  // namespace weir::operators
