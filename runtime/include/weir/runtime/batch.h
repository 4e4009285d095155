// Batch<T>: many records of one type with their event times, key hashes and watermarks as columns.
// The unit that moves through a chain and between tasks; nothing in the data plane handles a single
// record.
//
// A batch belongs to one task at a time; it changes hands only inside a channel. Its memory is
// taken once, at construction, and reused: records stay constructed, so a record with strings keeps
// their capacity.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/runtime/check.h"
#include "weir/runtime/codec.h"
#include "weir/runtime/ids.h"
#include "weir/runtime/time.h"

namespace weir::runtime {

// From record `offset` of a batch on, the watermark of the records' own spout partition stood at
// `watermark`. It alone decides whether a record is late, so results do not depend on who arrived
// first at a merge.
struct WatermarkRun {
  std::uint32_t offset;
  EventTime watermark;
};

// What a record type must offer to travel: the engine keeps a fixed number of them constructed.
template <class T>
concept RecordLike = std::default_initializable<T> && std::movable<T>;

// The erased operations on the records of one type; one constant object per type.
class BatchBase;
struct RecordType {
  std::size_t size;
  std::unique_ptr<BatchBase> (*make_batch)(std::uint32_t capacity);
  void* (*make)(std::uint32_t count);
  void (*destroy)(void* records, std::uint32_t count);
  // to[at + i] = from[index[i]] for i < count; null where T cannot be copied.
  void (*copy_selected)(const void* from, const std::uint32_t* index, std::uint32_t count, void* to,
                        std::uint32_t at);
  bool is_copied_as_bytes = false;  // copying a record is copying its memory
  // Records travel between processes as a copy of their memory; else by the next two functions,
  // which are null where T has no binary form.
  bool is_plain = false;
  void (*encode_records)(const void* records, std::uint32_t count, Encoder& encoder) = nullptr;
  bool (*decode_records)(Decoder& decoder, void* records, std::uint32_t count) = nullptr;
  // Names the binary form; null where there is none.
  std::string (*schema)() = nullptr;
  bool is_encodable() const { return schema != nullptr; }

  // Memory that one record takes in a batch, in all columns, bytes.
  std::size_t bytes_in_batch() const { return size + 2 * sizeof(std::uint64_t); }
};

// Where records are copied to: what this core will read again, or what another core will read. The
// latter goes past the caches, since to take a line back from the other core's costs more.
enum class CopyTo : std::uint8_t { kCache, kMemory };

class BatchBase {
 public:
  BatchBase(const RecordType& type, std::uint32_t capacity);
  virtual ~BatchBase();
  BatchBase(const BatchBase&) = delete;
  BatchBase& operator=(const BatchBase&) = delete;

  const RecordType& type() const { return *type_; }
  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == capacity_; }
  void resize(std::uint32_t n) { size_ = n; }
  // Forgets records, runs and column flags; keeps memory.
  void clear();

  // Columns of `capacity()` entries; their content counts only where the flag says so.
  std::int64_t* times() { return times_.get(); }
  const std::int64_t* times() const { return times_.get(); }
  std::uint64_t* hashes() { return hashes_.get(); }
  const std::uint64_t* hashes() const { return hashes_.get(); }
  bool has_times = false;
  bool has_hashes = false;

  // Index, within the task's spout, of the partition all records came from; meaningful only between
  // a spout and the operator that assigns event time.
  std::uint32_t partition = 0;

  // Offsets rise; the first run, if there is any, starts at 0.
  std::vector<WatermarkRun>& runs() { return runs_; }
  const std::vector<WatermarkRun>& runs() const { return runs_; }
  // Notes that records from size() on have `watermark`; merges with an equal last run.
  void open_run(EventTime watermark);

  // Memory that one record takes in all columns, bytes.
  std::size_t record_bytes() const { return type_->bytes_in_batch(); }
  std::size_t bytes() const { return size_ * record_bytes(); }

  // Appends the records `index[0 .. count)` of `from` (rising) with columns and runs. The caller
  // has made sure that they fit. What goes past the cache must be published by stream_fence().
  void append_selected(const BatchBase& from, const std::uint32_t* index, std::uint32_t count,
                       CopyTo to = CopyTo::kCache);
  // Exchanges the content of two batches of one type and capacity.
  void swap(BatchBase& other);

  // Appends the binary form of everything in the batch to `out`. The type must be encodable.
  void encode(std::string& out) const;
  // Takes on what encode() has written. False, and an empty batch, if `bytes` are anything else, or
  // more records than fit: sizes are checked before anything is read. Bytes inside a plain record
  // are taken as they come.
  [[nodiscard]] bool decode(std::string_view bytes);

  // Calls f(begin, end, watermark) for each run of records, in order; one call with
  // EventTime::min() if the batch carries no runs.
  template <class F>
  void for_each_run(F&& f) const {
    if (runs_.size() <= 1) {
      if (size_ != 0) f(0u, size_, runs_.empty() ? EventTime::min() : runs_[0].watermark);
      return;
    }
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const std::uint32_t end = i + 1 < runs_.size() ? runs_[i + 1].offset : size_;
      if (runs_[i].offset < end) f(runs_[i].offset, end, runs_[i].watermark);
    }
  }

 protected:
  void* data() const { return records_; }

 private:
  bool decode_columns(Decoder& decoder);
  bool decode_records(Decoder& decoder);

  const RecordType* type_;
  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  void* records_;
  std::unique_ptr<std::int64_t[]> times_;
  std::unique_ptr<std::uint64_t[]> hashes_;
  std::vector<WatermarkRun> runs_;
};

template <RecordLike T>
class Batch;

template <class T>
void encode_records(const void* records, std::uint32_t count, Encoder& encoder) {
  const T* next = static_cast<const T*>(records);
  for (const T* const end = next + count; next != end; ++next) Codec<T>::encode(encoder, *next);
}
template <class T>
bool decode_records(Decoder& decoder, void* records, std::uint32_t count) {
  T* next = static_cast<T*>(records);
  for (T* const end = next + count; next != end; ++next) {
    if (!Codec<T>::decode(decoder, *next)) return false;
  }
  return true;
}

// The last part of a RecordType; no code for records without a binary form.
template <class T>
constexpr void set_binary_form(RecordType& type) {
  if constexpr (Encodable<T>) {
    type.is_plain = std::is_trivially_copyable_v<T>;
    if constexpr (!std::is_trivially_copyable_v<T>) {
      type.encode_records = encode_records<T>;
      type.decode_records = decode_records<T>;
    }
    type.schema = [] { return std::string(Codec<T>::schema()); };
  }
}

// The RecordType of T. Moves instead of copies where T cannot be copied.
template <RecordLike T>
const RecordType& record_type() {
  static constexpr RecordType kType = [] {
    RecordType type{
        .size = sizeof(T),
        .make_batch = [](std::uint32_t capacity) -> std::unique_ptr<BatchBase> {
          return std::make_unique<Batch<T>>(capacity);
        },
        .make = [](std::uint32_t count) -> void* {
          if constexpr (std::is_trivially_default_constructible_v<T>) {
            return new T[count];
          } else {
            return new T[count]();
          }
        },
        .destroy = [](void* records, std::uint32_t) { delete[] static_cast<T*>(records); },
        .copy_selected =
            [](const void* from, const std::uint32_t* index, std::uint32_t count, void* to,
               std::uint32_t at) {
              if constexpr (std::is_copy_assignable_v<T>) {
                const T* source = static_cast<const T*>(from);
                T* target = static_cast<T*>(to) + at;
                for (std::uint32_t i = 0; i < count; ++i) target[i] = source[index[i]];
              } else {
                T* source = static_cast<T*>(const_cast<void*>(from));
                T* target = static_cast<T*>(to) + at;
                for (std::uint32_t i = 0; i < count; ++i) target[i] = std::move(source[index[i]]);
              }
            },
        .is_copied_as_bytes =
            std::is_trivially_copy_constructible_v<T> && std::is_trivially_destructible_v<T>,
    };
    set_binary_form<T>(type);
    return type;
  }();
  return kType;
}

// The typed face: adds nothing but the type of the records.
template <RecordLike T>
class Batch final : public BatchBase {
 public:
  explicit Batch(std::uint32_t capacity) : BatchBase(record_type<T>(), capacity) {}

  T* records() { return static_cast<T*>(data()); }
  const T* records() const { return static_cast<const T*>(data()); }
  T& operator[](std::uint32_t i) { return records()[i]; }
  const T& operator[](std::uint32_t i) const { return records()[i]; }

  // The typed view of an erased batch. The caller knows the type: the topology has checked it.
  static Batch& of(BatchBase& batch) { return static_cast<Batch&>(batch); }
};

// Where batches are pushed to: the next operator of a chain, or a router at its end. push() may
// change the batch and take its content (by swap); afterwards the caller clears and reuses it.
class Input {
 public:
  virtual ~Input() = default;
  virtual void push(BatchBase& batch) = 0;
};

}  // namespace weir::runtime
