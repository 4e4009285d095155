#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/src/posix_status.h"
#include "support/temp_dir.h"
#include "weir/runtime/storage.h"

namespace weir::runtime {
namespace {

bool says(const absl::Status& status, const std::string& words) {
  return status.message().find(words) != absl::string_view::npos;
}

void write(const std::string& path, std::string_view bytes) {
  auto file = local_storage().create(path).value();
  ASSERT_TRUE(file->append(bytes).ok());
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(file->close().ok());
}

class LocalStorage : public testing::Test {
 protected:
  tests::TempDir dir_;
  Storage& storage_ = local_storage();
};

TEST_F(LocalStorage, GivesBackWhatWasAppended) {
  std::string expected;
  auto file = storage_.create(dir_ / "f").value();
  for (const std::size_t size : {0u, 1u, 100u, 65535u, 65536u, 200'000u, 7u}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(file->append(piece).ok());
    expected += piece;
  }
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(storage_.read(dir_ / "f").value(), expected);
  ASSERT_TRUE(file->append("end").ok());
  ASSERT_TRUE(file->close().ok());
  EXPECT_EQ(storage_.read(dir_ / "f").value(), expected + "end");
  std::string pieces;
  ASSERT_TRUE(
      storage_.read_pieces(dir_ / "f", [&](std::string_view bytes) { pieces += bytes; }).ok());
  EXPECT_EQ(pieces, expected + "end");
  EXPECT_EQ(storage_.size(dir_ / "f").value(), expected.size() + 3);
  EXPECT_FALSE(file->append("x").ok()) << "the file is closed";
}

TEST_F(LocalStorage, KeepsFilesAndFoldersToTheUser) {
  ASSERT_TRUE(storage_.make_dirs(dir_ / "a/b/c").ok());
  ASSERT_TRUE(storage_.make_dirs(dir_ / "a/b/c").ok()) << "again";
  write(dir_ / "a/b/c/f", "x");
  struct stat info {};
  ASSERT_EQ(::stat((dir_ / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((dir_ / "a/b/c/f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(LocalStorage, ListsRenamesLinksAndRemoves) {
  write(dir_ / "b", "1");
  write(dir_ / "a", "2");
  ASSERT_TRUE(storage_.make_dirs(dir_ / "c/d").ok());
  EXPECT_EQ(storage_.list(dir_.path()).value(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(storage_.link(dir_ / "a", dir_ / "a2").ok());
  ASSERT_TRUE(storage_.rename(dir_ / "b", dir_ / "a").ok());
  EXPECT_EQ(storage_.read(dir_ / "a").value(), "1");
  EXPECT_EQ(storage_.read(dir_ / "a2").value(), "2");
  EXPECT_FALSE(storage_.exists(dir_ / "b"));
  ASSERT_TRUE(storage_.sync_dir(dir_.path()).ok());
  ASSERT_TRUE(storage_.remove(dir_ / "a2").ok());
  ASSERT_TRUE(storage_.remove_all(dir_ / "c").ok());
  EXPECT_EQ(storage_.list(dir_.path()).value(), std::vector<std::string>{"a"});
}

TEST_F(LocalStorage, NamesThePathAndTheRemedyInErrors) {
  write(dir_ / "f", "x");
  const std::string nowhere = dir_ / "nowhere";
  for (const absl::Status& status :
       {storage_.read(nowhere).status(), storage_.read_pieces(nowhere, {}),
        storage_.list(nowhere).status(), storage_.size(nowhere).status(), storage_.remove(nowhere),
        storage_.sync_dir(nowhere), storage_.rename(nowhere, nowhere + "2"),
        storage_.link(nowhere, nowhere + "2"), storage_.create(nowhere + "/f").status(),
        storage_.lock(nowhere + "/f").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_TRUE(says(status, nowhere) && says(status, "check the path")) << status;
  }
  EXPECT_EQ(storage_.create(dir_ / "f").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(storage_.make_dirs(dir_ / "f").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(storage_.read(dir_.path()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(storage_.read_pieces(dir_.path(), {}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(LocalStorage, GivesErrorsTheCodeThatCallersActOn) {
  const auto code = [](int error) { return posix_status(error, "cannot write", "/p").code(); };
  EXPECT_EQ(code(ENOSPC), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code(EDQUOT), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code(EACCES), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code(EROFS), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code(EIO), absl::StatusCode::kUnavailable);
  const absl::Status full = posix_status(ENOSPC, "cannot write", "/p");
  EXPECT_TRUE(says(full, "cannot write /p") && says(full, "free space")) << full;
}

TEST_F(LocalStorage, NeverTakesAFailedFileForWritten) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  auto file = storage_.create(dir_ / "f").value();
  ASSERT_TRUE(file->append(std::string(2000, 'x')).ok()) << "it is only buffered";
  ::setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status failed = file->sync();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted) << failed;
  EXPECT_EQ(file->sync(), failed);
  EXPECT_EQ(file->append("y"), failed);
  EXPECT_EQ(file->close(), failed);
}

TEST_F(LocalStorage, LocksAFileOnceAndNamesTheOwner) {
  auto held = storage_.lock(dir_ / "LOCK");
  ASSERT_TRUE(held.ok()) << held.status();
  const absl::Status second = storage_.lock(dir_ / "LOCK").status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(says(second, "pid " + std::to_string(::getpid()))) << second;
  held->reset();
  EXPECT_TRUE(storage_.lock(dir_ / "LOCK").ok());
}

}  // namespace
}  // namespace weir::runtime
