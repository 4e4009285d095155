#include "weir/runtime/batch.h"

#include <cstring>

namespace weir::runtime {

BatchBase::BatchBase(const RecordType& type, std::uint32_t capacity)
    : type_(&type),
      capacity_(capacity),
      records_(type.make(capacity)),
      times_(new std::int64_t[capacity]),
      hashes_(new std::uint64_t[capacity]) {
  WEIR_CHECK(capacity > 0, "a batch holds at least one record");
}

BatchBase::~BatchBase() { type_->destroy(records_, capacity_); }

void BatchBase::clear() {
  size_ = 0;
  has_times = false;
  has_hashes = false;
  partition = 0;
  runs_.clear();
}

void BatchBase::open_run(EventTime watermark) {
  if (!runs_.empty()) {
    if (runs_.back().watermark == watermark) return;
    if (runs_.back().offset == size_) {
      runs_.back().watermark = watermark;
      return;
    }
  }
  runs_.push_back({size_, watermark});
}

void BatchBase::append_selected(const BatchBase& from, const std::uint32_t* index,
                                std::uint32_t count) {
  WEIR_CHECK(size_ + count <= capacity_, "appended records fit into the batch");
  type_->copy_selected(from.records_, index, count, records_, size_);
  if (from.has_hashes) {
    has_hashes = true;
    for (std::uint32_t i = 0; i < count; ++i) hashes_[size_ + i] = from.hashes_[index[i]];
  }
  if (!from.has_times) {
    size_ += count;
    return;
  }
  has_times = true;
  for (std::uint32_t i = 0; i < count; ++i) times_[size_ + i] = from.times_[index[i]];
  std::uint32_t done = 0;
  from.for_each_run([&](std::uint32_t, std::uint32_t end, EventTime watermark) {
    std::uint32_t upto = done;
    if (end == from.size_) {
      upto = count;
    } else {
      while (upto < count && index[upto] < end) ++upto;
    }
    if (upto == done) return;
    open_run(watermark);
    size_ += upto - done;
    done = upto;
  });
}

void BatchBase::swap(BatchBase& other) {
  WEIR_CHECK(type_ == other.type_, "only batches of one type change content");
  std::swap(capacity_, other.capacity_);
  std::swap(size_, other.size_);
  std::swap(records_, other.records_);
  std::swap(times_, other.times_);
  std::swap(hashes_, other.hashes_);
  std::swap(runs_, other.runs_);
  std::swap(has_times, other.has_times);
  std::swap(has_hashes, other.has_hashes);
  std::swap(partition, other.partition);
}

}  // namespace weir::runtime
