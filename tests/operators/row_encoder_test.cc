#include "weir/operators/files/row_encoder.h"

#include <gtest/gtest.h>

#include "weir/operators/print.h"

namespace weir::operators {
namespace {

struct Route {
  std::string from;
  std::string to;
};
WEIR_RECORD(Route, from, to);

struct Trip {
  runtime::EventTime at;
  std::string note;
  std::optional<double> cost;
};
WEIR_RECORD(Trip, at, note, cost);

const runtime::EventTime kStart = runtime::EventTime::from_seconds(3600);
const runtime::EventTime kEnd = runtime::EventTime::from_seconds(7200);

template <template <class> class Rows, class T>
std::string written(const T& row, const RowOptions& options) {
  EXPECT_EQ(Rows<T>::fault(options), "");
  const Rows<T> rows(options);
  std::string text = rows.preface();
  rows.append(text, row);
  return text;
}

TEST(CsvRows, WriteTheFieldsOfARecord) {
  const Trip trip{kStart, "a,\"b\"", std::nullopt};
  EXPECT_EQ(written<CsvRows>(trip, {.header = true}),
            "at,note,cost\n1970-01-01T01:00:00Z,\"a,\"\"b\"\"\",\n");
  EXPECT_EQ(written<CsvRows>(trip, {.time = TimeFormat::seconds(), .delimiter = ';'}),
            "3600;\"a,\"\"b\"\"\";\n");
  EXPECT_EQ(written<CsvRows>(trip, {.header = true,
                                    .time_of = {{"when", TimeFormat::millis()}},
                                    .names = {"when", "what", "price"}}),
            "when,what,price\n3600000,\"a,\"\"b\"\"\",\n");
}

TEST(CsvRows, WriteTheResultsOfWindows) {
  using Result = std::tuple<std::uint64_t, double>;
  const Windowed<std::string, Result> row{"LAS", kStart, kEnd, {3, 1.5}};
  RowOptions options{.header = true, .time = TimeFormat::seconds()};
  EXPECT_EQ(written<CsvRows>(row, options),
            "window_start,window_end,key,value,value_2\n3600,7200,LAS,3,1.5\n");
  options.window_end = false;
  options.names = {"window_start", "origin", "count", "mean"};
  EXPECT_EQ(written<CsvRows>(row, options), "window_start,origin,count,mean\n3600,LAS,3,1.5\n");
  const Windowed<Route, std::int64_t> by_route{{"LAS", "SEA"}, kStart, kEnd, 7};
  EXPECT_EQ(written<CsvRows>(by_route, {.header = true, .time = TimeFormat::seconds()}),
            "window_start,window_end,from,to,value\n3600,7200,LAS,SEA,7\n");
}

TEST(CsvRows, WriteRunningResultsAndSingleValues) {
  const Keyed<std::int32_t, std::int64_t> row{4, 9};
  EXPECT_EQ(written<CsvRows>(row, {.header = true}), "key,value\n4,9\n");
  EXPECT_EQ(written<CsvRows>(std::string(), {}), "\"\"\n");
  EXPECT_EQ(written<CsvRows>(std::int64_t{5}, {.header = true}), "value\n5\n");
}

TEST(NdjsonRows, WriteOneObjectPerRow) {
  const Windowed<std::string, std::tuple<std::uint64_t, std::vector<std::int32_t>>> row{
      "L\"S", kStart, kEnd, {3, {1, 2}}};
  EXPECT_EQ(written<NdjsonRows>(row, {.time = TimeFormat::seconds()}),
            "{\"window_start\":3600,\"window_end\":7200,\"key\":\"L\\\"S\",\"value\":3,"
            "\"value_2\":[1,2]}\n");
  EXPECT_EQ(written<NdjsonRows>(Trip{kStart, "x", 2.5}, {}),
            "{\"at\":\"1970-01-01T01:00:00Z\",\"note\":\"x\",\"cost\":2.5}\n");
}

TEST(Print, WritesALineForPeoplePerRecord) {
  std::FILE* const file = std::tmpfile();
  auto sink = print(file).bind<Windowed<std::string, std::tuple<std::uint64_t, double>>>();
  runtime::Batch<Windowed<std::string, std::tuple<std::uint64_t, double>>> batch(2);
  batch[0] = {"LAS", kStart, kEnd, {3, 1.5}};
  batch.resize(1);
  sink.write(batch);
  std::rewind(file);
  char text[200] = {};
  EXPECT_GT(std::fread(text, 1, sizeof(text) - 1, file), 0u);
  std::fclose(file);
  EXPECT_STREQ(text, "1970-01-01T01:00:00Z  1970-01-01T02:00:00Z  LAS  3  1.5\n");
}

}  // namespace
}  // namespace weir::operators
