#include "weir/operators/files/file_spout.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>

#include "spout_probe.h"
#include "support/temp_dir.h"
#include "text_files.h"
#include "weir/operators/print.h"
#include "weir/operators/stream.h"

namespace weir::operators {
namespace {

using namespace std::chrono_literals;
using tests::append_file;
using tests::TempDir;
using tests::write_file;
using tests::write_gzip;

struct Note {
  std::int64_t id = 0;
  std::string text;
  friend bool operator==(const Note&, const Note&) = default;
};
WEIR_RECORD(Note, id, text);

using CsvProbe = SpoutProbe<FileSpout<Note, CsvRecords<Note>>>;

bool contains(const absl::Status& status, const std::string& part) {
  return std::string(status.message()).find(part) != std::string::npos;
}

// Rows with quotes, delimiters, line ends and doubled quotes inside of cells.
std::string tricky_rows(std::uint32_t count, std::uint32_t seed, std::vector<Note>& notes) {
  std::mt19937 random(seed);
  std::string text = "id,text\n";
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string cell;
    std::string raw;
    for (std::uint32_t n = random() % 20; n > 0; --n) {
      const char c = "ab,\"\n\r x"[random() % 8];
      cell += c;
      raw += c == '"' ? "\"\"" : std::string(1, c);
    }
    notes.push_back({i, cell});
    text += std::to_string(i) + ",\"" + raw + "\"" + (random() % 3 == 0 ? "\r\n" : "\n");
  }
  return text;
}

std::vector<Note> read_all(const std::string& path, const CsvFileOptions& options = {}) {
  CsvProbe probe(csv_file<Note>(path, options), 256);
  EXPECT_TRUE(probe.open().ok());
  EXPECT_EQ(probe.run().state, Poll::State::kEnd) << probe.failure;
  return probe.records;
}

TEST(FileSpout, GoesOnFromEveryRecordAsIfItHadNotStopped) {
  TempDir dir;
  std::vector<Note> notes;
  const std::string text = tricky_rows(60, 1, notes);
  for (const std::string& path :
       {write_file(dir / "a.csv", text), write_gzip(dir / "a.csv.gz", text)}) {
    CsvProbe probe(csv_file<Note>(path), 1);
    ASSERT_TRUE(probe.open().ok());
    for (std::size_t done = 0;; ++done) {
      SCOPED_TRACE(done);
      std::string encoded;
      runtime::encode_to(encoded, probe.position());
      FilePosition position;
      ASSERT_TRUE(runtime::decode_from(encoded, position));
      CsvProbe resumed(csv_file<Note>(path), 7);
      ASSERT_TRUE(resumed.open(&position).ok());
      EXPECT_EQ(resumed.run().state, Poll::State::kEnd);
      EXPECT_EQ(resumed.records,
                std::vector<Note>(notes.begin() + static_cast<long>(done), notes.end()));
      if (probe.poll().state == Poll::State::kEnd) break;
    }
    EXPECT_EQ(probe.records, notes);
  }
}

TEST(FileSpout, ReadsRowsWithQuotesAcrossBlocks) {
  TempDir dir;
  std::vector<Note> notes;
  const std::string path = write_file(dir / "a.csv", tricky_rows(200'000, 2, notes));
  ASSERT_GT(std::filesystem::file_size(path), 2 * ByteSource::kBlockBytes);
  EXPECT_EQ(read_all(path), notes);
}

TEST(FileSpout, ReadsTheFilesOfAFolderByNameEachAsAPartition) {
  TempDir dir;
  write_file(dir / "b.csv", "id,text\n3,c\n");
  write_gzip(dir / "a.csv.gz", "id,text\n1,a\n2,b\n");
  write_file(dir / ".hidden.csv", "broken");
  write_file(dir / "notes.txt", "broken");
  const auto spout = csv_file<Note>(dir.path() + "/");
  EXPECT_EQ(spout.fault(), "");
  ASSERT_EQ(spout.partitions(), 2u);
  EXPECT_NE(spout.describe().find("2 files"), std::string::npos) << spout.describe();
  std::vector<std::vector<Note>> parts;
  for (std::uint32_t p = 0; p < 2; ++p) {
    CsvProbe probe(spout);
    ASSERT_TRUE(probe.open(nullptr, p).ok());
    EXPECT_EQ(probe.run().state, Poll::State::kEnd);
    parts.push_back(probe.records);
  }
  EXPECT_EQ(parts[0], (std::vector<Note>{{1, "a"}, {2, "b"}}));
  EXPECT_EQ(parts[1], (std::vector<Note>{{3, "c"}}));
}

const char* const kWithBadRows = "id,text\n1,a\nx,b\n3,c\n4\n5,e\n";

TEST(FileSpout, StopsAtABadRowNamingFileAndLine) {
  TempDir dir;
  const std::string path = write_file(dir / "a.csv", kWithBadRows);
  CsvProbe probe(csv_file<Note>(path));
  ASSERT_TRUE(probe.open().ok());
  probe.run();
  EXPECT_TRUE(contains(probe.failure, path + ":3: ")) << probe.failure;
  EXPECT_TRUE(contains(probe.failure, "id")) << probe.failure;
  EXPECT_TRUE(contains(probe.failure, ".on_bad")) << probe.failure;
  EXPECT_EQ(probe.records, (std::vector<Note>{{1, "a"}}));
}

TEST(FileSpout, DropsAndCountsBadRows) {
  TempDir dir;
  CsvProbe probe(
      csv_file<Note>(write_file(dir / "a.csv", kWithBadRows), {.on_bad = OnBadRecord::kDrop}));
  ASSERT_TRUE(probe.open().ok());
  EXPECT_EQ(probe.run().state, Poll::State::kEnd);
  EXPECT_EQ(probe.records, (std::vector<Note>{{1, "a"}, {3, "c"}, {5, "e"}}));
  EXPECT_EQ(probe.metrics.bad.get(), 2);
}

TEST(FileSpout, SendsBadRowsToTheirOwnStream) {
  TempDir dir;
  const std::string path = write_file(dir / "a.csv", kWithBadRows);
  for (const std::uint32_t batch_size : {1u, 2u, 16u}) {
    CsvProbe probe(csv_file<Note>(path, {.on_bad = OnBadRecord::kSideOutput}), batch_size);
    ASSERT_TRUE(probe.open().ok());
    EXPECT_EQ(probe.run().state, Poll::State::kEnd);
    EXPECT_EQ(probe.records, (std::vector<Note>{{1, "a"}, {3, "c"}, {5, "e"}}));
    ASSERT_EQ(probe.bad.size(), 2u);
    EXPECT_EQ(probe.bad[0].source, path);
    EXPECT_EQ(probe.bad[0].line, 3u);
    EXPECT_EQ(probe.bad[0].text, "x,b");
    EXPECT_EQ(probe.bad[1].line, 5u);
  }
}

TEST(FileSpout, SaysBeforeTheRunWhatItCannotRead) {
  TempDir dir;
  std::filesystem::create_directory(dir / "empty");
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  const std::string file = write_file(dir / "a.csv", "id,text\n");
  EXPECT_NE(csv_file<Note>(dir / "none.csv").fault().find("none.csv\": there is no such file"),
            std::string::npos);
  EXPECT_NE(csv_file<Note>(dir / "empty").fault().find("there is no CSV file"), std::string::npos);
  EXPECT_NE(csv_file<Note>(dir / "pipe").fault().find("csv_stdin"), std::string::npos);
  EXPECT_NE(csv_file<Note>("").fault().find("the path is empty"), std::string::npos);
  EXPECT_NE(csv_folder<Note>(file).fault().find("a folder is expected"), std::string::npos);
  EXPECT_NE(csv_file<Note>(file, {.max_rate = -1}).fault().find("max_rate"), std::string::npos);
  EXPECT_NE(csv_file<Note>(file, {.delimiter = '1'}).fault().find("delimiter"), std::string::npos);
  EXPECT_EQ(csv_file<Note>(file).fault(), "");

  runtime::Params params(std::map<std::string, std::string>{});
  Topology topology(params);
  topology.spout("one", csv_file<Note>(dir / "none.csv")).sink("s1", discard());
  topology.spout("two", csv_file<Note>(dir / "gone.csv")).sink("s2", discard());
  const absl::Status status = topology.validate();
  EXPECT_TRUE(contains(status, "'one': cannot read")) << status;
  EXPECT_TRUE(contains(status, "'two': cannot read")) << status;
  EXPECT_TRUE(contains(status, "file_spout_test.cc:")) << status;
}

TEST(FileSpout, RefusesAnEmptyFileUnlessItMayBeEmpty) {
  TempDir dir;
  const std::string path = write_file(dir / "a.csv", "");
  CsvProbe probe(csv_file<Note>(path));
  ASSERT_TRUE(probe.open().ok());
  probe.run();
  EXPECT_TRUE(contains(probe.failure, "is empty")) << probe.failure;
  EXPECT_TRUE(read_all(path, {.allow_empty = true}).empty());
}

FilePosition position_after(const std::string& path, std::uint32_t records,
                            const CsvFileOptions& options = {}) {
  CsvProbe probe(csv_file<Note>(path, options), records);
  EXPECT_TRUE(probe.open().ok());
  probe.poll();
  return probe.position();
}

absl::Status open_at(const std::string& path, const FilePosition& position,
                     const CsvFileOptions& options = {}) {
  return CsvProbe(csv_file<Note>(path, options)).open(&position);
}

TEST(FileSpout, RefusesAFileThatWasReplaced) {
  TempDir dir;
  std::vector<Note> notes;
  const std::string text = tricky_rows(20'000, 3, notes);
  const std::string path = write_file(dir / "a.csv", text);
  const FilePosition position = position_after(path, 10);
  EXPECT_TRUE(open_at(path, position).ok());

  write_file(path, text.substr(0, text.size() / 2));
  EXPECT_TRUE(contains(open_at(path, position), "bytes then and has"));
  write_file(path, "ID" + text.substr(2));
  EXPECT_TRUE(contains(open_at(path, position), "its first bytes differ"));
  write_file(path, text.substr(0, text.size() - 1) + "x");
  EXPECT_TRUE(contains(open_at(path, position), "its last bytes differ"));
  write_file(path, text + "9,z\n");
  EXPECT_TRUE(contains(open_at(path, position), ".follow"));
  EXPECT_TRUE(open_at(path, position, {.follow = true}).ok());
  const absl::Status status = open_at(path, position);
  EXPECT_TRUE(contains(status, path)) << status;
  EXPECT_TRUE(contains(status, "put the old file back")) << status;
}

TEST(FileSpout, RefusesAFolderThatHoldsOtherFiles) {
  TempDir dir;
  write_file(dir / "a.csv", "id,text\n1,a\n");
  const FilePosition position = position_after(dir.path(), 1);
  EXPECT_TRUE(open_at(dir.path(), position).ok());
  write_file(dir / "0.csv", "id,text\n0,z\n");
  EXPECT_TRUE(contains(open_at(dir.path(), position), "1 then, 2 now"));
  std::filesystem::remove(dir / "a.csv");
  EXPECT_TRUE(contains(open_at(dir.path(), position), "was \"a.csv\", now it is \"0.csv\""));
}

TEST(FileSpout, FollowsAFileThatGrows) {
  TempDir dir;
  const std::string path = write_file(dir / "a.csv", "id,text\n1,a\n2,");
  CsvProbe probe(csv_file<Note>(path, {.follow = true, .look_every = 1s}));
  ASSERT_TRUE(probe.open().ok());
  Poll polled = probe.run();
  EXPECT_EQ(polled.state, Poll::State::kWait);
  EXPECT_EQ(polled.wake_at, probe.clock.now() + 1s);
  EXPECT_EQ(probe.take(), (std::vector<Note>{{1, "a"}}));

  const FilePosition before = probe.position();
  append_file(path, "b\n3,c\n");
  EXPECT_EQ(probe.run().state, Poll::State::kWait);
  EXPECT_EQ(probe.take(), (std::vector<Note>{{2, "b"}, {3, "c"}}));

  CsvProbe resumed(csv_file<Note>(path, {.follow = true}));
  ASSERT_TRUE(resumed.open(&before).ok());
  EXPECT_EQ(resumed.run().state, Poll::State::kWait);
  EXPECT_EQ(resumed.records, (std::vector<Note>{{2, "b"}, {3, "c"}}));

  write_file(path, "id,text\n");
  probe.run();
  EXPECT_TRUE(contains(probe.failure, "shorter than it was")) << probe.failure;
}

TEST(FileSpout, FollowsAFolderFileAfterFile) {
  TempDir dir;
  const CsvFileOptions options{.follow = true};
  const auto spout = csv_folder<Note>(dir.path(), options);
  EXPECT_EQ(spout.fault(), "");
  EXPECT_EQ(spout.partitions(), 1u);
  CsvProbe probe(spout);
  ASSERT_TRUE(probe.open().ok());
  EXPECT_EQ(probe.run().state, Poll::State::kWait);

  write_file(dir / "1.csv", "id,text\n1,a\n2,b");
  EXPECT_EQ(probe.run().state, Poll::State::kWait);
  EXPECT_EQ(probe.take(), (std::vector<Note>{{1, "a"}}));
  const FilePosition in_first = probe.position();
  EXPECT_EQ(in_first.file, "1.csv");

  // The first file is complete once the second is there: its last line needs no end.
  write_file(dir / "2.csv", "id,text\n3,c\n");
  EXPECT_EQ(probe.run().state, Poll::State::kWait);
  EXPECT_EQ(probe.take(), (std::vector<Note>{{2, "b"}, {3, "c"}}));
  EXPECT_EQ(probe.position().file, "2.csv");

  CsvProbe resumed(csv_folder<Note>(dir.path(), options), 1);
  ASSERT_TRUE(resumed.open(&in_first).ok());
  EXPECT_EQ(resumed.run().state, Poll::State::kWait);
  EXPECT_EQ(resumed.records, (std::vector<Note>{{2, "b"}, {3, "c"}}));

  // Files that have been read may go.
  const FilePosition in_second = probe.position();
  std::filesystem::remove(dir / "1.csv");
  EXPECT_TRUE(CsvProbe(csv_folder<Note>(dir.path(), options)).open(&in_second).ok());
  std::filesystem::remove(dir / "2.csv");
  EXPECT_FALSE(CsvProbe(csv_folder<Note>(dir.path(), options)).open(&in_second).ok());
}

TEST(FileSpout, GoesOnFromEveryRecordOfAFollowedFolder) {
  TempDir dir;
  std::vector<Note> all;
  for (int f = 0; f < 4; ++f) {
    std::string text = "id,text\n";
    for (int i = 0; i < 5; ++i) {
      all.push_back({f * 10 + i, "x"});
      text += std::to_string(f * 10 + i) + ",x\n";
    }
    if (f == 1) text = "id,text\n";
    if (f == 1) all.resize(all.size() - 5);
    write_file(dir / (std::to_string(f) + ".csv"), text);
  }
  CsvProbe probe(csv_folder<Note>(dir.path(), {.follow = true}), 1);
  ASSERT_TRUE(probe.open().ok());
  for (bool is_over = false; !is_over;) {
    const FilePosition position = probe.position();
    const std::size_t done = probe.records.size();
    CsvProbe resumed(csv_folder<Note>(dir.path(), {.follow = true}), 3);
    ASSERT_TRUE(resumed.open(&position).ok());
    EXPECT_EQ(resumed.run().state, Poll::State::kWait);
    EXPECT_EQ(resumed.records, std::vector<Note>(all.begin() + static_cast<long>(done), all.end()));
    is_over = probe.poll().state == Poll::State::kWait;
  }
  EXPECT_EQ(probe.records, all);
}

TEST(FileSpout, KeepsToItsRate) {
  TempDir dir;
  std::string text = "id,text\n";
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + ",x\n";
  CsvProbe probe(csv_file<Note>(write_file(dir / "a.csv", text), {.max_rate = 10}));
  ASSERT_TRUE(probe.open().ok());
  const Poll first = probe.run();
  EXPECT_EQ(first.state, Poll::State::kWait);
  EXPECT_EQ(probe.records.size(), 1u);
  EXPECT_LE(first.wake_at, probe.clock.now() + 101ms);
  probe.clock.advance(1s);
  probe.run();
  EXPECT_EQ(probe.records.size(), 11u);
  probe.clock.advance(10min);  // what was missed for long is not made up for
  probe.run();
  EXPECT_EQ(probe.records.size(), 22u);
}

TEST(FileSpout, ReadsNdjsonAndLines) {
  TempDir dir;
  const std::string json = write_file(
      dir / "a.jsonl", "{\"id\":1,\"text\":\"a\"}\n{\"id\":}\n{\"text\":\"b\",\"id\":2}");
  SpoutProbe probe(ndjson_file<Note>(dir.path(), {.on_bad = OnBadRecord::kSideOutput}));
  ASSERT_TRUE(probe.open().ok());
  EXPECT_EQ(probe.run().state, Poll::State::kEnd);
  EXPECT_EQ(probe.records, (std::vector<Note>{{1, "a"}, {2, "b"}}));
  ASSERT_EQ(probe.bad.size(), 1u);
  EXPECT_EQ(probe.bad[0].line, 2u);

  SpoutProbe lines(text_lines(json));
  ASSERT_TRUE(lines.open().ok());
  EXPECT_EQ(lines.run().state, Poll::State::kEnd);
  EXPECT_EQ(lines.records.size(), 3u);
}

}  // namespace
}  // namespace weir::operators
