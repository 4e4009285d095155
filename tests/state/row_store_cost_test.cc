// What snapshots cost, and what happens when the disk refuses.
#include <signal.h>
#include <sys/resource.h>

#include <set>

#include "row_store_contract.h"

namespace weir::state {
namespace {

using runtime::RowBuffer;
using runtime::RowSnapshot;

template <class Backend>
class RowStoreCost : public RowStoreContract<Backend> {
 protected:
  // Bytes of files in `snapshot` that were not in any snapshot before.
  std::uint64_t new_bytes(const RowSnapshot& snapshot) {
    std::uint64_t sum = 0;
    for (const runtime::SnapshotFile& file : snapshot.files) {
      if (seen_.insert(file.name).second) sum += file.bytes;
    }
    return sum;
  }

 private:
  std::set<std::string> seen_;
};

struct Names {
  template <class T>
  static std::string GetName(int i) {
    return std::vector<std::string>{"Memory", "RocksDb",
                                    "RocksDbRewriting"}[static_cast<std::size_t>(i)];
  }
};
TYPED_TEST_SUITE(RowStoreCost, Backends, Names);

RowBuffer numbered(int first, int last, const std::string& value) {
  RowBuffer rows;
  for (int i = first; i < last; ++i) {
    rows.put(row_key(static_cast<std::uint16_t>(i % 128), 1, 0, std::to_string(i)), value);
  }
  return rows;
}

TYPED_TEST(RowStoreCost, StoresOnlyWhatHasChanged) {
  auto store = this->open();
  Rows rows;
  this->apply(*store, numbered(0, 20'000, std::string(100, 'a')), &rows);
  const std::uint64_t all = this->new_bytes(store->snapshot(this->next_id()).value());
  EXPECT_GT(all, 2'000'000u);
  this->apply(*store, numbered(0, 200, std::string(100, 'b')), &rows);
  const std::uint64_t few = this->new_bytes(store->snapshot(this->next_id()).value());
  EXPECT_GT(few, 20'000u);
  EXPECT_LT(few, all / 20);
  const RowSnapshot same = store->snapshot(this->next_id()).value();
  EXPECT_EQ(this->new_bytes(same), 0u);
  EXPECT_EQ(this->restored({same}), rows);
}

TYPED_TEST(RowStoreCost, StaysIncrementalAfterARestore) {
  Rows rows;
  auto store = this->open();
  this->apply(*store, numbered(0, 20'000, std::string(100, 'a')), &rows);
  const RowSnapshot before = store->snapshot(this->next_id()).value();
  const std::uint64_t all = this->new_bytes(before);
  store.reset();
  this->open_folder();
  store = this->open();
  EXPECT_EQ(this->restore_into(*store, {before}).size(), 20'000u);
  this->apply(*store, numbered(0, 100, "b"), &rows);
  const RowSnapshot after = store->snapshot(this->next_id()).value();
  EXPECT_LT(this->new_bytes(after), all / 20);
  EXPECT_EQ(this->restored({after}), rows);
}

TYPED_TEST(RowStoreCost, DoesNotGrowWithTheNumberOfSnapshots) {
  auto store = this->open();
  Rows rows;
  std::uint64_t written = 0;
  RowSnapshot last;
  for (int round = 0; round < 50; ++round) {
    this->apply(*store, numbered(0, 300, std::to_string(round) + std::string(200, 'x')), &rows);
    last = store->snapshot(this->next_id()).value();
    written += this->new_bytes(last);
    std::uint64_t held = 0;
    for (const runtime::SnapshotFile& file : last.files) held += file.bytes;
    EXPECT_LT(held, 4'000'000u) << "after " << round << " snapshots of 70 kB";
  }
  EXPECT_LT(last.files.size(), 40u);
  EXPECT_LT(written, 50u * 70'000u * 4) << "bytes written";
  EXPECT_EQ(this->restored({last}), rows);
}

// While it lives no file can grow beyond `bytes`, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TYPED_TEST(RowStoreCost, KeepsRowsThatCouldNotBeWrittenForTheNextSnapshot) {
  auto store = this->open();
  Rows rows;
  this->apply(*store, numbered(0, 1000, std::string(100, 'a')), &rows);
  const RowSnapshot before = store->snapshot(this->next_id()).value();
  const Rows rows_before = rows;
  // Not through this->apply(): it may fail, and the rows count all the same.
  const auto try_apply = [&](const RowBuffer& change) {
    store->apply(change).IgnoreError();
    for (std::size_t i = 0; i < change.rows(); ++i) {
      const auto row = change.row(i);
      if (row.op == RowBuffer::Op::kPut) rows[std::string(row.key)] = row.value;
      if (row.op == RowBuffer::Op::kRemovePrefix) {
        std::erase_if(rows, [&](const auto& entry) { return entry.first.starts_with(row.key); });
      }
    }
  };
  for (int outage = 0; outage < 3; ++outage) {
    {
      const FullDisk full(4096);
      for (int i = 0; i < 3; ++i) {
        try_apply(numbered(500, 1500, std::to_string(outage * 10 + i) + std::string(90, 'b')));
        EXPECT_FALSE(store->snapshot(this->next_id()).ok());
        RowBuffer removal;
        removal.remove_prefix(group_and_table(static_cast<std::uint16_t>(i), 1));
        removal.put(row_key(static_cast<std::uint16_t>(i), 1, 0, "new"), "c");
        try_apply(removal);
        this->expect_readable(*store, rows, "");
        this->expect_found(
            *store, rows,
            {row_key(0, 1, 0, "0"), row_key(0, 1, 0, "new"), row_key(600 % 128, 1, 0, "600")});
      }
    }
    const auto after = store->snapshot(this->next_id());
    ASSERT_TRUE(after.ok()) << after.status();
    this->expect_readable(*store, rows, "");
    EXPECT_EQ(this->restored({*after}), rows);
  }
  EXPECT_EQ(this->restored({before}), rows_before);
}

}  // namespace
}  // namespace weir::state
