// Storage in memory that behaves as badly as a real disk may: what was not synced can be lost or
// torn by a crash, the disk fills up, a sync fails. For tests and simulation.
//
// What survives crash(): of each file the bytes of its last sync, and of what was appended since a
// random part whose end may be torn (zeros); of the changes of names (create, rename, link, remove)
// those whose folder was synced, and of the others, in order, a random number of the first.
//
// Everything is decided by the seed. Safe to call from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "weir/runtime/mutex.h"
#include "weir/runtime/storage.h"

namespace weir::runtime {

class SimulatedStorage final : public Storage {
 public:
  explicit SimulatedStorage(std::uint64_t seed);
  ~SimulatedStorage() override;

  absl::StatusOr<std::unique_ptr<StorageFile>> create(const std::string& path) override;
  absl::StatusOr<std::string> read(const std::string& path) override;
  absl::Status read_pieces(const std::string& path, const Visit& visit) override;
  absl::StatusOr<std::vector<std::string>> list(const std::string& dir) override;
  absl::StatusOr<std::uint64_t> size(const std::string& path) override;
  bool exists(const std::string& path) override;
  absl::Status rename(const std::string& from, const std::string& to) override;
  absl::Status link(const std::string& from, const std::string& to) override;
  absl::Status remove(const std::string& path) override;
  absl::Status remove_all(const std::string& dir) override;
  absl::Status make_dirs(const std::string& dir) override;
  absl::Status sync_dir(const std::string& dir) override;
  absl::StatusOr<std::shared_ptr<void>> lock(const std::string& path) override;
  void step(std::string_view name) override;

  // --- Crashes ---------------------------------------------------------------------------------
  // The machine loses power and comes back: what is not durable is gone (see the top), locks are
  // free, files that were open answer with errors.
  void crash();
  // The process "dies" at the n-th step or at the n-th changing call from now (n from 1): that one
  // and everything after it does nothing and fails, until crash().
  void die_at_step(std::uint64_t n);
  void die_at_change(std::uint64_t n);
  bool dead() const;
  // Names of all steps so far, and the number of changing calls so far.
  std::vector<std::string> steps() const;
  std::uint64_t changes() const;

  // --- Faults ----------------------------------------------------------------------------------
  // At most this many bytes fit on the disk; an append beyond writes what fits and fails with
  // kResourceExhausted.
  static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
  void set_capacity(std::uint64_t bytes);
  std::uint64_t used_bytes() const;
  // The n-th sync of a file from now (n from 1) fails; its unsynced bytes are never durable.
  void fail_sync(std::uint64_t n);
  // The n-th sync of a folder from now fails.
  void fail_sync_dir(std::uint64_t n);
  // Damage to bytes at rest; the path must exist.
  void flip_bit(const std::string& path, std::uint64_t bit);
  void truncate(const std::string& path, std::uint64_t bytes);

 private:
  struct Inode;
  class File;
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  // A change of names that is not durable yet: `path` now names `inode` (null: nothing).
  struct NameChange {
    std::string path;
    std::shared_ptr<Inode> inode;
    // Both names of a rename change together, with the sync of either folder: a journaling file
    // system writes them in one transaction.
    std::string also_removed;
  };

  absl::Status begin_change(const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // counts; fails when dead
  absl::Status alive(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status needs_parent(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void set_name(const std::string& path, std::shared_ptr<Inode> inode, std::string removed = {})
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void apply(const NameChange& change, Names* names);
  void settle_removal(const std::string& dir) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t used() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::uint64_t space() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // left for appends
  void tear(Inode* inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  Names names_ ABSL_GUARDED_BY(mutex_);    // as processes see them
  Names durable_ ABSL_GUARDED_BY(mutex_);  // as they are after a power cut, without pending_
  std::vector<NameChange> pending_ ABSL_GUARDED_BY(mutex_);  // from durable_ to names_, in order
  std::vector<std::string> steps_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::weak_ptr<void>> locks_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t incarnation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t die_at_change_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: never
  std::uint64_t die_at_step_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t fail_sync_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t fail_sync_dir_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t capacity_ ABSL_GUARDED_BY(mutex_) = kUnlimited;
  bool dead_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace weir::runtime
