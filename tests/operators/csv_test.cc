#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "weir/operators/text/csv_encoder.h"
#include "weir/operators/text/csv_reader.h"

namespace weir::operators {
namespace {

using runtime::EventTime;

struct Flight {
  EventTime departed;
  std::string origin;
  std::int32_t delay_min = 0;
  friend bool operator==(const Flight&, const Flight&) = default;
};
WEIR_RECORD(Flight, departed, origin, delay_min);

enum class Kind : std::uint8_t { kSmall = 1, kLarge = 2 };

struct Everything {
  std::int8_t tiny = 0;
  std::uint64_t large = 0;
  bool flag = false;
  double real = 0;
  float small_real = 0;
  std::string text;
  char letter = 'x';
  std::array<char, 3> code{};
  Kind kind = Kind::kSmall;
  std::chrono::milliseconds pause{};
  EventTime time;
  std::optional<std::int32_t> maybe;
  std::optional<std::string> maybe_text;
  friend bool operator==(const Everything&, const Everything&) = default;
};
WEIR_RECORD(Everything, tiny, large, flag, real, small_real, text, letter, code, kind, pause, time,
            maybe, maybe_text);

struct Quake {
  EventTime time_ms;
  std::string type;
  std::string place;
  std::optional<double> mag;
};
WEIR_RECORD(Quake, time_ms, type, place, mag);

const CsvOptions kSeconds{.time = TimeFormat::seconds()};

template <class T>
struct Outcome {
  std::vector<T> records;
  std::vector<BadRecord> bad;
  std::string error;
};

template <class T>
Outcome<T> read_all(CsvReader<T>& reader) {
  Outcome<T> out;
  for (;;) {
    T record;
    const ReadStep step = reader.next(record);
    if (step == ReadStep::kRecord) out.records.push_back(record);
    if (step == ReadStep::kBadRecord) out.bad.push_back(reader.bad_record());
    if (step == ReadStep::kFailed) out.error = std::string(reader.status().message());
    if (step == ReadStep::kEnd || step == ReadStep::kFailed || step == ReadStep::kNotYet)
      return out;
  }
}

template <class T>
Outcome<T> read_text(std::string text, const CsvOptions& options) {
  CsvReader<T> reader(memory_source(std::move(text), "f.csv"), options);
  return read_all(reader);
}

std::string slurp(const std::string& name) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/tests/data/" + name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(CsvReader, ReadsColumnsByName) {
  const auto out =
      read_text<Flight>("delay_min,unused,origin,departed\n5,x,ATL,60\n-3,,\"S,EA\",0\n", kSeconds);
  EXPECT_EQ(out.error, "");
  EXPECT_EQ(out.records, (std::vector<Flight>{{EventTime::from_seconds(60), "ATL", 5},
                                              {EventTime::from_seconds(0), "S,EA", -3}}));
}

TEST(CsvReader, ReadsColumnsByPositionWithoutAHeader) {
  CsvOptions options = kSeconds;
  options.dialect = {.delimiter = ';', .quote = '\'', .header = false};
  const auto out = read_text<Flight>("60;'A''T;L';5\n", options);
  ASSERT_EQ(out.records.size(), 1U);
  EXPECT_EQ(out.records[0].origin, "A'T;L");
}

TEST(CsvReader, TakesEveryShapeOfLineEndAndFileEnd) {
  const std::vector<Flight> want{{EventTime::from_seconds(1), "A", 1},
                                 {EventTime::from_seconds(2), "B", 2}};
  for (const char* text :
       {"departed,origin,delay_min\n1,A,1\n2,B,2\n", "departed,origin,delay_min\n1,A,1\n2,B,2",
        "departed,origin,delay_min\r\n1,A,1\r\n2,B,2\r\n",
        "\xEF\xBB\xBF"
        "departed,origin,delay_min\n1,A,1\n2,B,2\n",
        "\n\ndeparted,origin,delay_min\n\n1,A,1\r\n\n\r\n2,B,2\n\n",
        "\"departed\",\"origin\",\"delay_min\"\n1,\"A\",1\n2,\"B\",\"2\"\r"}) {
    const auto out = read_text<Flight>(text, kSeconds);
    EXPECT_EQ(out.error, "") << text;
    EXPECT_TRUE(out.bad.empty()) << text;
    EXPECT_EQ(out.records, want) << text;
  }
}

TEST(CsvReader, NamesLineAndReasonOfEveryBadRecord) {
  struct Case {
    const char* row;
    const char* reason;
  };
  const Case cases[] = {
      {"1,A", "2 columns instead of 3 (\"departed, origin, delay_min\")"},
      {"1,A,2,", "4 columns instead of 3 (\"departed, origin, delay_min\")"},
      {"1,A,",
       "column 3 (delay_min) is empty; it must be an integer from -2147483648 to 2147483647"},
      {"1,A,x", "column 3 (delay_min): \"x\" is not an integer from -2147483648 to 2147483647"},
      {"1,A,2147483648",
       "column 3 (delay_min): \"2147483648\" is out of range; it must be an integer "
       "from -2147483648 to 2147483647"},
      {"9223372036855,A,1",
       "column 1 (departed): \"9223372036855\" is out of range; it must be a whole number "
       "of seconds since 1970-01-01T00:00:00Z"},
      {"1,\"A\"B,1",
       "column 2 (origin): \"\"A\"B\" has text behind its closing quote; double the quotes that "
       "belong to the text"},
      {"1.0,A,1\x01",
       "column 1 (departed): \"1.0\" is not a whole number of seconds since 1970-01-01T00:00:00Z"},
  };
  for (const Case& c : cases) {
    const std::string text =
        std::string("departed,origin,delay_min\n7,\"two\nlines\",7\n") + c.row + "\n8,B,8\n";
    const auto out = read_text<Flight>(text, kSeconds);
    ASSERT_EQ(out.bad.size(), 1U) << c.row;
    EXPECT_EQ(out.bad[0], (BadRecord{"f.csv", 4, c.row, c.reason}));
    EXPECT_EQ(out.records.size(), 2U) << "the records around it are read";
  }
}

TEST(CsvReader, FailsClearlyWhenTheFileCannotBeRead) {
  EXPECT_EQ(
      read_text<Flight>("a,b,departed\n1,2,3\n", kSeconds).error,
      "f.csv:1: the header has no columns \"origin\", \"delay_min\", which Flight needs; it has "
      "\"a, b, departed\". Rename the columns or the fields, or set dialect.header = false if the "
      "first "
      "line is data; a wrong dialect.delimiter also looks like this");
  EXPECT_EQ(read_text<Flight>("departed,origin,origin,delay_min\n1,2,3,4\n", kSeconds).error,
            "f.csv:1: the header has two columns named \"origin\"; rename one of them");
  EXPECT_NE(read_text<Flight>("departed,origin,delay_min\n1,\"A,1\n2,B,2\n", kSeconds)
                .error.find("f.csv:2: a quote"),
            std::string::npos);
  const std::string no_unit = read_text<Flight>("departed,origin,delay_min\n1,A,1\n", {}).error;
  EXPECT_NE(no_unit.find("field departed of Flight is an EventTime, and nothing says how"),
            std::string::npos);
}

TEST(CsvReader, RefusesARecordThatNeverEnds) {
  CsvOptions options = kSeconds;
  options.max_record_bytes = 2 << 20;
  const auto out =
      read_text<Flight>("departed,origin,delay_min\n1,\"A" + std::string(8 << 20, 'x'), options);
  EXPECT_NE(out.error.find("f.csv:2: the record that starts here is longer than 2097152 bytes"),
            std::string::npos)
      << out.error;
}

TEST(CsvReader, TakesAnEmptyFileUnlessToldNotTo) {
  EXPECT_EQ(read_text<Flight>("", kSeconds).error, "");
  EXPECT_TRUE(read_text<Flight>("departed,origin,delay_min\n", kSeconds).records.empty());
  CsvOptions strict = kSeconds;
  strict.refuse_empty = true;
  EXPECT_EQ(read_text<Flight>("", strict).error,
            "\"f.csv\" is empty; a line with the names of the columns was expected; give the "
            "right file, or allow it with .allow_empty");
}

// Records are reused, so that a text meets whatever the one before has left.
TEST(CsvDecoder, PutsTextsOfEveryLengthIntoAStringOfEveryLength) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  for (std::size_t before = 0; before <= 24; ++before) {
    for (std::size_t size = 0; size <= 24; ++size) {
      std::string value(before, '-');
      assign_text(value, std::string_view(letters).substr(1, size));
      EXPECT_EQ(value, letters.substr(1, size)) << before << " -> " << size;
      EXPECT_EQ(value.c_str()[size], '\0');
    }
  }
}

TEST(CsvDecoder, ChecksOptionsBeforeAnyFileIsRead) {
  EXPECT_TRUE(CsvDecoder<Flight>::check(kSeconds).ok());
  const auto message = [](const CsvOptions& options) {
    return std::string(CsvDecoder<Flight>::check(options).message());
  };
  EXPECT_NE(message({}).find("EventTime"), std::string::npos);
  EXPECT_NE(message({.dialect = {.delimiter = '5'}}).find("delimiter"), std::string::npos);
  EXPECT_NE(message({.dialect = {.quote = ','}}).find("quote must differ"), std::string::npos);
  EXPECT_NE(message({.time = TimeFormat::iso8601(std::chrono::hours(30))}).find("18h"),
            std::string::npos);
  EXPECT_NE(message({.time = TimeFormat::seconds(), .time_of = {{"arrived", TimeFormat::millis()}}})
                .find("Flight has the fields departed, origin, delay_min"),
            std::string::npos);
}

Everything random_everything(std::mt19937_64& rng) {
  static constexpr std::string_view kPieces[] = {"",     "plain", ",",   "\"", "\n",
                                                 "\r\n", "\"\"",  " x ", "é",  "\xEF\xBB\xBF"};
  const auto text = [&] {
    std::string out;
    for (auto n = rng() % 4; n > 0; --n) out += kPieces[rng() % 10];
    return out;
  };
  Everything e;
  e.tiny = static_cast<std::int8_t>(rng());
  e.large = rng() >> (rng() % 64);
  e.flag = rng() % 2 == 0;
  e.real = std::bit_cast<double>(rng());
  if (!std::isfinite(e.real)) e.real = 0.1;
  e.small_real = static_cast<float>(rng() % 1000) / 7;
  e.text = text();
  e.letter = static_cast<char>(' ' + rng() % 90);
  e.code = {'A', static_cast<char>('A' + rng() % 26), rng() % 2 == 0 ? 'C' : '\0'};
  e.kind = rng() % 2 == 0 ? Kind::kSmall : Kind::kLarge;
  e.pause = std::chrono::milliseconds(rng() % 100000);
  e.time = EventTime(static_cast<std::int64_t>(rng() >> 20));
  if (rng() % 2 == 0) e.maybe = static_cast<std::int32_t>(rng());
  if (rng() % 2 == 0) e.maybe_text = text();
  return e;
}

TEST(CsvEncoder, WritesWhatTheReaderReads) {
  constexpr std::uint64_t kSeed = 42;
  std::mt19937_64 rng(kSeed);
  for (const char delimiter : {',', ';', '\t', ':', ' '}) {
    for (const TimeFormat& time : {TimeFormat::micros(), TimeFormat::iso8601()}) {
      const CsvOptions options{.dialect = {.delimiter = delimiter}, .time = time};
      const CsvEncoder<Everything> encoder(options);
      std::vector<Everything> want;
      std::string text;
      encoder.append_header(text);
      for (int i = 0; i < 500; ++i) encoder.append(text, want.emplace_back(random_everything(rng)));
      const auto out = read_text<Everything>(text, options);
      ASSERT_TRUE(out.error.empty() && out.bad.empty())
          << out.error << (out.bad.empty() ? "" : out.bad[0].reason);
      ASSERT_EQ(out.records, want) << "seed " << kSeed << " delimiter " << delimiter;
    }
  }
}

TEST(CsvEncoder, QuotesOnlyWhereItMust) {
  CsvOptions options = kSeconds;
  const CsvEncoder<Flight> encoder(options);
  std::string out;
  encoder.append_header(out);
  encoder.append(out, {EventTime::from_seconds(5), "ATL", -1});
  encoder.append(out, {EventTime::from_seconds(6), "say \"hi\", you", 2});
  EXPECT_EQ(out, "departed,origin,delay_min\n5,ATL,-1\n6,\"say \"\"hi\"\", you\",2\n");
}

TEST(CsvReader, ReadsRealFlights) {
  CsvReader<Flight> reader(memory_source(slurp("flights-200.csv")), kSeconds);
  const auto out = read_all(reader);
  ASSERT_EQ(out.error, "");
  EXPECT_EQ(out.records.size(), 200U);
  EXPECT_EQ(out.records[0], (Flight{EventTime::from_seconds(979862460), "LAS", -9}));
}

TEST(CsvReader, ReadsRealEarthquakesWithQuotedPlaces) {
  const CsvOptions options{.time = TimeFormat::millis()};
  CsvReader<Quake> reader(memory_source(slurp("earthquakes-50.csv")), options);
  const auto out = read_all(reader);
  ASSERT_EQ(out.error, "");
  EXPECT_EQ(out.records.size(), 50U);
  EXPECT_TRUE(out.bad.empty());
  int with_comma = 0;
  for (const Quake& quake : out.records)
    with_comma += quake.place.find(',') != std::string::npos ? 1 : 0;
  EXPECT_GT(with_comma, 30);
}

TEST(CsvReader, GoesOnFromEveryPosition) {
  const std::string text = slurp("earthquakes-50.csv");
  const CsvOptions options{.time = TimeFormat::millis()};
  CsvReader<Quake> whole(memory_source(text), options);
  std::vector<TextPosition> positions{whole.position()};
  Quake quake;
  while (whole.next(quake) == ReadStep::kRecord) positions.push_back(whole.position());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    CsvReader<Quake> rest(memory_source(text), options, positions[i]);
    EXPECT_EQ(read_all(rest).records.size(), positions.size() - 1 - i);
    EXPECT_EQ(rest.position(), positions.back());
  }
}

TEST(CsvReader, WaitsForTheRestOfALineOfAGrowingFile) {
  // A source that shows one more byte at every second read.
  class Trickle final : public ByteSource {
   public:
    explicit Trickle(std::string text) : text_(std::move(text)) {}
    absl::StatusOr<SourceRead> read(char* out, std::size_t) override {
      wait_ = !wait_;
      if (wait_ || at_ == text_.size()) return SourceRead{SourceState::kNotYet, 0};
      *out = text_[at_++];
      return SourceRead{SourceState::kData, 1};
    }
    absl::Status seek(std::uint64_t) override { return absl::OkStatus(); }
    std::uint64_t position() const override { return at_; }
    const std::string& name() const override { return text_; }

   private:
    const std::string text_;
    std::size_t at_ = 0;
    bool wait_ = false;
  };
  const std::string text =
      "\xEF\xBB\xBF"
      "departed,origin,delay_min\n1,\"A\nB\",1\n2,C,2\n3,unfinished";
  CsvReader<Flight> reader(std::make_unique<Trickle>(text), kSeconds);
  std::vector<std::string> origins;
  Flight flight;
  for (std::size_t i = 0; i < 3 * text.size(); ++i) {
    const ReadStep step = reader.next(flight);
    ASSERT_TRUE(step == ReadStep::kRecord || step == ReadStep::kNotYet);
    if (step == ReadStep::kRecord) origins.push_back(flight.origin);
  }
  EXPECT_EQ(origins, (std::vector<std::string>{"A\nB", "C"}))
      << "an unfinished line is not a record";
  EXPECT_EQ(reader.position().line, 5U);
}

}  // namespace
}  // namespace weir::operators
