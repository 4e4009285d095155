// The bad days of the simulated disk: crashes, torn writes, a full disk, flipped bits.
#include <algorithm>

#include "simulated_inode.h"
#include "weir/runtime/check.h"
#include "weir/runtime/simulated_storage.h"

namespace weir::runtime {

// Bytes that were never synced survive in part, and the end of that part may be torn.
void SimulatedStorage::tear(Inode* inode) {
  std::string survived = inode->synced;
  if (!inode->sync_failed && inode->bytes.size() > survived.size()) {
    const std::uint64_t unsynced = inode->bytes.size() - survived.size();
    const std::uint64_t kept = random_() % (unsynced + 1);
    survived.append(inode->bytes, survived.size(), kept);
    const std::uint64_t torn = kept > 0 && random_() % 2 == 0 ? random_() % kept + 1 : 0;
    std::fill(survived.end() - static_cast<std::ptrdiff_t>(torn), survived.end(), '\0');
  }
  inode->bytes = inode->synced = std::move(survived);
}

void SimulatedStorage::crash() {
  const MutexLock lock(mutex_);
  const std::uint64_t survivors = random_() % (pending_.size() + 1);
  for (std::uint64_t i = 0; i < survivors; ++i) apply(pending_[i], &durable_);
  pending_.clear();
  // A folder that was lost takes its contents along.
  for (auto it = durable_.begin(); it != durable_.end();) {
    const std::size_t slash = it->first.rfind('/');
    const bool top = slash == std::string::npos || slash == 0;
    it = top || durable_.count(it->first.substr(0, slash)) > 0 ? std::next(it) : durable_.erase(it);
  }
  std::vector<Inode*> seen;
  for (auto& [path, inode] : durable_) {
    if (inode->is_dir || std::find(seen.begin(), seen.end(), inode.get()) != seen.end()) continue;
    seen.push_back(inode.get());
    tear(inode.get());
  }
  names_ = durable_;
  locks_.clear();
  ++incarnation_;
  dead_ = false;
  die_at_change_ = die_at_step_ = fail_sync_ = fail_sync_dir_ = 0;
}

void SimulatedStorage::step(std::string_view name) {
  const MutexLock lock(mutex_);
  if (dead_) return;
  steps_.emplace_back(name);
  if (die_at_step_ > 0 && --die_at_step_ == 0) dead_ = true;
}

void SimulatedStorage::die_at_step(std::uint64_t n) {
  const MutexLock lock(mutex_);
  die_at_step_ = n;
}

void SimulatedStorage::die_at_change(std::uint64_t n) {
  const MutexLock lock(mutex_);
  die_at_change_ = n;
}

bool SimulatedStorage::dead() const {
  const MutexLock lock(mutex_);
  return dead_;
}

std::vector<std::string> SimulatedStorage::steps() const {
  const MutexLock lock(mutex_);
  return steps_;
}

std::uint64_t SimulatedStorage::changes() const {
  const MutexLock lock(mutex_);
  return changes_;
}

void SimulatedStorage::set_capacity(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  capacity_ = bytes;
}

// Bytes of all files, each counted once however many names it has.
std::uint64_t SimulatedStorage::used() const {
  std::vector<const Inode*> inodes;
  for (const auto& [path, inode] : names_) inodes.push_back(inode.get());
  std::sort(inodes.begin(), inodes.end());
  inodes.erase(std::unique(inodes.begin(), inodes.end()), inodes.end());
  std::uint64_t sum = 0;
  for (const Inode* inode : inodes) sum += inode->bytes.size();
  return sum;
}

std::uint64_t SimulatedStorage::space() const {
  if (capacity_ == kUnlimited) return kUnlimited;
  const std::uint64_t used = this->used();
  return capacity_ > used ? capacity_ - used : 0;
}

std::uint64_t SimulatedStorage::used_bytes() const {
  const MutexLock lock(mutex_);
  return used();
}

void SimulatedStorage::fail_sync(std::uint64_t n) {
  const MutexLock lock(mutex_);
  fail_sync_ = n;
}

void SimulatedStorage::fail_sync_dir(std::uint64_t n) {
  const MutexLock lock(mutex_);
  fail_sync_dir_ = n;
}

void SimulatedStorage::flip_bit(const std::string& path, std::uint64_t bit) {
  const MutexLock lock(mutex_);
  const auto it = names_.find(path);
  WEIR_CHECK(it != names_.end() && bit / 8 < it->second->bytes.size(), "no such byte to damage");
  it->second->bytes[bit / 8] = static_cast<char>(it->second->bytes[bit / 8] ^ (1 << (bit % 8)));
  it->second->synced = it->second->bytes;
}

void SimulatedStorage::truncate(const std::string& path, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  const auto it = names_.find(path);
  WEIR_CHECK(it != names_.end() && bytes <= it->second->bytes.size(), "no such file to truncate");
  it->second->bytes.resize(bytes);
  it->second->synced = it->second->bytes;
}

}  // namespace weir::runtime
