// StagedFile: one output file between its first row and its commit.
//
//   kWriting -> kSealed -> kDurable -> kCommitted
//                  |  ^
//                  v  |  disk full: written anew, under a new name, by the next checkpoint
//                 kFull          kLost: a sync or write failed for good
//
// The task's thread has it until the work of its first seal is handed over, the I/O thread
// afterwards; only state() and what is in `sealed` (the task's thread) may be looked at in between.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "weir/runtime/record.h"
#include "weir/runtime/storage.h"

namespace weir::operators {

// What decides what is committed: stands in the task's state until the commit.
struct SealedFile {
  std::string staged;  // name in .staged
  std::string target;  // name in the folder
  std::uint64_t checkpoint = 0;
  std::uint64_t bytes = 0;
  std::string hash;
};
WEIR_RECORD(SealedFile, staged, target, checkpoint, bytes, hash);

class StagedFile {
 public:
  enum class State : std::uint8_t { kWriting, kSealed, kFull, kLost, kDurable, kCommitted };

  // The file is created with its first block, as `folder`/`name`.
  StagedFile(runtime::Storage& storage, std::string folder, std::string name)
      : storage_(storage), folder_(std::move(folder)) {
    sealed.staged = std::move(name);
  }

  // --- task's thread, before the seal ---
  // Writes a block; keeps it in memory if the disk is full. Not OK: lost for good.
  absl::Status put(std::string_view block);
  // The last bytes: they are written with make_durable().
  void hold(std::string_view bytes) { held_.append(bytes); }
  bool is_full() const { return is_full_; }
  std::uint64_t held_bytes() const { return held_.size(); }

  // --- I/O thread ---
  // Writes what is missing and syncs; under `name` if it must be written anew.
  absl::Status make_durable(const std::string& name, const std::string& hash);

  State state() const { return state_.load(std::memory_order_acquire); }
  void set_state(State state) { state_.store(state, std::memory_order_release); }

  SealedFile sealed;  // task's thread

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  absl::Status create(const std::string& name);
  absl::Status answer_to(const std::string& name);
  absl::Status take_back(const std::string& hash);
  absl::Status finish(const std::string& name);

  runtime::Storage& storage_;
  const std::string folder_;
  std::atomic<State> state_{State::kWriting};

  std::unique_ptr<runtime::StorageFile> file_;
  std::string written_name_;  // of the file that holds the first stored_ bytes; empty: none
  std::uint64_t stored_ = 0;
  std::string held_;      // the bytes behind them
  bool is_full_ = false;  // the file cannot be continued
};

}  // namespace weir::operators
