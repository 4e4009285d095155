#include "weir/runtime/batch.h"

#include <cstring>

#include "streaming_copy.h"

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
                                std::uint32_t count, CopyTo to) {
  WEIR_CHECK(size_ + count <= capacity_, "appended records fit into the batch");
  const bool streams = to == CopyTo::kMemory && can_stream(sizeof(std::uint64_t));
  if (streams && type_->is_copied_as_bytes && can_stream(type_->size)) {
    stream_selected(from.records_, index, count, static_cast<char*>(records_) + size_ * type_->size,
                    type_->size);
  } else {
    type_->copy_selected(from.records_, index, count, records_, size_);
  }
  const auto copy_column = [&](const auto* source, auto* target) {
    if (streams) return stream_selected(source, index, count, target + size_, sizeof *target);
    for (std::uint32_t i = 0; i < count; ++i) target[size_ + i] = source[index[i]];
  };
  if (from.has_hashes) {
    has_hashes = true;
    copy_column(from.hashes_.get(), hashes_.get());
  }
  if (!from.has_times) {
    size_ += count;
    return;
  }
  has_times = true;
  copy_column(from.times_.get(), times_.get());
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
