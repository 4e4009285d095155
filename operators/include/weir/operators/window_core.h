// WindowCore<K, Set>: slices -> windows. The consumer's side of every event-time window.
//
// State is slice -> key -> accumulator. A record updates one slice; windows are assembled from
// slices when the watermark passes their end.
//
// Lateness is exact (a record is judged by the watermark `w` of its own spout partition at its own
// position, rounded down to a multiple of the slice):
//   - on time for all its windows: it goes into its slice at once; no such window can have fired,
//     since the merged watermark is not ahead of `w`;
//   - late for some windows, on time for others: windows that end at or before `w` must not see it
//     even if a slower partition still holds them back, so it waits in `pending` under the
//     generation `w + slice` and joins its slice when the merged watermark gets there: after all
//     windows up to `w` have fired and before any later one does;
//   - late for all: the caller's late policy.
// So output does not depend on how partitions interleave.
//
// One exception: while a partition is idle the merged watermark passes its own. What it delivers
// when it is back is judged by what has fired (fired()), since those windows are gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/operators/aggregates.h"
#include "weir/operators/window_spec.h"
#include "weir/operators/window_totals.h"
#include "weir/runtime/operator.h"
#include "weir/state/table_group.h"

namespace weir::operators {

// A window's result for one key. `value` is a tuple if there are several aggregates.
template <class K, class R>
struct Windowed {
  K key{};
  EventTime start;
  EventTime end;
  R value{};
};

// A key with the slice that its pending contribution belongs to; hashes like the bare key, so that
// both live in one key group.
template <class K>
struct SlicedKey {
  std::int64_t slice = 0;
  K key{};
  friend bool operator==(const SlicedKey&, const SlicedKey&) = default;
};

template <class K, class Set>
class WindowCore {
 public:
  using Acc = typename Set::Acc;
  using Out = Windowed<K, typename Set::Result>;
  using Probe = typename runtime::KeyTraits<K>::Probe;
  using Slice = state::FlatTable<K, Acc>;
  using Keys = state::FlatTable<K, char, false>;
  using Totals =
      std::conditional_t<Set::kInvertible, SubtractingTotals<K, Set>, TwoStackTotals<K, Set>>;

  WindowCore(WindowSpec spec, Duration allowed, Set set)
      : spec_(spec), allowed_(allowed.count()), set_(std::move(set)) {}

  absl::Status open(const runtime::OperatorContext& context) {
    slices_.declare(context, "slices", "slices");
    pending_.declare(context, "pending", "slices");
    pending_.pin();
    if constexpr (Set::kAssociative) totals_ = std::make_unique<Totals>(set_, slices_.share());
    out_ = std::make_unique<runtime::Batch<Out>>(context.batch_size);
    metrics_ = context.metrics;
    for (const runtime::OperatorSnapshot* part : context.restored) {
      std::int64_t fired = 0;
      if (!runtime::decode_from(part->task_state, fired)) {
        return absl::DataLossError("the position of a window in the checkpoint cannot be decoded");
      }
      fired_ = fired_is_restored_ ? std::min(fired_, fired) : fired;
      fired_is_restored_ = true;
    }
    return absl::OkStatus();
  }
  // Rebuilds what is derived from the restored slices.
  void restored() {
    if (!fired_is_restored_ || !uses_totals()) return;
    if (fired_ == INT64_MIN || fired_ == kNever) return;
    // As after the last window: what lies behind its end may still change unnoticed, and the
    // watermark need not be at the edge of a slice.
    const std::int64_t end = spec_.next_end(fired_);
    enter_until(end - spec_.slide.count(), end - spec_.size.count());
  }
  void snapshot(runtime::OperatorSnapshot& out) {
    out.task_state = runtime::encode_to_string(fired_);
    out.states.push_back(slices_.descriptor());
    out.states.push_back(pending_.descriptor());
  }

  // --- input -----------------------------------------------------------------------------------

  // Whether all windows of the slice at `start` are closed at `w`, refiring included.
  bool is_late(std::int64_t start, std::int64_t w) const {
    return spec_.last_end(start) + allowed_ <= w;
  }
  // Up to here windows have fired: no record counts in a window that ends at or before it.
  std::int64_t fired() const { return fired_; }
  const WindowSpec& spec() const { return spec_; }
  const Set& set() const { return set_; }

  // The table of the slice that holds `t`. Valid until the next call of any other method.
  Slice& slice_at(std::int64_t start) { return slices_.at(start); }
  // Must precede the use of slices while some of their entries rest in the store only.
  bool must_fetch() const { return slices_.must_fetch(); }
  template <class KeyAt>
  void fetch(std::uint32_t n, const std::uint64_t* hashes, KeyAt&& key_at, std::int64_t slice) {
    slices_.fetch(n, hashes, key_at, slice);
  }
  // Where a contribution goes that is on time only for some windows; `w` as above, finite.
  Acc& pending_at(std::int64_t slice, std::uint64_t hash, Probe key, std::int64_t w) {
    const std::int64_t generation = spec_.slice_of(w) + spec_.slice_us;
    return pending_.at(generation).upsert(hash, SlicedKey<K>{slice, K(key)});
  }

  // --- firing ----------------------------------------------------------------------------------

  // Fires what is due at `watermark`, a few batches at a time.
  runtime::Progress advance(EventTime watermark, runtime::Input& to) {
    const std::int64_t upto = watermark.micros();
    for (;;) {
      if (firing_.has_value()) {
        if (!continue_firing(to)) return runtime::Progress::kMore;
        finish_boundary();
        continue;
      }
      const std::int64_t boundary = next_boundary();
      if (boundary > upto || boundary == kNever) break;
      begin_boundary(boundary, to);
    }
    fired_ = std::max(fired_, upto);
    return runtime::Progress::kDone;
  }

 private:
  static constexpr std::int64_t kNever = INT64_MAX;
  static constexpr int kBatchesPerStep = 8;

  struct Firing {
    std::int64_t end;  // of the window
    std::size_t position = 0;
  };

  bool uses_totals() const { return !spec_.is_tumbling(); }

  // The next moment at which something happens: a window with data ends, or a generation joins.
  std::int64_t next_boundary() const {
    if (fired_ == kNever) return kNever;
    std::int64_t next = kNever;
    const std::int64_t end = fired_ == INT64_MIN ? INT64_MIN : spec_.next_end(fired_);
    const std::int64_t begin = end == INT64_MIN ? INT64_MIN : end - spec_.size.count();
    const auto first = slices_.tables().lower_bound(begin);
    if (first != slices_.tables().end()) {
      next = std::max(end, spec_.first_end(first->first));
    }
    if (!pending_.tables().empty()) {
      next = std::min(next, pending_.tables().begin()->first);
    }
    return next;
  }

  void begin_boundary(std::int64_t boundary, runtime::Input& to) {
    join_pending(boundary, to);
    const bool is_end = spec_.next_end(boundary - 1) == boundary;
    if (!is_end) {
      fired_ = boundary;
      return;
    }
    if (uses_totals()) {
      if constexpr (Set::kAssociative) enter_until(boundary, boundary - spec_.size.count());
    } else if (slices_.find(boundary - spec_.size.count()) != nullptr) {
      slices_.fetch_all(boundary - spec_.size.count());
    }
    firing_ = Firing{boundary};
  }

  void finish_boundary() {
    fired_ = firing_->end;
    firing_.reset();
    // A slice leaves when its last window can neither fire nor fire again.
    while (!slices_.tables().empty()) {
      const std::int64_t start = slices_.tables().begin()->first;
      if (!is_late(start, fired_)) break;
      if constexpr (Set::kAssociative) {
        if (uses_totals()) leave_until(start + 1);
      }
      slices_.drop(start);
    }
  }

  // Emits results of the window that fires; false when it has emitted enough for now.
  bool continue_firing(runtime::Input& to) {
    const std::int64_t end = firing_->end;
    int batches = 0;
    begin_output(end);
    const auto emit = [&](const K& key, const Acc& acc) {
      put(key, end, acc);
      if (!out_->full()) return true;
      push_output(to);
      begin_output(end);
      return ++batches < kBatchesPerStep;
    };
    std::size_t stop = 0;
    if (uses_totals()) {
      if constexpr (Set::kAssociative) {
        firing_->position = totals_->for_each_from(firing_->position, emit);
        stop = totals_->end();
      }
    } else if (const Slice* slice = slices_.find(end - spec_.size.count())) {
      firing_->position = slice->for_each_from(firing_->position, emit);
      stop = slice->capacity();
    }
    push_output(to);
    return firing_->position >= stop;
  }

  void begin_output(std::int64_t end) {
    out_->clear();
    out_->has_times = true;
    // The results of a window are on time for every window that holds its last moment.
    out_->open_run(EventTime(end - 1));
  }
  void put(const K& key, std::int64_t end, const Acc& acc) {
    const std::uint32_t n = out_->size();
    Out& o = (*out_)[n];
    o.key = key;
    o.start = EventTime(end - spec_.size.count());
    o.end = EventTime(end);
    o.value = set_.result(acc);
    out_->times()[n] = end - 1;
    out_->resize(n + 1);
  }
  void push_output(runtime::Input& to) {
    if (out_->empty()) return;
    metrics_->records_out.add(out_->size());
    to.push(*out_);
    out_->clear();
  }

  // Lets all complete slices before `end` enter the totals, and those before `begin` leave.
  void enter_until(std::int64_t end, std::int64_t begin) {
    if constexpr (Set::kAssociative) {
      leave_until(begin);
      const auto& tables = slices_.tables();
      for (auto it = tables.lower_bound(std::max(entered_, begin));
           it != tables.end() && it->first + spec_.slice_us <= end; ++it) {
        slices_.fetch_all(it->first);
        totals_->enter(it->first, state::table_of<Slice>(*it));
        slices_.pack(it->first);  // few of its entries will change before it leaves
      }
      entered_ = std::max(entered_, end);
    }
  }
  void leave_until(std::int64_t begin) {
    if constexpr (Set::kAssociative) {
      const auto& tables = slices_.tables();
      for (auto it = tables.lower_bound(left_);
           it != tables.end() && it->first < begin && it->first + spec_.slice_us <= entered_;
           ++it) {
        fetch_for_leaving(it->first);
        totals_->leave(it->first, tables, state::table_of<Slice>(*it));
      }
      left_ = std::max(left_, begin);
    }
  }

  // The slice that leaves must be whole; where nothing can be subtracted, all newer ones as well.
  void fetch_for_leaving(std::int64_t start) {
    if (!slices_.must_fetch()) return;
    slices_.fetch_all(start);
    if constexpr (!Set::kInvertible) {
      for (const auto& [other, table] : slices_.tables()) {
        if (other > start && other < entered_) slices_.fetch_all(other);
      }
    }
  }

  // What slices [begin, end) hold of one key.
  void fetch_key(std::uint64_t hash, const K& key, std::int64_t begin, std::int64_t end) {
    for (auto it = slices_.tables().lower_bound(begin);
         it != slices_.tables().end() && it->first < end; ++it) {
      slices_.fetch(
          1, &hash, [&](std::uint32_t) -> const K& { return key; }, it->first);
    }
  }

  // Contributions of the generation `boundary` join their slices; windows that have fired and are
  // still open for it fire again.
  void join_pending(std::int64_t boundary, runtime::Input& to) {
    if constexpr (Set::kAssociative) {
      auto* table = pending_.find(boundary);
      if (table == nullptr) return;
      state::TableMap again;  // keys by the end of their window
      table->for_each([&](const SlicedKey<K>& at, const Acc& acc) {
        const std::uint64_t hash = runtime::KeyTraits<K>::hash(at.key);
        Slice& slice = slices_.at(at.slice);
        if (slices_.must_fetch()) {
          // What is corrected is compared with the newer slices of the totals.
          fetch_key(hash, at.key, at.slice, std::max(entered_, at.slice + 1));
        }
        const bool is_new = !slice.contains(hash, at.key);
        set_.merge(slice.upsert(hash, at.key), acc);
        const bool is_inside = at.slice >= left_ && at.slice + spec_.slice_us <= entered_;
        if (uses_totals() && is_inside) {
          totals_->correct(at.slice, slices_.tables(), hash, at.key, acc, is_new);
        }
        if (allowed_ == 0) return;
        const std::int64_t w = boundary - spec_.slice_us;
        for (std::int64_t end = spec_.first_end(at.slice);
             end <= w && end <= spec_.last_end(at.slice); end += spec_.slide.count()) {
          if (end + allowed_ <= w) continue;
          auto& keys = again[end];
          if (keys == nullptr) {
            keys = std::make_unique<Keys>(state::RowPrefix{.share = slices_.share()});
          }
          static_cast<Keys&>(*keys).upsert(hash, at.key);
        }
      });
      pending_.drop(boundary);
      for (const auto& entry : again) {
        fire_again(entry.first, boundary, state::table_of<Keys>(entry), to);
      }
    }
  }

  void fire_again(std::int64_t end, std::int64_t boundary, const Keys& keys, runtime::Input& to) {
    begin_output(boundary);
    keys.for_each([&](const K& key, char) {
      const std::uint64_t hash = runtime::key_hash(key);
      Acc acc{};
      const auto& tables = slices_.tables();
      if (slices_.must_fetch()) fetch_key(hash, key, end - spec_.size.count(), end);
      for (auto it = tables.lower_bound(end - spec_.size.count());
           it != tables.end() && it->first < end; ++it) {
        if (const Acc* part = state::table_of<Slice>(*it).find(hash, key)) set_.merge(acc, *part);
      }
      put(key, end, acc);
      if (out_->full()) {
        push_output(to);
        begin_output(boundary);
      }
    });
    push_output(to);
  }

  const WindowSpec spec_;
  const std::int64_t allowed_;
  const Set set_;
  runtime::OperatorMetrics* metrics_ = nullptr;

  state::TableGroup<K, Acc> slices_;
  state::TableGroup<SlicedKey<K>, Acc> pending_;  // by generation
  std::int64_t fired_ = INT64_MIN;                // all windows that end here or before have fired
  bool fired_is_restored_ = false;

  std::unique_ptr<Totals> totals_;  // slices in [left_, entered_)
  std::int64_t entered_ = INT64_MIN;
  std::int64_t left_ = INT64_MIN;
  std::optional<Firing> firing_;
  std::unique_ptr<runtime::Batch<Out>> out_;
};

}  // namespace weir::operators

namespace weir::runtime {

template <Encodable K, Encodable R>
struct Codec<operators::Windowed<K, R>>
    : RowCodec<operators::Windowed<K, R>, VisitFour, K, EventTime, EventTime, R> {
  static std::string schema() {
    return "windowed<" + Codec<K>::schema() + "," + Codec<R>::schema() + ">";
  }
};

template <class K>
struct Codec<operators::SlicedKey<K>> {
  static void encode(Encoder& out, const operators::SlicedKey<K>& v) {
    Codec<std::int64_t>::encode(out, v.slice);
    Codec<K>::encode(out, v.key);
  }
  static bool decode(Decoder& in, operators::SlicedKey<K>& v) {
    return Codec<std::int64_t>::decode(in, v.slice) && Codec<K>::decode(in, v.key);
  }
  static std::string schema() { return "sliced<" + Codec<K>::schema() + ">"; }
};

template <class K>
struct KeyTraits<operators::SlicedKey<K>> {
  using Sliced = operators::SlicedKey<K>;
  using Probe = const Sliced&;
  // That of the bare key: pending contributions stay in the key's group.
  static std::uint64_t hash(const Sliced& k) { return KeyTraits<K>::hash(k.key); }
  static void encode_key(std::string& out, const Sliced& k) { encode_to(out, k); }
  [[nodiscard]] static bool decode_key(std::string_view bytes, Sliced& k) {
    return decode_from(bytes, k);
  }
  static bool equal(const Sliced& stored, const Sliced& probe) { return stored == probe; }
  static bool is_default(const Sliced& stored) { return stored == Sliced{}; }
  static const Sliced& own(const Sliced& probe) { return probe; }
};

}  // namespace weir::runtime

namespace weir {
using operators::Windowed;
}  // namespace weir
