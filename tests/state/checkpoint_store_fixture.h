// A state folder on a simulated disk, and checkpoints whose content follows from their id.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "weir/runtime/simulated_storage.h"
#include "weir/state/checkpoint_store.h"

namespace weir::state {

inline const std::string kFolder = "/state";
inline const JobIdentity kJob{"job", "fingerprint-1"};

inline std::string content(std::uint64_t id, int file) {
  std::string text = "content of " + std::to_string(id) + "/" + std::to_string(file) + " ";
  while (text.size() < 500) text += text;
  return text;
}

inline absl::StatusOr<std::unique_ptr<CheckpointStore>> open_store(runtime::SimulatedStorage& disk,
                                                                   const JobIdentity& job = kJob) {
  return CheckpointStore::open(disk, kFolder, job);
}

// A manifest of one task with `files`.
inline Manifest manifest_of(const CheckpointStore& store, runtime::CheckpointId id,
                            std::vector<runtime::SnapshotFile> files) {
  Manifest manifest;
  manifest.job = kJob.job;
  manifest.topology = kJob.topology;
  manifest.id = id;
  manifest.epoch = store.epoch();
  manifest.max_parallelism = 128;
  runtime::TaskSnapshot& task = manifest.tasks.emplace_back();
  task.uid = "task";
  task.rows.format = "memory/1";
  task.rows.files = std::move(files);
  return manifest;
}

// Two new files; `kept`, if there is one, is named again beside them.
inline absl::StatusOr<Manifest> write_files(CheckpointStore& store, runtime::CheckpointId id,
                                            const runtime::SnapshotFile* kept = nullptr) {
  std::vector<runtime::SnapshotFile> files;
  if (kept != nullptr) files.push_back(*kept);
  for (int i = 0; i < 2; ++i) {
    auto file = store.put_bytes({id, "task", 0}, "base", content(id.value, i));
    if (!file.ok()) return file.status();
    files.push_back(*file);
  }
  if (absl::Status status = store.sync_files(); !status.ok()) return status;
  return manifest_of(store, id, files);
}

// The whole way of one checkpoint.
inline absl::StatusOr<Manifest> checkpoint(CheckpointStore& store,
                                           const runtime::SnapshotFile* kept = nullptr) {
  const auto id = store.next_id();
  if (!id.ok()) return id.status();
  auto manifest = write_files(store, *id, kept);
  if (!manifest.ok()) return manifest;
  if (absl::Status status = store.complete(*manifest); !status.ok()) return status;
  return manifest;
}

inline std::string path_of(const runtime::SnapshotFile& file) {
  return kFolder + "/files/" + file.name;
}

}  // namespace weir::state
