// key_by: computes each record's key hash once; it serves routing and every table probe downstream.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "weir/runtime/key.h"
#include "weir/runtime/operator.h"
#include "weir/runtime/user_error.h"

namespace weir::operators {

// The key type that KeyFn (a member pointer or a function) yields for T: text is kept as string.
template <class T, class KeyFn>
struct KeyOf {
  using Raw = std::remove_cvref_t<std::invoke_result_t<const KeyFn&, const T&>>;
  using Type = std::conditional_t<std::is_same_v<Raw, std::string_view>, std::string, Raw>;
};
template <class T, class KeyFn>
using KeyOfT = typename KeyOf<T, KeyFn>::Type;

// How a loop over a batch holds a function of records: a member pointer as a copy, which stays in a
// register, where the original would be read again after each store.
template <class F>
using LoopCopy = std::conditional_t<std::is_member_pointer_v<F>, const F, const F&>;

template <class T, class KeyFn>
class KeyByOperator final : public runtime::Operator {
 public:
  explicit KeyByOperator(KeyFn key) : key_(std::move(key)) {}

  void push(runtime::BatchBase& batch) override {
    auto& in = runtime::Batch<T>::of(batch);
    const T* records = in.records();
    std::uint64_t* hashes = in.hashes();
    const LoopCopy<KeyFn> key = key_;
    runtime::for_each_record(context(), in, [&](std::uint32_t i) {
      hashes[i] = runtime::key_hash(std::invoke(key, records[i]));
    });
    in.has_hashes = true;
    output().push(in);
  }

 private:
  KeyFn key_;
};

}  // namespace weir::operators
