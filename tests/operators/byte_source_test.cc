#include "weir/operators/text/byte_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "weir/operators/text/block_buffer.h"

namespace weir::operators {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test.
class ByteSourceTest : public ::testing::Test {
 protected:
  ByteSourceTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) /
              ("weir_byte_source_" + std::to_string(::getpid()) + "_" + info->name());
    fs::create_directories(folder_);
  }
  ~ByteSourceTest() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
    return path;
  }
  fs::path folder_;
};

std::string gzip(const std::string& text) {
  ::z_stream stream = {};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  std::string copy = text;
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

// Text that compresses neither well nor not at all.
std::string some_text(std::size_t bytes, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::string out;
  while (out.size() < bytes) out += std::to_string(rng() % 10000) + (rng() % 5 == 0 ? "\n" : ",");
  out.resize(bytes);
  return out;
}

struct Drained {
  std::string bytes;
  SourceState state = SourceState::kData;
  std::string error;
};

Drained drain(ByteSource& source, std::size_t step = 100'000) {
  Drained out;
  std::vector<char> buffer(step);
  for (;;) {
    const absl::StatusOr<SourceRead> got = source.read(buffer.data(), buffer.size());
    if (!got.ok()) {
      out.error = std::string(got.status().message());
      return out;
    }
    out.state = got->state;
    if (got->state != SourceState::kData) return out;
    out.bytes.append(buffer.data(), got->bytes);
  }
}

std::string open_message(const std::string& path, FileSourceOptions options = {}) {
  const auto source = open_file(path, options);
  return source.ok() ? "opened" : std::string(source.status().message());
}

TEST_F(ByteSourceTest, ReadsPlainAndGzipFilesFromAnyOffset) {
  const std::string text = some_text(3'000'000, 51);
  std::mt19937_64 rng(52);
  const std::string two_members = gzip(text.substr(0, 1'000'000)) + gzip(text.substr(1'000'000));
  for (const std::string& path :
       {write("plain.csv", text), write("one.csv.gz", gzip(text)), write("two.csv.gz", two_members),
        write("unnamed.csv", gzip(text)),
        write("padded.gz", gzip(text) + std::string(512, '\0'))}) {
    for (int round = 0; round < 6; ++round) {
      const std::uint64_t offset = round == 0 ? 0 : round == 1 ? text.size() : rng() % text.size();
      auto source = open_file(path, {.offset = offset});
      ASSERT_TRUE(source.ok()) << source.status();
      const Drained got = drain(**source, 1 + rng() % 300'000);
      EXPECT_EQ(got.error, "");
      EXPECT_EQ(got.state, SourceState::kEnd);
      EXPECT_TRUE(got.bytes == text.substr(offset)) << path << " from " << offset;
      EXPECT_EQ((*source)->position(), text.size());
    }
  }
}

TEST_F(ByteSourceTest, SeeksBackAndForth) {
  const std::string text = some_text(400'000, 53);
  for (const std::string& path : {write("a.csv", text), write("a.csv.gz", gzip(text))}) {
    auto source = open_file(path);
    ASSERT_TRUE(source.ok());
    for (const std::uint64_t offset : {300'000, 10, 399'999, 0}) {
      ASSERT_TRUE((*source)->seek(offset).ok());
      EXPECT_TRUE(drain(**source).bytes == text.substr(offset)) << path << " " << offset;
    }
  }
}

TEST_F(ByteSourceTest, TakesEmptyFiles) {
  for (const std::string& path :
       {write("e.csv", ""), write("e.csv.gz", ""), write("f.gz", gzip(""))}) {
    auto source = open_file(path);
    ASSERT_TRUE(source.ok());
    const Drained got = drain(**source);
    EXPECT_EQ(got.error, "") << path;
    EXPECT_EQ(got.bytes, "");
    EXPECT_EQ(got.state, SourceState::kEnd);
  }
}

TEST_F(ByteSourceTest, SaysWhyAFileCannotBeOpened) {
  const std::string missing = folder_ / "no.csv";
  EXPECT_EQ(open_message(missing),
            "cannot read \"" + missing + "\": there is no such file; check the path");
  EXPECT_EQ(open_file(missing).status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(open_message("no/such.csv").find("(relative to the current folder, /"),
            std::string::npos);
  EXPECT_NE(open_message(folder_).find("it is a folder; name a file in it"), std::string::npos);
  const std::string file = write("f", "x");
  EXPECT_NE(open_message(file + "/g").find("a part of the path is a file"), std::string::npos);
  if (::geteuid() != 0) {
    ::chmod(file.c_str(), 0);
    EXPECT_NE(open_message(file).find("permission denied"), std::string::npos);
  }
}

TEST_F(ByteSourceTest, RefusesCorruptGzip) {
  const std::string packed = gzip(some_text(200'000, 54));
  struct Case {
    const char* name;
    std::string bytes;
    const char* expected;
  };
  std::string flipped = packed;
  flipped[packed.size() / 2] = static_cast<char>(~flipped[packed.size() / 2]);
  std::string bad_sum = packed;
  bad_sum[packed.size() - 6] = static_cast<char>(~bad_sum[packed.size() - 6]);
  const Case cases[] = {
      {"cut.gz", packed.substr(0, packed.size() / 2), "it ends in the middle"},
      {"tail.gz", packed.substr(0, packed.size() - 3), "it ends in the middle"},
      {"text.gz", "departed,origin\n1,A\n", "incorrect header check"},
      {"junk.gz", packed + "junk", "incorrect header check"},
      {"flip.gz", flipped, "is not a sound gzip file"},
      {"sum.gz", bad_sum, "incorrect data check"},
  };
  for (const Case& c : cases) {
    auto source = open_file(write(c.name, c.bytes));
    ASSERT_TRUE(source.ok());
    const std::string error = drain(**source).error;
    EXPECT_NE(error.find(c.expected), std::string::npos) << c.name << ": " << error;
    EXPECT_NE(error.find("gzip -t"), std::string::npos) << error;
  }
}

TEST_F(ByteSourceTest, FollowsAFileAsItGrows) {
  const std::string path = write("log.csv", "one\n");
  auto source = open_file(path, {.follow = true});
  ASSERT_TRUE(source.ok());
  Drained got = drain(**source);
  EXPECT_EQ(got.bytes, "one\n");
  EXPECT_EQ(got.state, SourceState::kNotYet);
  write("log.csv", "two\n");
  EXPECT_EQ(drain(**source).bytes, "two\n");
  EXPECT_EQ(drain(**source).state, SourceState::kNotYet);
  fs::resize_file(path, 2);
  EXPECT_NE(
      drain(**source).error.find("is shorter than it was: 8 bytes were read before, now it has 2"),
      std::string::npos);
}

TEST_F(ByteSourceTest, FollowsAGzipFileAsItGrows) {
  const std::string text = some_text(500'000, 55);
  const std::string packed = gzip(text);
  const std::string path = write("log.gz", packed.substr(0, 50'000));
  auto source = open_file(path, {.follow = true});
  ASSERT_TRUE(source.ok());
  Drained first = drain(**source);
  EXPECT_EQ(first.state, SourceState::kNotYet);
  write("log.gz", packed.substr(50'000));
  Drained second = drain(**source);
  EXPECT_TRUE(first.bytes + second.bytes == text);
}

TEST_F(ByteSourceTest, RefusesAnOffsetBehindTheEnd) {
  EXPECT_NE(open_message(write("a.csv", "abc"), {.offset = 4})
                .find("4 bytes were read before, now it has 3"),
            std::string::npos);
  EXPECT_NE(open_message(write("a.gz", gzip("abc")), {.offset = 4}).find("now it has 3"),
            std::string::npos);
}

TEST_F(ByteSourceTest, ReadsPipesButNotFromTheirMiddle) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "a\nb\n", 4), 4);
  ::close(ends[1]);
  const auto source = descriptor_source(ends[0], "standard input", true);
  EXPECT_NE(std::string(source->seek(2).message()).find("it is a pipe or a device"),
            std::string::npos);
  EXPECT_EQ(drain(*source).bytes, "a\nb\n");
}

TEST(BlockBuffer, KnowsOffsetAndLineOfEveryByte) {
  constexpr std::uint64_t kSeed = 56;
  const std::string text = some_text(2'500'000, kSeed);
  BlockBuffer buffer(memory_source(text), 64 << 20);
  std::mt19937_64 rng(kSeed);
  std::uint64_t offset = 0;
  std::uint64_t line = 1;
  const auto advance = [&](std::size_t n) {
    line += static_cast<std::uint64_t>(
        std::count(text.data() + offset, text.data() + offset + n, '\n'));
    offset += n;
  };
  while (offset < text.size()) {
    ASSERT_TRUE(buffer.fill().ok());
    const std::size_t n = rng() % (buffer.size() + 1);
    const TextPosition before = buffer.position_at(rng() % (n + 1));
    EXPECT_LE(before.offset, offset + n);
    ASSERT_EQ(std::string_view(buffer.data(), 100).substr(0, buffer.size()),
              std::string_view(text).substr(offset, std::min<std::size_t>(100, buffer.size())));
    buffer.consume(n);
    advance(n);
    ASSERT_EQ(buffer.position_at(0), (TextPosition{offset, line}));
  }
}

}  // namespace
}  // namespace weir::operators
